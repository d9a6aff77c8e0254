"""Scalars read by the field's type, not by a format's guess.

A file's parser does not decide what `1.0`, `yes` or `2024-01-01` is: it hands on the text as
`Written`. Here the text becomes a value, by YAML 1.2's JSON-like rules: `true` and `false` alone
are booleans (`yes`, `no`, `on`, `off` are text), a number with leading zeros is text, and so are
timestamps, `1:30` and `1_000`. Quoted scalars are text and never come as `Written`.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any

from domain.errors import Path

DEEPEST = 64  # levels of a free value
INT64 = range(-(2**63), 2**63)  # what every store, client and JSON encoder holds
INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)")
HEX = re.compile(r"0x[0-9a-fA-F]{1,16}")
FLOAT = re.compile(r"[-+]?((0|[1-9][0-9]*)(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?")
NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
WORDS = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}


@dataclass(frozen=True, slots=True)
class Written:
    """A scalar of a file that stands without quotes: its text, as written."""

    text: str


def scalar(written: Written) -> Any:
    """What the text is where no field says otherwise."""
    text = written.text
    if text in WORDS:
        return WORDS[text]
    if not text[:1].isascii() or text[:1].isalpha() or len(text) > 400:
        return text
    if INTEGER.fullmatch(text):
        return int(text)
    if HEX.fullmatch(text):
        return int(text, 16)
    if NOT_FINITE.fullmatch(text):
        return float(text.replace(".", "", 1))
    return float(text) if FLOAT.fullmatch(text) else text


def number_as_text(value: Any) -> Any:
    """A number's own text; anything else as `scalar` reads it."""
    if not isinstance(value, Written):
        return value
    guess = scalar(value)
    return value.text if isinstance(guess, int | float) and not isinstance(guess, bool) else guess


def number_or_text(value: Any) -> Any:
    """An integer whose text is that of the number; the text of any other number."""
    if not isinstance(value, Written):
        return value
    guess = scalar(value)
    plain = isinstance(guess, int) and str(guess) == value.text and guess in INT64
    return guess if plain else number_as_text(value)


def plain(value: Any) -> Any:
    """The value with every `Written` read, lists for tuples. Call it after `unstorable` found nothing."""
    match value:
        case Written():
            return scalar(value)
        case Mapping():
            return {key: plain(member) for key, member in value.items()}
        case list() | tuple():
            return [plain(member) for member in value]
        case _:
            return value


def unstorable(value: Any, path: Path = ()) -> Iterator[tuple[Path, str]]:
    """What JSON or the database can't hold of a value: (path, what is wrong there)."""
    match value:
        case Written():
            yield from unstorable(scalar(value), path)
        case str():
            if says := text_problem(value):
                yield path, says
        case None | bool():
            return
        case int():
            if value not in INT64:
                yield path, "this number does not fit 64 bits"
        case float():
            if not isfinite(value):
                yield path, "this is not a finite number"
        case Mapping() | list() | tuple():
            yield from _unstorable_members(value, path)
        case _:
            yield path, f"a {type(value).__name__} is no JSON value"


def text_problem(text: str) -> str | None:
    if "\0" in text:
        return "text can't have a NUL character"
    if text.isascii():
        return None
    return (
        "text can't have a lone surrogate" if any("\ud800" <= c <= "\udfff" for c in text) else None
    )


def _unstorable_members(
    value: Mapping[Any, Any] | list[Any] | tuple[Any, ...], path: Path
) -> Iterator[tuple[Path, str]]:
    if len(path) >= DEEPEST:
        yield path, f"this is nested deeper than {DEEPEST} levels"
        return
    if not isinstance(value, Mapping):
        for index, member in enumerate(value):
            yield from unstorable(member, (*path, index))
        return
    for key, member in value.items():
        if not isinstance(key, str) or text_problem(key):
            yield path, f"{ascii(key)[:80]} is no key that JSON holds"
        else:
            yield from unstorable(member, (*path, key))
