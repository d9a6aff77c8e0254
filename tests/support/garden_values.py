"""Values for the garden's fields: mostly what the schema promises, now and then anything but."""

from collections import deque
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from graphql import Undefined
from hypothesis import strategies as st

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


def mostly(right: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.integers(0, 30).flatmap(lambda n: right if n else st.sampled_from(WRONG))


def maybe(right: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return mostly(st.none() | right)


texts = st.sampled_from(["a", "b", "ü", ""])
numbers = st.integers(-3, 2**31 - 1)
colours = st.sampled_from(Colour)
moments = st.just(datetime(2026, 1, 31, 12, tzinfo=UTC))


class Bush(Herb):
    """Not what its class's name says to the schema: a subclass that was not declared."""


def herbs(kind: type[Herb] = Herb) -> st.SearchStrategy[Any]:
    return st.builds(
        kind,
        id=mostly(texts),
        name=maybe(texts),
        count=mostly(numbers),
        height=maybe(st.floats(0, 9)),
        edible=maybe(st.booleans()),
        colour=maybe(colours),
        season=mostly(st.sampled_from(Season)),
        weight=maybe(numbers),
        tag=maybe(texts | st.lists(texts)),
        sown=maybe(moments),
        tags=mostly(st.lists(mostly(texts), max_size=3)),
        grid=maybe(st.lists(maybe(st.lists(maybe(numbers), max_size=2)), max_size=2)),
    )


stones = st.builds(Stone, heavy=mostly(st.booleans()), colour=maybe(colours))
finds = herbs() | stones


def trees(child: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    plants = herbs() | child.filter(lambda c: c is not None)
    return st.builds(
        Tree,
        id=mostly(texts),
        name=maybe(texts),
        child=mostly(child),
        plants=mostly(st.lists(mostly(plants), max_size=2) | st.tuples(plants)),
        maybe=maybe(st.lists(maybe(plants), max_size=2)),
        found=maybe(finds),
        finds=mostly(st.lists(mostly(finds), max_size=3)),
        pot=mostly(st.builds(Pot, content=mostly(herbs()), contents=maybe(st.lists(herbs())))),
        pots=maybe(st.lists(st.builds(Pot, content=mostly(numbers), contents=st.none()))),
        hidden=st.lists(plants, max_size=3) | plants | st.sampled_from(WRONG),
    )


tree = trees(trees(trees(st.none())) | st.none())
roots = st.fixed_dictionaries(
    {
        "plant": maybe(tree | herbs() | herbs(Bush)),
        "tree": maybe(tree),
        "trees": mostly(st.lists(mostly(tree), max_size=3)),
        "found": maybe(finds),
        "season": mostly(st.sampled_from(Season)),
    }
)
