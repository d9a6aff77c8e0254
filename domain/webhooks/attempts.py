"""What becomes of a delivery after an attempt. Pure."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from domain.webhooks.webhook import Delivery, DeliveryStatus

ATTEMPTS = 12
FIRST = timedelta(seconds=5)
FACTOR = 4
LONGEST = timedelta(hours=16)  # so that the last attempt comes some three days after the first
JITTER = 0.2
GONE = 410
MESSAGE_LIMIT = 500  # characters
STOPPED = "The server stopped during the last attempt."


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """`code` is the answer's status code, None where there was no answer; `problem` says why then."""

    code: int | None = None
    problem: str = ""

    @property
    def is_delivered(self) -> bool:
        return self.code is not None and 200 <= self.code < 300

    @property
    def message(self) -> str:
        if self.is_delivered:
            return ""
        if self.code is None:
            return self.problem[:MESSAGE_LIMIT]
        if 300 <= self.code < 400:
            return f"It answered with a redirection, HTTP status {self.code}; none is followed."
        return f"It answered with HTTP status {self.code}."


def after(delivery: Delivery, outcome: Outcome, now: datetime, chance: float) -> Delivery:
    """The delivery, its last attempt counted already. `chance` is from 0 to 1."""
    told = replace(delivery, last_code=outcome.code, message=outcome.message)
    if outcome.is_delivered:
        return replace(told, status=DeliveryStatus.DELIVERED, finished_at=now)
    if outcome.code == GONE or delivery.attempts >= ATTEMPTS:
        return replace(told, status=DeliveryStatus.GIVEN_UP, finished_at=now)
    return replace(told, due_at=now + pause(delivery.attempts, chance))


def pause(attempts: int, chance: float) -> timedelta:
    """Before the next attempt, after so many that failed."""
    wait = min(FIRST * float(FACTOR ** (attempts - 1)), LONGEST)
    return wait * (1 - JITTER + 2 * JITTER * chance)
