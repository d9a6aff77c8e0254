"""How many requests a worker has in flight in all, so that its process has time for what else it does.

A process that sends as fast as it can is late with everything: a client's request waits at each of its
steps until all answers that are there have been dealt with. Where engines answer at once, fewer requests in
flight are as fast, and nobody waits. Where fewer make the process no more punctual, it is late for another
reason (a busy machine): they are given back, and left alone for a while.
"""

from dataclasses import dataclass, replace

LATE = 0.01  # seconds that the loop may be late, on average of a window
HALVED, RAISED = 0.5, 1.25
HELPED = 0.75  # times what it was late before, at most, where fewer were of use
LEAST = 16
FIRST_PAUSE, LONGEST_PAUSE = 8, 128  # windows


@dataclass(frozen=True, slots=True, kw_only=True)
class Ceiling:
    """`limit` None: there is none. `before` is the limit, and how late it was, before the last cut;
    `pause` counts the windows in which nothing is cut, `patience` how many that will be the next time."""

    limit: int | None = None
    before: tuple[int | None, float] | None = None
    pause: int = 0
    patience: int = FIRST_PAUSE


NONE = Ceiling()


def after(ceiling: Ceiling, late: float, in_flight: int) -> Ceiling:
    """Behind a window in which the loop was late by so many seconds on average, with so many in flight at
    most."""
    if ceiling.before is not None:
        limit, was_late = ceiling.before
        if late > max(was_late * HELPED, LATE):
            longer = min(ceiling.patience * 2, LONGEST_PAUSE)
            return Ceiling(limit=limit, pause=ceiling.patience, patience=longer)
        ceiling = replace(ceiling, before=None, patience=FIRST_PAUSE)
    if ceiling.pause:
        return replace(ceiling, pause=ceiling.pause - 1)
    if late > LATE:
        cut = max(LEAST, int(in_flight * HALVED))
        return (
            replace(ceiling, limit=cut, before=(ceiling.limit, late))
            if cut < in_flight
            else ceiling
        )
    return _raised(ceiling, late, in_flight)


def _raised(ceiling: Ceiling, late: float, in_flight: int) -> Ceiling:
    """Only while that would not make it late again, and as far as it is of use."""
    if ceiling.limit is None or late > LATE / 2:
        return ceiling
    if in_flight < ceiling.limit * HALVED:
        return replace(ceiling, limit=None)
    return replace(ceiling, limit=int(ceiling.limit * RAISED) + 1)
