"""TOML: the standard library's parser, behind a look at the nesting that it does not bound itself."""

import re
import tomllib
from datetime import date, datetime, time
from typing import Any

from domain.definitions.reading import Written
from domain.errors import DefinitionError
from infra.files.refusals import DEEPEST, MOST_VALUES, refusal, too_deep, too_much

LONGEST_KEY = 16  # parts of a dotted key: tomllib takes time that grows with their square
TOKEN = re.compile(
    r'"""(?:[^"\\]|\\.|"(?!""))*+(?:"{3,5}|\Z)'
    r"|'''(?:[^']|'(?!''))*+(?:'{3,5}|\Z)"
    r'|"(?:[^"\\\n]|\\.)*+"?'
    r"|'[^'\n]*+'?"
    r"|#[^\n]*+"
    r"|(?P<mark>[][{}=,.\n])",
    re.DOTALL,
)
POSITION = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")
TWICE = ("Cannot overwrite a value", "Cannot declare", "Duplicate inline table key")


def parse(text: str) -> dict[str, Any]:
    """The tree of dicts, lists, text, booleans, and numbers as Written. Raises DefinitionError."""
    _bounded(text)
    try:
        return {key: _tree(value) for key, value in _loaded(text).items()}
    except tomllib.TOMLDecodeError as error:
        raise _refused(error, text) from error
    except RecursionError as error:
        raise too_deep() from error
    except ValueError as error:  # a date or number that fits the grammar and no Python value
        raise refusal("DEFINITION_SYNTAX", str(error)) from error


def _loaded(text: str) -> dict[str, Any]:
    return tomllib.loads(text, parse_float=_float)


def _bounded(text: str) -> None:
    """Refuses what would make the parser slow or overflow its stack."""
    depth = dots = values = 0
    for match in TOKEN.finditer(text):
        mark = match["mark"]
        if mark is None:
            continue
        values += mark in "=,["
        depth = max(depth + (mark in "[{") - (mark in "]}"), 0)
        dots = dots + 1 if mark == "." else 0
        if depth > DEEPEST or dots >= LONGEST_KEY:
            raise too_deep(*_place(text, match.start()))
        if values > MOST_VALUES:
            raise too_much(*_place(text, match.start()))


def _place(text: str, at: int) -> tuple[int, int]:
    return text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)


def _float(text: str) -> Written:
    """A number's own text; what TOML writes as inf and nan is .inf and .nan to the domain."""
    text = text.replace("_", "")
    return Written(text.replace("inf", ".inf").replace("nan", ".nan"))


def _tree(value: Any) -> Any:
    match value:
        case dict():
            return {key: _tree(member) for key, member in value.items()}
        case list():
            return [_tree(member) for member in value]
        case bool() | str() | Written():
            return value
        case int():
            return Written(str(value))
        case datetime() | date() | time():
            return value.isoformat().replace("+00:00", "Z")


def _refused(error: tomllib.TOMLDecodeError, text: str) -> DefinitionError:
    message = str(error)
    position = POSITION.search(message)
    says = message[: position.start()] if position else message
    kind = "DEFINITION_DUPLICATE_KEY" if says.startswith(TWICE) else "DEFINITION_SYNTAX"
    if position is None:
        return refusal(kind, says)
    if position[1] is None:
        line, column = _place(text, len(text))
    else:
        line, column = int(position[1]), int(position[2])
    return refusal(kind, says, line=line, column=column)
