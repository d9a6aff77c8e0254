"""The pace of one target, as it is measured while requests are sent."""

from collections.abc import Callable
from dataclasses import dataclass, field

from domain.batches.sending import pace
from domain.batches.sending.pace import Pace, Round

LEAST = 0.001  # seconds of a round trip
LATE_TWICE = 2  # a request waits for the loop when it is sent, and when its answer is there


@dataclass(eq=False, slots=True)
class Tempo:
    """Times are in seconds of one timer. Only requests sent since a round began count for it: the others
    were sent at another pace."""

    most: int
    pace: Pace = field(default_factory=Pace)
    limit: int = 0
    rate: float = 0.0  # answers a second, of late
    _began: float = 0.0
    _came: int = 0  # answers, also to what was sent before
    _answers: int = 0
    _seconds: float = 0.0
    _peak: int = 0

    def __post_init__(self) -> None:
        self._set(Pace(limit=min(pace.START, self.most)))

    def sent(self, in_flight: int) -> None:
        if in_flight > self._peak:
            self._peak = in_flight

    def answered(
        self, sent_at: float, now: float, in_flight: int, lag: Callable[[], float]
    ) -> bool:
        """Whether more may be in flight from now on."""
        self._came += 1
        if sent_at < self._began:
            return False
        self._answers += 1
        self._seconds += now - sent_at
        if self._answers < self.limit:
            return False
        self.rate = self._came / max(now - self._began, LEAST)
        seconds = max(self._seconds / self._answers - LATE_TWICE * lag(), LEAST)
        before = self.limit
        seen = Round(seconds=seconds, is_full=self._peak >= before)
        self._set(pace.after(self.pace, seen, self.most))
        self._begin(now, in_flight)
        return self.limit > before

    def pushed_back(self, sent_at: float, now: float, in_flight: int) -> None:
        if sent_at >= self._began:
            self._set(pace.pushed_back(self.pace))
            self._begin(now, in_flight)

    def begins_anew(self, sent_at: float, now: float, in_flight: int) -> None:
        """Behind an outage."""
        if sent_at >= self._began:
            self._set(pace.anew(self.most))
            self._begin(now, in_flight)

    def _set(self, pace: Pace) -> None:
        self.pace, self.limit = pace, pace.limit

    def _begin(self, now: float, in_flight: int) -> None:
        self._began, self._seconds, self._peak = now, 0.0, in_flight
        self._came = self._answers = 0
