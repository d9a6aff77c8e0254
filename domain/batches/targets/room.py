"""How many requests of batches a replica is given, and which replica gets the next. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil

from domain.gateway.choice import Choice, Lot

KEPT_FREE = 0.1  # of what a replica takes, for online requests that are to come


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """Of one replica: `online` are the requests of clients at all gateways, `batch` those that this
    process has sent for batches."""

    max_in_flight: int
    is_dedicated: bool
    online: int
    batch: int


def for_batches(load: Load) -> int:
    """How many requests all workers together may have there. A dedicated replica serves nobody else."""
    kept = 0 if load.is_dedicated else max(1, ceil(load.max_in_flight * KEPT_FREE))
    return max(0, load.max_in_flight - load.online - kept)


def left(load: Load, share: Callable[[int], int]) -> int:
    """How many more this process may send; `share` gives its part of what all workers may have."""
    return max(0, share(for_batches(load)) - load.batch)


def chosen(
    lots: Sequence[Lot],
    room: Callable[[str], int],
    outstanding: Callable[[str], int],
    sent: Mapping[int, int],
) -> Choice | None:
    """A replica with room (by its id) and the fewest requests outstanding.

    Where weights were decided, they hold: the lot that got least of its part is next, and whoever
    comes after waits until it has room. `sent` counts by revision number.
    """
    free = [choice for choice in _next(lots, sent) if room(choice.replica_id) > 0]
    return min(free, key=lambda choice: outstanding(choice.replica_id), default=None)


def in_all(lots: Sequence[Lot], room: Callable[[str], int], sent: Mapping[int, int]) -> int:
    """How many more may be sent: none where nothing is chosen now; where weights were decided, until
    the first lot is full."""
    free = [sum(room(choice.replica_id) for choice in lot.choices) for lot in lots]
    if all(lot.is_counted for lot in lots):
        return sum(free)
    if not any(room(choice.replica_id) > 0 for choice in _next(lots, sent)):
        return 0
    total = sum(lot.weight for lot in lots)
    least = min(some * total // lot.weight for some, lot in zip(free, lots, strict=True))
    return max(1, min(least, sum(free)))


def number(lot: Lot) -> int:
    """Of its revision."""
    return lot.choices[0].revision_number


def _next(lots: Sequence[Lot], sent: Mapping[int, int]) -> Sequence[Choice]:
    """What the next request may go to; `lots` have weights, and choices."""
    if all(lot.is_counted for lot in lots):
        return [choice for lot in lots for choice in lot.choices]
    return min(lots, key=lambda lot: (sent.get(number(lot), 0) + 1) / lot.weight).choices
