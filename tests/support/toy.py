"""A small schema for tests of the transports: what is sent comes back, and streams can be watched.

toy = Toy()                       # one per test
toy.operations(Limits())          # what a transport executes
await toy.started.wait(); await toy.ended.wait()      # a `ticks` or `silence` subscription
"""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Any, cast

import strawberry

from domain.errors import CursorUnknown
from resolvers.limits import Limits
from resolvers.operations import Operations
from resolvers.views import Views


@dataclass
class Toy:
    """What the schema's resolvers share with the test; it is the operations' context, too."""

    started: asyncio.Event = field(default_factory=asyncio.Event)
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    sent: int = 0
    mutations: int = 0
    callers: list[Any] = field(default_factory=list)

    def operations(self, limits: Limits | None = None) -> Operations:
        return Operations(Views(SCHEMA._schema), limits or Limits())


@strawberry.type
class Node:
    @strawberry.field
    def name(self) -> str:
        return "n"

    @strawberry.field
    def child(self) -> "Node":
        return Node()

    @strawberry.field
    def children(self, first: int = 1) -> list["Node"]:
        return [Node()] * first


@strawberry.type
class Query(Node):
    @strawberry.field
    def echo(self, text: str) -> str:
        return text

    @strawberry.field
    async def forever(self) -> str:
        await asyncio.Event().wait()
        return "never"

    @strawberry.field
    def fails(self) -> str | None:
        raise RuntimeError("swordfish")

    @strawberry.field
    def odd(self) -> int | None:
        return cast("int", "swordfish")

    @strawberry.field
    def actor(self, info: strawberry.Info[Any, None]) -> str:
        return str(info.context.caller.actor)

    @strawberry.field
    def request(self, info: strawberry.Info[Any, None]) -> str:
        return str(info.context.caller.request_id)


@strawberry.type
class Mutation:
    @strawberry.mutation
    def touch(self, info: strawberry.Info[Any, None]) -> int:
        info.context.toy.mutations += 1
        return int(info.context.toy.mutations)


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def ticks(
        self, info: strawberry.Info[Any, None], until: int, size: int = 0
    ) -> AsyncGenerator[str, None]:
        toy: Toy = info.context.toy
        toy.started.set()
        try:
            for tick in range(until):
                toy.sent = tick + 1
                yield f"{tick}{'x' * size}"
        finally:
            toy.ended.set()

    @strawberry.subscription
    async def silence(self, info: strawberry.Info[Any, None]) -> AsyncGenerator[str, None]:
        toy: Toy = info.context.toy
        toy.started.set()
        try:
            await asyncio.Event().wait()
            yield "never"
        finally:
            toy.ended.set()

    @strawberry.subscription
    async def breaks(self) -> AsyncGenerator[str, None]:
        yield "one"
        raise RuntimeError("swordfish")

    @strawberry.subscription
    async def refused(self) -> AsyncGenerator[str, None]:
        yield "one"
        raise CursorUnknown()


SCHEMA = strawberry.Schema(query=Query, mutation=Mutation, subscription=Subscription)
