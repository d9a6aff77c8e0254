"""Whose request is sent next, of several batches at one target."""

from collections.abc import Iterable
from typing import Protocol, TypeVar


class Queued(Protocol):
    """`turn` is when its next turn is, in a time of its own that runs slower the higher its priority."""

    turn: float

    @property
    def priority(self) -> int: ...


Q = TypeVar("Q", bound=Queued)


def first(waiting: Iterable[Q]) -> Q | None:
    """One with a request to send; each gets turns in proportion to its priority."""
    return min(waiting, key=_turn, default=None)


def next_turn(queued: Queued, present: float) -> float:
    """Behind the one that it takes at the turn `present`. Who had nothing to send for a while does not
    make up for it."""
    return max(queued.turn, present) + 1.0 / queued.priority


def _turn(queued: Queued) -> float:
    return queued.turn
