"""How a noun's rows and its domain values answer to each other: a column for each field."""

from collections.abc import Mapping
from dataclasses import fields
from functools import cached_property
from typing import Any, Generic, TypeVar

from sqlalchemy import (
    Column,
    ColumnElement,
    Delete,
    Index,
    Insert,
    MetaData,
    Select,
    Table,
    Text,
    TextClause,
    UniqueConstraint,
    Update,
    bindparam,
    delete,
    insert,
    select,
    type_coerce,
    update,
)

from infra.db.stored import maker
from infra.db.types import Document

T = TypeVar("T")

METADATA = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class Noun(Generic[T]):
    """A table whose columns are named as the value's fields are.

    `unique` is what a NameTaken stands for; `called` is the field that it then names. `listed` says
    which rows are listed where nobody asks for those that are over and done with, too; `everyday`
    which are where nobody asks for those that were made for batches.
    """

    def __init__(
        self,
        kind: str,
        value: type[T],
        table: Table,
        unique: UniqueConstraint | Index | None = None,
        called: str = "name",
        listed: ColumnElement[bool] | TextClause | None = None,
        everyday: ColumnElement[bool] | TextClause | None = None,
    ) -> None:
        self.kind = kind
        self.value = value
        self.table = table
        self.unique = unique
        self.called = called
        self.listed = listed
        self.everyday = everyday
        self.names = tuple(field.name for field in fields(value))  # type: ignore[arg-type]  # T is a dataclass
        self.columns = tuple(_as_read(table.c[name]) for name in self.names)
        kinds = {column.name: column.type for column in table.c}
        documents = {name: kind.read for name, kind in kinds.items() if isinstance(kind, Document)}
        self.to_value = maker(value, self.names, documents)

    def select(self) -> Select[Any]:
        return select(*self.columns)

    @cached_property
    def get(self) -> Select[Any]:
        """The row of `row_id`. These statements are built once: building costs more than running."""
        return self.select().where(self.table.c.id == bindparam("row_id"))

    @cached_property
    def by_ids(self) -> Select[Any]:
        """The rows of `row_ids`."""
        return self.select().where(self.table.c.id.in_(bindparam("row_ids", expanding=True)))

    @cached_property
    def lock(self) -> Select[Any]:
        """SQLite holds the whole database for a unit of work; PostgreSQL locks the row, but lets
        others refer to it."""
        return self.get.with_for_update(key_share=True)

    @cached_property
    def insert(self) -> Insert:
        return insert(self.table)

    @cached_property
    def update(self) -> Update:
        return update(self.table).where(self.table.c.id == bindparam("row_id"))

    @cached_property
    def delete(self) -> Delete:
        return delete(self.table).where(self.table.c.id == bindparam("row_id"))

    def to_row(self, value: T) -> Mapping[str, Any]:
        return {name: getattr(value, name) for name in self.names}


def _as_read(column: Column[Any]) -> ColumnElement[Any]:
    """Documents come as they are written: see `stored`."""
    if not isinstance(column.type, Document):
        return column
    return type_coerce(column, Text).label(column.name)
