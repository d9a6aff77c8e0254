"""Relay: global ids, the Node interface, and connections with keyset cursors.

A cursor holds the value of the list's order field and the id of its row, so that rows with equal
values are neither skipped nor repeated, and rows that come or go elsewhere move nothing.
"""

import binascii
import json
import re
from base64 import urlsafe_b64decode
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from functools import partial
from typing import Annotated, Generic, TypeAlias, TypeVar

import strawberry

from domain.errors import CursorInvalid, InvalidValue
from domain.listing import Order, Page, place
from schema import versions

DEFAULT_FIRST = 20
MOST_FIRST = 100

T = TypeVar("T")
V = TypeVar("V")

First: TypeAlias = Annotated[
    int, versions.argument(f"How many at most, from 1 to {MOST_FIRST} (0 for the count alone).")
]
After: TypeAlias = Annotated[
    str | None, versions.argument("The cursor of the edge that the page starts behind.")
]


Written: TypeAlias = Callable[[], str]
"""A cursor that is written when it is asked for."""


@versions.interface(added="0.1.0", withheld=True)
class Node:
    """Whatever has an id of its own; `node(id:)` finds it again."""

    id: strawberry.ID = versions.field(description="Opaque, and unique among all nodes.")


@versions.type(added="0.1.0", name="PageInfo")
class PageEnds:
    """Where a page begins and ends."""

    has_next_page: bool = versions.field(description="Whether rows follow behind this page.")
    has_previous_page: bool = versions.field(
        description="Whether the page starts behind a cursor; lists are read forward alone."
    )
    cursors: strawberry.Private[Sequence[Written]]
    after: strawberry.Private[str | None]

    @versions.field
    def start_cursor(self) -> str | None:
        """The first edge's; null for no edges."""
        return self.cursors[0]() if self.cursors else None

    @versions.field
    def end_cursor(self) -> str | None:
        """What `after` takes to go on from here."""
        return self.cursors[-1]() if self.cursors else self.after


@versions.type(added="0.1.0")
class Edge(Generic[T]):
    """A row of a list, and its place there."""

    node: T
    held: strawberry.Private[object]
    order: strawberry.Private[Order]

    @versions.field
    def cursor(self) -> str:
        return cursor(self.held, self.order)


Count: TypeAlias = Callable[[], Awaitable[int]]


@versions.type(added="0.1.0")
class Connection(Generic[T]):
    """A page of a list."""

    edges: list[Edge[T]]
    nodes: list[T] = versions.field(description="The edges' nodes, for who needs no cursors.")
    page_info: PageEnds
    count: strawberry.Private[Count]

    @versions.load
    async def total_count(self) -> int:
        """How many rows the filter leaves, on all pages; counted only when asked for."""
        return await self.count()


def connection(
    page: Page[V], order: Order, show: Callable[[V], T], count: Count, after: str | None = None
) -> Connection[T]:
    nodes = [show(value) for value in page.items]
    ends = [partial(cursor, value, order) for value in (*page.items[:1], *page.items[-1:])]
    return Connection(
        edges=[
            Edge(node=node, held=value, order=order)
            for node, value in zip(nodes, page.items, strict=True)
        ],
        nodes=nodes,
        page_info=page_ends(ends, after, has_next=page.has_next),
        count=count,
    )


def page_ends(cursors: Sequence[Written], after: str | None, *, has_next: bool) -> PageEnds:
    """An empty page ends where it began, so that who follows a list goes on from there."""
    return PageEnds(
        has_next_page=has_next,
        has_previous_page=after is not None,
        cursors=cursors,
        after=after,
    )


def page_size(first: int) -> int:
    """Raises InvalidValue beyond what one page may hold."""
    if not 0 <= first <= MOST_FIRST:
        problem = f"first is 0 to {MOST_FIRST}, not {first}."
        raise InvalidValue(path=("first",), problem=problem, limit=MOST_FIRST, found=first)
    return first


