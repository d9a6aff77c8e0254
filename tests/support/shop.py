"""A small versioned schema that is executed: what came in 0.2.0 and later looks older in older views.

answer = await asked("{ wares { __typename } }", "0.1.0")
"""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Annotated, Any, TypeAlias

from resolvers.limits import Limits
from resolvers.operations import Operation, Operations
from resolvers.root import Schema
from resolvers.views import Views
from schema import versions
from schema.versions import NEXT


class Colour(Enum):
    RED = "red"
    BLUE = "blue"
    TEAL = "teal"


versions.enum(
    Colour,
    added="0.1.0",
    values={
        "BLUE": versions.value(added="0.2.0", before="RED"),
        "TEAL": versions.value(added=NEXT, before="BLUE"),
    },
)


@versions.interface(added="0.1.0")
class Complaint:
    message: str


@versions.type(added="0.1.0")
class PlainComplaint(Complaint):
    """What older views see of all others."""


@versions.type(added="0.2.0", before="PlainComplaint")
class PriceComplaint(Complaint):
    price: int


@versions.type(added=NEXT, before="PriceComplaint")
class CurrencyComplaint(Complaint):
    price: int
    currency: str


@versions.interface(added="0.1.0")
class Sized:
    size: int


@versions.type(added="0.1.0")
class Shirt(Sized):
    colours: list[list[Colour]]


@versions.type(added="0.1.0", before="Shirt", joins={"Ware": "0.2.0", "Sized": "0.2.0"})
class Hat(Sized):
    colours: list[list[Colour]]
    brim: int = versions.field(added="0.2.0")


Ware: TypeAlias = Annotated[Shirt | Hat, versions.union("Ware", added="0.1.0")]


@versions.input(added="0.1.0")
class Wish:
    colour: Colour | None = None
    brim: int | None = versions.field(added="0.2.0", default=None)


SHIRT = Shirt(size=1, colours=[[Colour.RED], []])
HAT = Hat(size=2, colours=[[Colour.TEAL, Colour.RED], [Colour.BLUE]], brim=9)


@versions.type(added="0.1.0")
class Query:
    @versions.field
    def wares(self) -> list[Ware]:
        return [SHIRT, HAT]

    @versions.field
    def sized(self) -> list[Sized]:
        return [HAT, SHIRT]

    @versions.field
    def hat(self) -> Hat:
        return HAT

    @versions.field
    def complaints(self) -> list[Complaint]:
        return [
            PlainComplaint(message="a"),
            PriceComplaint(message="b", price=1),
            CurrencyComplaint(message="c", price=2, currency="EUR"),
        ]

    @versions.field
    def granted(
        self, wish: Wish, coats: Annotated[int, versions.argument(added="0.2.0")] = 1
    ) -> str:
        return f"{wish.colour} {wish.brim} {coats}"

    @versions.method(added="0.2.0")
    def discount(self) -> int:
        return 5


@versions.type(added="0.1.0")
class Subscription:
    @versions.method(subscription=True)
    async def paint(self) -> AsyncIterator[Colour]:
        for colour in Colour:
            yield colour


SHOP = Schema(
    query=Query,
    subscription=Subscription,
    types=[PlainComplaint, PriceComplaint, CurrencyComplaint, Hat],
)


@dataclass(frozen=True)
class Counter:
    """Where the shop is asked; what it has parsed stays."""

    operations: Operations = field(
        default_factory=lambda: Operations(Views(SHOP.core, SHOP.declarations), Limits())
    )

    def find(self, query: str, version: str | None) -> Operation:
        return self.operations.find(query, None, version)

    async def ask(self, query: str, version: str | None, **variables: Any) -> Mapping[str, Any]:
        found = self.find(query, version)
        if found.errors:
            return {"errors": found.errors}
        return await found.execute(variables, None)
