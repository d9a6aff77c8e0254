"""Ratios of CPU time: two ways of doing the same, in one process, turn by turn.

A machine's speed changes from one second to the next; the smallest of many turns changes least.
"""

import gc
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from time import process_time

Act = Callable[[], Awaitable[object]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratio:
    """`ours` and `reference` are seconds of CPU for one act; `bar` is what the ratio may be."""

    name: str
    what: str
    ours: float
    reference: float
    bar: float | None = None

    @property
    def ratio(self) -> float:
        return self.ours / self.reference


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A number that stands for itself, in the unit that `what` names."""

    name: str
    what: str
    value: float
    bar: float | None


async def compared(
    name: str,
    what: str,
    ours: Act,
    reference: Act,
    *,
    bar: float | None,
    acts: int,
    rounds: int,
) -> Ratio:
    """Each round does `acts` acts of one, then of the other; garbage is collected in between."""
    best = {ours: float("inf"), reference: float("inf")}
    for act in (ours, reference):
        await _seconds(act, acts)
    for _ in range(rounds):
        for act in (ours, reference):
            best[act] = min(best[act], await _seconds(act, acts))
    return Ratio(name=name, what=what, ours=best[ours], reference=best[reference], bar=bar)


async def _seconds(act: Act, acts: int) -> float:
    gc.collect()
    began = process_time()
    for _ in range(acts):
        await act()
    return (process_time() - began) / acts
