"""Committed rows for display."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import Executable

from domain.listing import Listing, Page, field_of
from infra.db import listing as sql
from infra.db.engine import Engines
from infra.db.noun import Noun

T = TypeVar("T")

MOST_IDS = 10_000  # both databases bound a statement's parameters, at 32,766 and 32,767


@dataclass(frozen=True, slots=True)
class StoredLists(Generic[T]):
    engines: Engines
    noun: Noun[T]

    async def by_ids(self, ids: Collection[str]) -> Mapping[str, T]:
        found = await self.values_of(self.noun.by_ids, ids)
        return {field_of(value, "id"): value for value in found}

    async def page(self, listing: Listing) -> Page[T]:
        return sql.cut(await self.values(sql.page(self.noun, listing)), listing)

    async def count(self, listing: Listing) -> int:
        return int((await self.rows(sql.count(self.noun, listing)))[0][0])

    async def values_of(self, statement: Executable, ids: Collection[str]) -> Sequence[T]:
        """What the statement gives for `row_ids`; it is run more than once only for very many."""
        wanted, found = list(ids), list[T]()
        for start in range(0, len(wanted), MOST_IDS):
            found += await self.values(statement, {"row_ids": wanted[start : start + MOST_IDS]})
        return found

    async def values(
        self, statement: Executable, params: Mapping[str, Any] | None = None
    ) -> Sequence[T]:
        return list(map(self.noun.to_value, await self.engines.rows(statement, params)))

    async def rows(self, statement: Executable) -> Sequence[Any]:
        return await self.engines.rows(statement)
