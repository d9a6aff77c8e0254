"""How many requests may be in flight at a target: as many as it answers without slowing down.

Doubled each round trip until it answers 429, or until more requests bring no more answers; from there
on a step more a round, and a part less whenever it was too much. Where less at once makes it no faster, it
is not how many there are that makes it slow: longer answers, or a busy machine.
"""

from dataclasses import dataclass, replace
from math import ceil

START = 64
MOST = 8_192
GAIN = 1.2  # in answers a second; doubling that brings less has found the target's limit
SLOWER = 2.0  # times the round trip of before: too much
EASED, HALVED = 0.8, 0.5
FASTER = 0.95  # times the round trip of before, if it was too much: it would be 0.8 with a queue
DRIFT = 128  # rounds in which what is usual becomes what was measured
STEPS = 16  # rounds in which what is allowed doubles, once the limit was found


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """As many answers as were allowed in flight, to requests sent since the round began.

    `seconds` is the mean round trip, without what this process itself was late. `is_full`: all that
    was allowed was in flight; else it says nothing of what the target can take.
    """

    seconds: float
    is_full: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """`seconds` is the round trip at the limit before, `step` 0 while it still doubles. `eased` is the
    round trip that was too long, in the round behind it."""

    limit: int = START
    step: int = 0
    seconds: float | None = None
    eased: float | None = None


def anew(most: int) -> Pace:
    """For a target that was out of reach: one request finds out."""
    return Pace(limit=min(1, most))


def after(pace: Pace, round: Round, most: int) -> Pace:
    """Behind a round that nobody objected to."""
    if not round.is_full:
        return pace
    if pace.step:
        return _stepped(pace, round, most)
    if pace.seconds is not None and pace.seconds * 2 < round.seconds * GAIN:
        limit = max(1, pace.limit // 2)
        return Pace(limit=limit, step=_step(limit), seconds=pace.seconds)
    return Pace(limit=min(pace.limit * 2, most), seconds=round.seconds)


def pushed_back(pace: Pace) -> Pace:
    """The target said that it has too many. Once a round: the others were sent before it was heard."""
    limit = max(1, int(pace.limit * HALVED))
    return Pace(limit=limit, step=_step(limit), seconds=pace.seconds)


def _stepped(pace: Pace, round: Round, most: int) -> Pace:
    if pace.seconds is None:
        return replace(pace, limit=min(pace.limit + pace.step, most), seconds=round.seconds)
    if pace.eased is not None and round.seconds > pace.eased * FASTER:
        limit = min(ceil(pace.limit / EASED), most)
        return Pace(limit=limit, step=pace.step, seconds=round.seconds)
    if round.seconds > pace.seconds * SLOWER:
        limit = max(1, int(pace.limit * EASED))
        return replace(pace, limit=limit, seconds=_nearer(pace, round), eased=round.seconds)
    limit = min(pace.limit + pace.step, most)
    return replace(pace, limit=limit, seconds=_nearer(pace, round), eased=None)


def _nearer(pace: Pace, round: Round) -> float:
    """What is usual changes with what is asked: slowly towards what was measured."""
    assert pace.seconds is not None
    return pace.seconds + (round.seconds - pace.seconds) / DRIFT


def _step(limit: int) -> int:
    return max(1, limit // STEPS)