def cursor(value: object, order: Order) -> str:
    """The place of a domain value in a list of this order."""
    held, own = place(value, order)
    written = held.isoformat() if isinstance(held, datetime) else held
    return _encode(_as_json([_named(order), written, own]))


def parse_cursor(
    text: str | None, order: Order, kinds: Mapping[str, type]
) -> tuple[object, str] | None:
    """What `Listing.after` takes; `kinds` has the type of every order field's value.

    Raises CursorInvalid for what no edge of a list in this order has.
    """
    if text is None:
        return None
    try:
        named, written, own = json.loads(_decode(text))
        if named != _named(order) or not isinstance(own, str):
            raise CursorInvalid()
        return _read(written, kinds[order.field]), own
    except (ValueError, TypeError, RecursionError) as error:
        raise CursorInvalid() from error


def _named(order: Order) -> str:
    return f"-{order.field}" if order.descending else order.field


def _read(written: object, kind: type) -> object:
    if kind is datetime:
        moment = datetime.fromisoformat(str(written))
        if moment.tzinfo is None:
            raise CursorInvalid()
        return moment
    if issubclass(kind, StrEnum):
        return kind(str(written))
    if type(written) is not kind or (isinstance(written, int) and abs(written) > 2**31):
        raise CursorInvalid()
    return written


TYPES: Mapping[str, str] = {
    "Project": "project",
    "Secret": "secret",
    "Webhook": "webhook",
    "ModelFolder": "model folder",
    "DeploymentTemplate": "deployment template",
    "ModelDeployment": "model deployment",
    "ModelRevision": "model revision",
    "Rollout": "rollout",
    "ReplicaGroup": "replica group",
    "ModelReplica": "model replica",
    "AutoscalingRule": "autoscaling rule",
    "File": "file",
    "BatchJob": "batch job",
    "BatchProfile": "batch profile",
    "ExternalEndpoint": "external endpoint",
}
"""The nodes' types, and what errors call them."""
_TYPE_OF = {kind: name for name, kind in TYPES.items()}
_OPENAI_ID = re.compile(r"(?:(file)-|(batch)_)([0-9a-f]{32})")


def global_id(type_name: str, id: str) -> strawberry.ID:
    return strawberry.ID(_encode(f"{type_name}:{id}"))


def parse_id(text: str) -> tuple[str, str] | None:
    """(type, id) of a global id, or of one as the OpenAI-compatible API writes it (`file-…`, `batch_…`);
    None for what is none."""
    if found := _OPENAI_ID.fullmatch(text):
        return "File" if found[1] else "BatchJob", found[3]
    try:
        name, _, own = _decode(text).partition(":")
    except ValueError:
        return None
    return (name, own) if name in TYPES and own else None


def shown_id(kind: str, id: str) -> str:
    """The id as the API writes it, of what an error of the domain names."""
    return global_id(_TYPE_OF[kind], id) if kind in _TYPE_OF and _is_plain(id) else id


def _is_plain(id: str) -> bool:
    return len(id) == 32 and all(c in "0123456789abcdef" for c in id)


_as_json = json.JSONEncoder(separators=(",", ":")).encode
_URL_SAFE = bytes.maketrans(b"+/", b"-_")


def _encode(text: str) -> str:
    """URL-safe base64; thousands of ids and cursors a second go through here."""
    return (
        binascii.b2a_base64(text.encode(), newline=False)
        .translate(_URL_SAFE)
        .rstrip(b"=")
        .decode("ascii")
    )


def _decode(text: str) -> str:
    try:
        return urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4)).decode()
    except (binascii.Error, UnicodeError) as error:
        raise ValueError(text) from error


def many(ids: Sequence[str]) -> Sequence[str]:
    """Raises InvalidValue for more ids than one page may hold."""
    if len(ids) > MOST_FIRST:
        problem = f"{len(ids)} ids; at most {MOST_FIRST} at once."
        raise InvalidValue(path=("ids",), problem=problem, limit=MOST_FIRST, found=len(ids))
    return ids
