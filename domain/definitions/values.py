"""Single values of a draft against their field: read, judged, and made JSON-plain."""

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from domain.definitions import reading
from domain.definitions.definition import short
from domain.definitions.fields import Shape
from domain.definitions.findings import shown
from domain.errors import Path

OUT_OF_RANGE = {
    "greater_than",
    "greater_than_equal",
    "less_than",
    "less_than_equal",
    "literal_error",
    "string_pattern_mismatch",
    "string_too_long",
    "string_too_short",
    "too_short",
}


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a value; `path` leads from the value to the faulty member."""

    kind: str
    path: Path
    says: str
    value: Any = None
    suggestion: str | None = None


def leaf(shape: Shape, written: Any) -> tuple[Any, tuple[Fault, ...]]:
    """The field's value, JSON-plain; or whatever, with what is wrong with it."""
    assert shape.adapter is not None
    value = shape.read(written)
    try:
        valid = shape.adapter.validate_python(tuple(value) if isinstance(value, list) else value)
    except ValidationError as error:
        return None, tuple(_faults(shape, written, value, error.errors(include_url=False)))
    faults = tuple(unstorable(valid))
    if isinstance(valid, float):
        return short(valid), faults
    return (list(valid) if isinstance(valid, tuple) else valid), faults


def free(written: Any) -> tuple[Any, tuple[Fault, ...]]:
    """Any JSON value, where the definition is open."""
    faults = tuple(unstorable(written))
    return (None if faults else reading.plain(written)), faults


def unstorable(value: Any) -> Iterator[Fault]:
    for path, says in reading.unstorable(value):
        yield Fault("WRONG_TYPE", path, says, _shown_at(value, path))


def _shown_at(value: Any, path: Path) -> str:
    for step in path:
        value = value[step]
    return shown(reading.scalar(value) if isinstance(value, reading.Written) else value)


def _faults(shape: Shape, written: Any, value: Any, errors: list[ErrorDetails]) -> Iterator[Fault]:
    if isinstance(value, list) and "list" in shape.wants:
        yield from _member_faults(value, errors)
        return
    ranged = next((e for e in errors if e["type"] in OUT_OF_RANGE), None)
    if ranged and not (shape.choices and not isinstance(value, str)):
        near = get_close_matches(str(value)[:80], shape.choices, n=1)
        yield Fault(
            "OUT_OF_RANGE",
            (),
            f"{_rule(ranged)}, not {shown(value)}",
            _tellable(value),
            next(iter(near), None),
        )
        return
    says = f"this wants {shape.wants}, not {shown(value)}"
    yield Fault("WRONG_TYPE", (), says, _tellable(value), _mended(shape, written))


def _member_faults(value: list[Any], errors: list[ErrorDetails]) -> Iterator[Fault]:
    """An empty list where one is too few, or members of a wrong type."""
    for error in errors:
        index = next((step for step in error["loc"] if isinstance(step, int)), None)
        if index is not None:
            says = f"this wants text, not {shown(value[index])}"
            yield Fault("WRONG_TYPE", (index,), says, _tellable(value[index]))
        elif error["type"] == "too_short" and not value:
            yield Fault("OUT_OF_RANGE", (), "this list can't be empty", value)


def _rule(error: ErrorDetails) -> str:
    match error["type"]:
        case "string_too_short":
            return "this can't be empty text"
        case "string_too_long":
            return f"this can't have more than {error['ctx']['max_length']} characters"
        case "string_pattern_mismatch" if error.get("ctx", {}).get("pattern") == "^/":
            return "this has to begin with a slash"
        case _:
            return error["msg"].replace("Input should", "this has to").replace("to be", "to be", 1)


def _mended(shape: Shape, written: Any) -> str | None:
    """The value that was probably meant: the number in quotes, the text without, yes as true."""
    if isinstance(written, reading.Written):
        if "text" in shape.wants:
            return f'"{written.text}"'
        word = {"yes": "true", "on": "true", "no": "false", "off": "false"}.get(
            written.text.lower()
        )
        if shape.wants == "true or false":
            return word
        written = written.text.lstrip("0") or "0"
    if isinstance(written, str) and shape.wants in ("an integer", "a number"):
        guess = reading.scalar(reading.Written(written))
        number = isinstance(guess, int | float) and not isinstance(guess, bool)
        return written if number and not any(unstorable(guess)) else None
    return None


def _tellable(value: Any) -> Any:
    """The value as an error may carry it: JSON-plain, or else its description."""
    return shown(value) if any(reading.unstorable(value)) else reading.plain(value)
