"""What becomes of a request that failed: decided by how, and how often before.

Most failures cost the request one of its attempts. What says that nobody could have answered (no
connection, 503, 429) costs none, lest an outage ends lines that nothing is wrong with; unless others
were answered at that time: then it costs a little, so that no request is tried for ever.
"""

from dataclasses import dataclass
from enum import Enum, auto

from domain.batches.batch import BatchReason, Retry
from domain.batches.input.lines import TIMEOUT, TOO_LARGE, UNREACHABLE
from domain.batches.ports import Reply
from domain.errors import Interrupted, ModelyardError, RequestTimeout, ResponseTooLarge, Unreachable

TRIED_AGAIN = frozenset({408, 425, 429})  # and all from 500
TOO_MANY, UNAVAILABLE = 429, 503
LITTLE = 0.1  # of an attempt
ASKED_AT_MOST = 300.0  # seconds that an engine's Retry-After is heeded
SHORTEST_PAUSE, LONGEST_PAUSE = 0.5, 5.0


class Blame(Enum):
    """Whose failure it is."""

    REQUEST = auto()  # nobody else's
    SEAT = auto()  # it can't be reached, or says that it can't answer
    LOAD = auto()  # it has too many requests


@dataclass(frozen=True, slots=True)
class Tries:
    """What a request has behind it. `spent` counts attempts, and parts of them."""

    failures: int = 0
    spent: float = 0.0


@dataclass(frozen=True, slots=True)
class Again:
    """Try it once more, `after` so many seconds. `asked`: the engine named them."""

    after: float
    tries: Tries
    blame: Blame
    asked: float | None = None


@dataclass(frozen=True, slots=True)
class GivenUp:
    """It ends without an answer."""

    code: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """`others_answered`: the same seat answered another request while this one was waited for.
    `chance` is from 0 up to but not including 1."""

    tries: Tries
    retry: Retry
    others_answered: bool
    chance: float


def is_final(status: int) -> bool:
    """Whether an engine's answer is the last word, good or bad."""
    return status < 500 and status not in TRIED_AGAIN


def after_reply(reply: Reply, situation: Situation) -> Again | None:
    """None: the reply stands, as the line's result or error."""
    if is_final(reply.status):
        return None
    blame = _BLAMED.get(reply.status, Blame.REQUEST)
    return _again(blame, situation, reply.retry_after)


def after_failure(error: ModelyardError, situation: Situation) -> Again | GivenUp:
    match error:
        case ResponseTooLarge():
            return GivenUp(TOO_LARGE, error.message)
        case RequestTimeout():
            code, blame = TIMEOUT, Blame.REQUEST
        case Interrupted():
            code, blame = UNREACHABLE, Blame.REQUEST
        case Unreachable():
            code, blame = UNREACHABLE, Blame.SEAT
        case _:
            raise error
    return _again(blame, situation, None) or GivenUp(code, error.message)


@dataclass(frozen=True, slots=True)
class Trouble:
    """A seat that is left alone until then. `level` counts the pauses without an answer in between;
    times are in seconds of one timer."""

    reason: BatchReason
    level: int
    until: float


def troubled(
    before: Trouble | None, again: Again, sent_at: float, now: float, chance: float
) -> Trouble:
    """Requests that were sent before the last pause ended say nothing new, whatever their number."""
    busy = again.blame is Blame.LOAD
    reason = BatchReason.ENGINE_BUSY if busy else BatchReason.ENGINE_UNREACHABLE
    asked = now + again.asked if again.asked is not None else 0.0
    if before is not None and sent_at < before.until:
        return Trouble(reason, before.level, max(before.until, asked))
    level = 0 if before is None else before.level + 1
    doublings = level - 1 if busy else level
    pause = 0.0 if doublings < 0 else backoff(SHORTEST_PAUSE, LONGEST_PAUSE, doublings, chance)
    return Trouble(reason, level, max(now + pause, asked))


def backoff(first: float, longest: float, doublings: int, chance: float) -> float:
    """Seconds: between half of the step and all of it, so that not everyone comes at once."""
    step = min(longest, first * 2.0 ** min(doublings, 30))
    return step * (0.5 + chance / 2)


_BLAMED = {UNAVAILABLE: Blame.SEAT, TOO_MANY: Blame.LOAD}


def _again(blame: Blame, situation: Situation, retry_after: float | None) -> Again | None:
    tries, retry = situation.tries, situation.retry
    cost = 1.0 if blame is Blame.REQUEST else LITTLE if situation.others_answered else 0.0
    after = Tries(tries.failures + 1, tries.spent + cost)
    if cost and after.spent > retry.attempts - cost / 2:  # floats: parts of attempts add up so
        return None
    wait = backoff(retry.first, retry.longest, tries.failures, situation.chance)
    asked = None if retry_after is None else min(max(retry_after, 0.0), ASKED_AT_MOST)
    return Again(max(wait, asked or 0.0), after, blame, asked)
