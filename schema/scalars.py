"""Custom scalars: how they are written, not which values make sense."""

import math
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import NewType

from graphql import GraphQLError
from strawberry.types.scalar import ScalarDefinition

from domain.files.incoming import Incoming
from schema import versions

JSON = NewType("JSON", object)
JSONPointer = NewType("JSONPointer", str)
Duration = NewType("Duration", float)  # seconds
Command = NewType("Command", object)  # str | list[str]
IntOrString = NewType("IntOrString", object)  # int | str
SafeInt = NewType("SafeInt", int)  # what a double holds exactly: more than GraphQL's Int does

Upload = NewType("Upload", Incoming)

SAFEST = 2**53 - 1

_POINTER = re.compile(r"(/([^~/]|~[01])*)*")
_DURATION = re.compile(
    r"P(?:(\d+)D)?(?:T(?=\d)(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?", re.ASCII
)


def parse_datetime(value: object) -> datetime:
    """Text without an offset is refused: it names no moment."""
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
        if moment is not None and moment.tzinfo is not None:
            return moment.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise _wrong("DateTime", "text such as 2026-01-31T12:00:00Z", value) from error
    raise _wrong("DateTime", "text such as 2026-01-31T12:00:00Z", value)


def show_datetime(value: datetime) -> str:
    moment = value if value.tzinfo is UTC else value.astimezone(UTC)
    return moment.isoformat()[: -len("+00:00")] + "Z"


def parse_date(value: object) -> date:
    try:
        if isinstance(value, str):
            return date.fromisoformat(value)
    except ValueError as error:
        raise _wrong("Date", "text such as 2026-01-31", value) from error
    raise _wrong("Date", "text such as 2026-01-31", value)


def parse_duration(value: object) -> float:
    """Seconds, of ISO 8601 text (days and below) or of a plain number of seconds."""
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        return float(value)
    found = _DURATION.fullmatch(value) if isinstance(value, str) and len(value) <= 64 else None
    if found is None or not any(found.groups()):
        raise _wrong("Duration", "text such as PT1M30S, or a number of seconds", value)
    days, hours, minutes, seconds = (float(part or 0) for part in found.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60 + seconds


def show_duration(value: float) -> str:
    minutes, seconds = divmod(value, 60)
    hours, minutes = divmod(int(minutes), 60)
    shown = f"{hours}H" * bool(hours) + f"{minutes}M" * bool(minutes)
    if seconds or not shown:
        shown += f"{seconds:.6f}".rstrip("0").rstrip(".") + "S"
    return f"PT{shown}"


def duration(seconds: float | None) -> Duration | None:
    return None if seconds is None else Duration(seconds)


def parse_pointer(value: object) -> str:
    if isinstance(value, str) and _POINTER.fullmatch(value):
        return value
    raise _wrong("JSONPointer", "a JSON Pointer such as /models/0/service/port", value)


def parse_command(value: object) -> str | list[str]:
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(part, str) for part in value):
        return value
    raise _wrong("Command", "a string or a list of strings", value)


def parse_int_or_string(value: object) -> int | str:
    if isinstance(value, int | str) and not isinstance(value, bool):
        return value
    raise _wrong("IntOrString", "an integer or a string", value)


def parse_safe_int(value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) <= SAFEST:
        return value
    raise _wrong("SafeInt", f"an integer from {-SAFEST} to {SAFEST}", value)


def parse_upload(value: object) -> Incoming:
    """What the transport put there; a value of JSON is none."""
    if isinstance(value, Incoming):
        return value
    raise _wrong("Upload", "a file of a form (graphql-multipart-request-spec)", value)


def show_upload(value: object) -> object:
    raise GraphQLError("Upload is for inputs.")


def show_command(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value


def parse_json(value: object) -> object:
    return value


def _wrong(name: str, wanted: str, value: object) -> GraphQLError:
    shown = repr(value)
    return GraphQLError(
        f"{name} is {wanted}, not {shown if len(shown) <= 80 else shown[:79] + '…'}"
    )


SCALARS: Mapping[object, ScalarDefinition] = {
    datetime: versions.scalar(
        "DateTime",
        added="0.1.0",
        description="A moment, as ISO 8601 text with an offset; answers are in UTC.",
        serialize=show_datetime,
        parse_value=parse_datetime,
        specified_by_url="https://scalars.graphql.org/andimarek/date-time",
    ),
    date: versions.scalar(
        "Date",
        added="0.3.0",
        description="A day, as ISO 8601 text: 2026-01-31.",
        serialize=date.isoformat,
        parse_value=parse_date,
        specified_by_url="https://scalars.graphql.org/andimarek/local-date",
    ),
    Duration: versions.scalar(
        "Duration",
        added="0.1.0",
        description="A length of time as ISO 8601 text (PT1M30S); inputs may be seconds as a number.",
        serialize=show_duration,
        parse_value=parse_duration,
    ),
    JSONPointer: versions.scalar(
        "JSONPointer",
        added="0.1.0",
        description="A place in a JSON document, e.g. /models/0/service/port; empty is the whole.",
        serialize=str,
        parse_value=parse_pointer,
        specified_by_url="https://www.rfc-editor.org/rfc/rfc6901",
    ),
    JSON: versions.scalar(
        "JSON",
        added="0.1.0",
        description="Any JSON value.",
        serialize=parse_json,
        parse_value=parse_json,
        specified_by_url="https://www.rfc-editor.org/rfc/rfc8259",
    ),
    Command: versions.scalar(
        "Command",
        added="0.1.0",
        description="A string for the shell, or a list of strings that goes through no shell.",
        serialize=show_command,
        parse_value=parse_command,
    ),
    IntOrString: versions.scalar(
        "IntOrString",
        added="0.1.0",
        description="An integer or a string.",
        serialize=parse_json,
        parse_value=parse_int_or_string,
    ),
    Upload: versions.scalar(
        "Upload",
        added="0.2.0",
        description="A file, in a form as graphql-multipart-request-spec has it; only in variables.",
        serialize=show_upload,
        parse_value=parse_upload,
        specified_by_url="https://github.com/jaydenseric/graphql-multipart-request-spec",
    ),
    SafeInt: versions.scalar(
        "SafeInt",
        added="0.2.0",
        description="An integer that a double holds exactly; counts that may exceed 32 bits.",
        serialize=parse_safe_int,
        parse_value=parse_safe_int,
    ),
}
