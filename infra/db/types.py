"""Column types that hold domain values, alike on SQLite and PostgreSQL."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum
from functools import cached_property
from typing import Any

from pydantic import TypeAdapter
from pydantic_core import PydanticSerializationError
from sqlalchemy import JSON, DateTime, Dialect, Text, TypeDecorator

from domain.errors import InvalidValue


class PlainText(TypeDecorator[str]):
    """Text in code point order, as Python sorts it; refuses what PostgreSQL can't keep."""

    impl = Text().with_variant(Text(collation="C"), "postgresql")
    cache_ok = True

    @property
    def python_type(self) -> type[Any]:
        return str

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return value if value is None else storable(value)


class Enumerated(TypeDecorator[StrEnum]):
    """A member of an enum, kept as its value."""

    impl = Text().with_variant(Text(collation="C"), "postgresql")
    cache_ok = True

    def __init__(self, members: type[StrEnum]) -> None:
        super().__init__()
        self.members = members

    @property
    def python_type(self) -> type[Any]:
        return str

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        if value is None or value in self.members.__members__.values():
            return None if value is None else str(value)
        raise InvalidValue(problem=f"{value!r} is none of {', '.join(self.members)}.")

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], Any]:
        """Thousands of rows are read at once: a look into a dict costs a fifth of a call of the enum."""
        found: dict[str | None, StrEnum | None] = {member.value: member for member in self.members}
        return {None: None, **found}.__getitem__


class Moment(TypeDecorator[datetime]):
    """An aware time with microseconds; SQLite keeps it in UTC as text that sorts."""

    impl = DateTime(timezone=True)
    cache_ok = True

    @property
    def python_type(self) -> type[Any]:
        return datetime

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise InvalidValue(problem=f"The time {value.isoformat()} has no time zone.")
        return value.astimezone(UTC)

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], Any]:
        return _of_text if dialect.name == "sqlite" else _in_utc


def _of_text(written: str | None) -> datetime | None:
    """Said with its offset, a time is read as aware; `replace` would cost several times as much."""
    return None if written is None else datetime.fromisoformat(f"{written}+00:00")


def _in_utc(value: datetime | None) -> datetime | None:
    return value if value is None or value.tzinfo is UTC else value.astimezone(UTC)


class JsonText(TypeDecorator[str]):
    """JSON that is written and read as text, in the order in which it was written."""

    impl = JSON
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        return value if value is None else storable_json(value)


class Document(JsonText):
    """A domain value, or a tree of such, kept as JSON."""

    cache_ok = True

    def __init__(self, content: Any) -> None:
        super().__init__()
        self.content = content

    @cached_property
    def adapter(self) -> TypeAdapter[Any]:
        return TypeAdapter(self.content)

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        return None if value is None else storable_json(dump(self.adapter, value))

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        return None if value is None else self.read(value)

    def read(self, written: str) -> Any:
        return self.adapter.validate_json(written)


class Tags(Document):
    """A tuple of texts; listings can ask for one of them."""

    cache_ok = True

    def __init__(self) -> None:
        super().__init__(tuple[str, ...])


UNSTORABLE = "Text can't hold NUL characters or unpaired surrogates."
NUL_IN_JSON = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")


def storable(text: str) -> str:
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise InvalidValue(problem=UNSTORABLE) from error
    if "\0" in text:
        raise InvalidValue(problem=UNSTORABLE)
    return text


def storable_json(text: str) -> str:
    if "\\u0000" in text and NUL_IN_JSON.search(text):
        raise InvalidValue(problem=UNSTORABLE)
    return text


def dump(adapter: TypeAdapter[Any], value: Any) -> str:
    try:
        return adapter.dump_json(value).decode()
    except (PydanticSerializationError, UnicodeEncodeError) as error:
        raise InvalidValue(problem=UNSTORABLE) from error
