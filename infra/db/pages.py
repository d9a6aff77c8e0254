"""Lists of what belongs to deployments or revisions: a page of each of many, in one statement."""

from collections.abc import Collection, Mapping
from typing import Any, TypeVar

from sqlalchemy import Select, func, select

from domain.listing import Listing, Page, field_of
from infra.db import listing as sql
from infra.db.engine import Engines
from infra.db.lists import StoredLists
from infra.db.noun import Noun

T = TypeVar("T")


class StoredPages(StoredLists[T]):
    async def pages(
        self, deployment_ids: Collection[str], listing: Listing
    ) -> Mapping[str, Page[T]]:
        return await pages(self.engines, self.noun, self.noun, deployment_ids, listing)

    async def counts(self, deployment_ids: Collection[str], listing: Listing) -> Mapping[str, int]:
        return await counts(self.engines, self.noun, deployment_ids, listing)


async def pages(
    engines: Engines,
    noun: Noun[Any],
    shown: Noun[T],
    owner_ids: Collection[str],
    listing: Listing,
    of: str = "deployment_id",
) -> Mapping[str, Page[T]]:
    """Rows of `noun`, as `shown` has them, which is of the same table; `of` names their owner."""
    found: dict[str, list[T]] = {id_: [] for id_ in owner_ids}
    for row in await engines.rows(_best(noun, shown, owner_ids, listing, of)):
        value = shown.to_value(row)
        found[field_of(value, of)].append(value)
    return {id_: sql.cut(values, listing) for id_, values in found.items()}


async def counts(
    engines: Engines,
    noun: Noun[Any],
    owner_ids: Collection[str],
    listing: Listing,
    of: str = "deployment_id",
) -> Mapping[str, int]:
    column = noun.table.c[of]
    counted = sql.filtered(noun, select(column, func.count()), listing)
    grouped = counted.where(column.in_(list(owner_ids))).group_by(column)
    found: dict[str, int] = dict(await engines.rows(grouped))
    return {id_: found.get(id_, 0) for id_ in owner_ids}


def _best(
    noun: Noun[Any], shown: Noun[T], owner_ids: Collection[str], listing: Listing, of: str
) -> Select[Any]:
    """A window numbers each owner's rows; the first of them are read, and one more, which
    shows whether there is a next page."""
    table = noun.table.c
    order = sql.ordered(noun, listing.order)
    rank = func.row_number().over(partition_by=table[of], order_by=order)
    numbered = select(table.id, rank.label("rank"))
    ranked = (
        sql.behind(noun, sql.filtered(noun, numbered, listing), listing)
        .where(table[of].in_(list(owner_ids)))
        .subquery()
    )
    return (
        shown.select()
        .join(ranked, ranked.c.id == table.id)
        .where(ranked.c.rank <= listing.first + 1)
        .order_by(ranked.c.rank)
    )
