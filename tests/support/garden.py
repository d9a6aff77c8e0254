"""A small schema with every kind of field that the executor meets, and values that may be wrong."""

import asyncio
from collections.abc import Awaitable, Callable, Generator
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, StrEnum
from typing import Annotated, Any, Generic, NewType, TypeVar

import strawberry
from graphql.execution import Executor
from strawberry.dataloader import DataLoader
from strawberry.extensions import ParserCache
from strawberry.schema.config import StrawberryConfig

from schema.versions import LOADS

T = TypeVar("T")
Weight = NewType("Weight", object)
Tag = NewType("Tag", object)


def show_weight(value: Any) -> Any:
    """Raises for what is no number, and has nothing to say about zero."""
    return None if value == 0 else f"{value + 0} g"


WEIGHT = strawberry.scalar(name="Weight", serialize=show_weight)
TAG = strawberry.scalar(name="Tag", serialize=lambda value: value)


@strawberry.enum
class Colour(Enum):
    RED = 1
    GREEN = 2


@strawberry.enum
class Season(StrEnum):
    SPRING = "spring"
    AUTUMN = "autumn"


@dataclass
class Later:
    """An awaitable that may be awaited again."""

    value: Any

    def __await__(self) -> Generator[Any, None, Any]:
        yield from ()
        return self.value


@dataclass
class Context:
    """`values` is what each root field finds; `batches` is how many loads went together each time."""

    values: dict[str, Any]
    asked: list[str] = field(default_factory=list)
    batches: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.loader: DataLoader[Any, Any] = DataLoader(self._load, cache_key_fn=id)

    async def _load(self, values: list[Any]) -> list[Any]:
        self.batches.append(len(values))
        return values

    def find(self, name: str) -> Any:
        self.asked.append(name)
        return self.values.get(name)


Info = strawberry.Info[Context, None]


def loaded(resolver: Callable[..., Awaitable[T]]) -> Any:
    return strawberry.field(resolver, metadata={LOADS: True})


@strawberry.interface
class Plant:
    id: strawberry.ID
    name: str | None


@strawberry.type
class Herb(Plant):
    count: int
    height: float | None
    edible: bool | None
    colour: Colour | None
    season: Season
    weight: Weight | None
    tag: Tag | None
    sown: datetime | None
    tags: list[str]
    grid: list[list[int | None] | None] | None


@strawberry.type
class Stone:
    heavy: bool
    colour: Colour | None


@strawberry.type
class Pot(Generic[T]):
    content: T
    contents: list[T] | None


Found = Annotated[Herb | Stone, strawberry.union("Found")]


@strawberry.type
class Tree(Plant):
    child: "Tree | None"
    plants: list[Plant]
    maybe: list[Plant | None] | None
    found: Found | None
    finds: list[Found]
    pot: Pot[Herb]
    pots: list[Pot[int]] | None
    hidden: strawberry.Private[Any]

    @strawberry.field
    def shout(self) -> str:
        return f"{self.name.upper()}!"  # type: ignore[union-attr]  # a fault that tests want

    @loaded
    async def kin(self, info: Info, first: int = 2, flip: bool = False) -> list[Plant]:
        found: Any = await info.context.loader.load(self.hidden)
        if isinstance(found, Plant):
            found = [found, self.child]
        return list(reversed(found[:first])) if flip else found[:first]

    @loaded
    async def friend(self, info: Info) -> Plant | None:
        found = await info.context.loader.load(self.hidden)
        return await info.context.loader.load(found)  # type: ignore[no-any-return]

    @loaded
    async def peer(self) -> "Tree | None":
        if isinstance(self.name, int):
            raise ValueError(f"no peer of {self.name}")
        return self.child

    @strawberry.field
    async def custom(self, info: Info) -> int:
        return len(info.path.as_list() if hasattr(info.path, "as_list") else [])


@strawberry.type
class Query:
    @strawberry.field
    async def plant(self, info: Info) -> Plant | None:
        return info.context.find("plant")  # type: ignore[no-any-return]

    @strawberry.field
    def tree(self, info: Info) -> Tree | None:
        return info.context.find("tree")  # type: ignore[no-any-return]

    @strawberry.field
    async def trees(self, info: Info, least: int = 0) -> list[Tree]:
        return info.context.find("trees")  # type: ignore[no-any-return]

    @strawberry.field
    async def found(self, info: Info) -> Found | None:
        return info.context.find("found")  # type: ignore[no-any-return]

    @strawberry.field
    async def season(self, info: Info) -> Season:
        return info.context.find("season")  # type: ignore[no-any-return]


@strawberry.type
class Mutation:
    @strawberry.mutation
    async def grow(self, info: Info) -> Tree | None:
        return info.context.find("tree")  # type: ignore[no-any-return]


class Garden(strawberry.Schema):
    def process_errors(self, *_: Any) -> None:
        """Errors are looked at, not logged."""


def garden(executor: type[Executor[Any]] | None) -> strawberry.Schema:
    """Documents are parsed once, so that they come again."""
    return Garden(
        Query,
        Mutation,
        types=[Herb, Tree],
        extensions=[lambda: ParserCache(maxsize=100)],
        execution_context_class=executor,
        config=StrawberryConfig(scalar_map={Weight: WEIGHT, Tag: TAG}),
    )


async def settled() -> None:
    """Waits for what graphql-core leaves behind where a field fails beside others that wait."""
    if left := asyncio.all_tasks() - {asyncio.current_task()}:
        await asyncio.wait(left)
