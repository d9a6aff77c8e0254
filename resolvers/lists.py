"""One page of any noun's list in the caller's project."""

from asyncio import create_task
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

from domain.access.access import Role
from domain.listing import Listing, Order
from domain.work import Lists
from resolvers.context import Context
from schema import lists, relay
from schema.lists import OLDEST_FIRST, OrderBy
from schema.relay import Connection

V = TypeVar("V")
T = TypeVar("T")


async def in_project(
    context: Context,
    rows: Lists[V],
    show: Callable[[V], T],
    kinds: Mapping[str, type],
    **said: Any,
) -> Connection[T]:
    """`said` is first, after, filter and order_by, as the field's arguments are, and what the order is
    `otherwise`."""
    context.caller.require_selected(Role.VIEWER)
    within = {"project_id": context.caller.project_id}
    return await page(rows, show, listing(kinds, within, **said), said["after"])


async def page(
    rows: Lists[V], show: Callable[[V], T], wanted: Listing, after: str | None
) -> Connection[T]:
    def count() -> Awaitable[int]:
        return create_task(rows.count(wanted))  # in a task: see versions.LOADS

    return relay.connection(await rows.page(wanted), wanted.order, show, count, after)


def listing(
    kinds: Mapping[str, type],
    within: Mapping[str, str],
    *,
    first: int,
    after: str | None,
    filter: object | None,
    order_by: OrderBy | None,
    otherwise: Order = OLDEST_FIRST,
) -> Listing:
    return lists.listing(
        first=first,
        after=after,
        filter=filter,
        order_by=order_by,
        kinds=kinds,
        within=within,
        otherwise=otherwise,
    )
