"""Where in a shell's text a quoted value may stand, and where it would break out of its place."""

import re
from collections.abc import Iterator

HEREDOC = re.compile(r"<<-?[ \t]*(['\"]?)([A-Za-z_][A-Za-z0-9_]*)\1")


def quoted(command: str, *, shell: bool) -> list[bool]:
    """For each character, whether it stands where quotes are text: inside of quotes, behind a
    backslash, in a comment or a here-document.

    Without a shell the text is split as `shlex.split` does: it knows quotes and backslashes alone.
    """
    result = [False] * len(command)
    for start, end in _regions(command, shell):
        result[start:end] = [True] * (min(end, len(command)) - start)
    return result


def _regions(text: str, shell: bool) -> Iterator[tuple[int, int]]:
    """Spans in which nothing may be quoted. The stack has what closes each open construct."""
    at = 0
    open_by: list[str] = []
    heredoc: str | None = None
    while at < len(text):
        inner = open_by[-1:] == ['"']
        char = text[at]
        end = at + 1
        if char == "\\":
            end = at + 2
            yield at + 1, end
        elif inner:
            end = _in_double(text, at, open_by, shell)
            yield at, at + 1
        elif char == "'":
            end = _after(text, "'", at + 1, escapes=shell and text[at - 1 : at] == "$")
            yield at + 1, end
        elif char == '"':
            open_by.append('"')
        elif shell and char == "#" and (at == 0 or text[at - 1] in " \t\n;&|("):
            end = _line_end(text, at)
            yield at, end
        elif shell and char == "\n" and heredoc:
            end = _heredoc_end(text, at + 1, heredoc)
            yield at, end
            heredoc = None
        elif shell and (match := HEREDOC.match(text, at)) and text[at : at + 3] != "<<<":
            heredoc, end = match[2], match.end()
        elif shell:
            end = _nest(text, at, open_by)
        at = end


def _in_double(text: str, at: int, open_by: list[str], shell: bool) -> int:
    """One step inside double quotes: they end, or a command substitution begins anew."""
    if text[at] == '"':
        open_by.pop()
        return at + 1
    return _nest(text, at, open_by) if shell else at + 1


def _nest(text: str, at: int, open_by: list[str]) -> int:
    """One step that may open or close `$(…)`, `(…)` or backticks."""
    if text.startswith("$(", at):
        open_by.append(")")
        return at + 2
    if text[at] == "`":
        open_by.pop() if open_by[-1:] == ["`"] else open_by.append("`")
    elif open_by[-1:] != ['"']:
        if text[at] == "(":
            open_by.append(")")
        elif text[at] == ")" and open_by[-1:] == [")"]:
            open_by.pop()
    return at + 1


def _after(text: str, quote: str, at: int, *, escapes: bool) -> int:
    """The place of the closing quote, or the text's end."""
    while at < len(text) and text[at] != quote:
        at += 2 if escapes and text[at] == "\\" else 1
    return min(at + 1, len(text))


def _line_end(text: str, at: int) -> int:
    end = text.find("\n", at)
    return len(text) if end < 0 else end


def _heredoc_end(text: str, at: int, word: str) -> int:
    while at < len(text):
        end = _line_end(text, at)
        if text[at:end].strip() == word:
            return end
        at = end + 1
    return len(text)
