"""Values for the garden's fields: mostly what the schema promises, now and then anything but."""

from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from random import Random
from types import SimpleNamespace
from typing import Any

from graphql import Undefined

from tests.support.garden import Colour, Herb, Later, Pot, Season, Stone, Tree

WRONG: list[Any] = [
    *[None, 1, 0, 2**40, -1, "1", "spring", "RED", "", True, 1.5, float("nan"), float("inf")],
    *[b"x", [], (), {}, {"id": "x"}, [None], ["a", 1], {1, 2}, deque([1]), range(2), object()],
    *[
        ValueError("boom"),
        KeyError("k"),
        Undefined,
        Later("a"),
        Later(None),
        Later(ValueError("b")),
    ],
    *[Colour.RED, Season.AUTUMN, Colour, SimpleNamespace(id="s", name="n"), lambda: 1],
]
MOMENT = datetime(2026, 1, 31, 12, tzinfo=UTC)
Make = Callable[[], Any]


class Bush(Herb):
    """A subclass that the schema knows nothing of."""


class Garden:
    """One random garden; of so many values one is wrong."""

    def __init__(self, seed: int, one_wrong_of: int) -> None:
        self.random = Random(seed)
        self.one_wrong_of = one_wrong_of

    def roots(self) -> dict[str, Any]:
        return {
            "plant": self.maybe(lambda: self.herb(Bush) if self.chance(9) else self.plant(1)),
            "tree": self.maybe(lambda: self.tree(0)),
            "trees": self.some(lambda: self.tree(1)),
            "found": self.maybe(self.found),
            "season": self.mostly(self.season),
        }

    def chance(self, one_of: int) -> bool:
        return self.random.randrange(one_of) == 0

    def mostly(self, right: Make) -> Any:
        return self.random.choice(WRONG) if self.chance(self.one_wrong_of) else right()

    def maybe(self, right: Make) -> Any:
        return self.mostly(lambda: None if self.chance(4) else right())

    def some(self, right: Make, kind: type = list) -> Any:
        """A few, each mostly right; and mostly a list."""
        return self.mostly(
            lambda: kind(self.mostly(right) for _ in range(self.random.randrange(3)))
        )

    def text(self) -> str:
        return self.random.choice(["a", "b", "ü", ""])

    def number(self) -> int:
        return self.random.choice([0, 1, -3, 2**31 - 1, 7])

    def season(self) -> Season:
        return self.random.choice(list(Season))

    def colour(self) -> Colour:
        return self.random.choice(list(Colour))

    def herb(self, kind: type[Herb] = Herb) -> Herb:
        row = lambda: self.some(lambda: self.maybe(self.number), tuple)  # noqa: E731
        return kind(
            id=self.mostly(self.text),
            name=self.maybe(self.text),
            count=self.mostly(self.number),
            height=self.maybe(self.random.random),
            edible=self.maybe(lambda: self.chance(2)),
            colour=self.maybe(self.colour),
            season=self.mostly(self.season),
            weight=self.maybe(self.number),
            tag=self.maybe(lambda: [self.text()] if self.chance(2) else self.text()),
            sown=self.maybe(lambda: MOMENT),
            tags=self.some(self.text),
            grid=self.maybe(lambda: self.some(lambda: self.maybe(row))),
        )

    def found(self) -> Herb | Stone:
        if self.chance(2):
            return self.herb()
        return Stone(
            heavy=self.mostly(lambda: self.chance(2)),
            colour=self.maybe(self.colour),
        )

    def plant(self, depth: int) -> Herb | Tree:
        return self.herb() if depth > 1 or self.chance(2) else self.tree(depth + 1)

    def tree(self, depth: int) -> Tree:
        plant = lambda: self.plant(depth)  # noqa: E731
        hidden = self.some(plant) if self.chance(2) else self.mostly(plant)
        return Tree(
            id=self.mostly(self.text),
            name=self.maybe(self.text),
            child=self.maybe(lambda: None if depth > 1 else self.tree(depth + 1)),
            plants=self.some(plant, self.random.choice([list, tuple])),
            maybe=self.maybe(lambda: self.some(lambda: self.maybe(plant))),
            found=self.maybe(self.found),
            finds=self.some(self.found),
            pot=self.mostly(lambda: self.pot(self.herb)),
            pots=self.maybe(lambda: self.some(lambda: self.pot(self.number))),
            hidden=hidden,
        )

    def pot(self, content: Make) -> Pot[Any]:
        return Pot(content=self.mostly(content), contents=self.maybe(lambda: self.some(content)))
