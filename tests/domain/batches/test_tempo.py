"""The pace of one target as it is measured: how fast it answers, and whether more at once is of use."""

from heapq import heapify, heappop, heappush

import pytest

from domain.batches.sending.pace import START
from domain.batches.sending.tempo import Tempo

SECONDS = 0.5  # of a round trip


class Target:
    """Answers in `took` seconds each. One request goes out every `apart` seconds at first, then as many
    as may be in flight do."""

    def __init__(self, most: int, apart: float = 0.0) -> None:
        self.tempo = Tempo(most)
        self.took = SECONDS
        sent = [place * apart for place in range(self.tempo.limit)]
        self.in_flight = [(at + self.took, at) for at in sent]
        heapify(self.in_flight)
        self.tempo.sent(len(sent))
        self.now = 0.0

    def answer(self, count: int) -> None:
        for _ in range(count):
            self.now, sent_at = heappop(self.in_flight)
            self.tempo.answered(sent_at, self.now, len(self.in_flight), in_time)
            while len(self.in_flight) < self.tempo.limit:
                heappush(self.in_flight, (self.now + self.took, self.now))
                self.tempo.sent(len(self.in_flight))


def in_time() -> float:
    return 0.0


def test_nothing_is_known_of_a_target_that_has_not_answered() -> None:
    assert Tempo(8_192).rate == 0


def test_the_rate_is_known_after_the_first_round() -> None:
    target = Target(most=START)
    target.answer(START)
    assert target.tempo.rate == pytest.approx(START / SECONDS)


@pytest.mark.parametrize("apart", [0.0, SECONDS / START])
def test_the_rate_is_of_all_answers_whenever_they_were_asked_for(apart: float) -> None:
    """At once, or one after the other: so that half of those that come were sent before the round."""
    target = Target(most=START, apart=apart)
    target.answer(20 * START)
    assert target.tempo.rate == pytest.approx(START / SECONDS, rel=0.05)


def test_the_rate_is_of_late() -> None:
    target = Target(most=START)
    target.answer(10 * START)
    target.took = 4 * SECONDS
    target.answer(10 * START)
    assert target.tempo.rate == pytest.approx(target.tempo.limit / (4 * SECONDS), rel=0.1)


def test_the_rate_rises_with_the_pace() -> None:
    target = Target(most=1_024)
    target.answer(20_000)
    assert target.tempo.limit == 1_024
    assert target.tempo.rate == pytest.approx(1_024 / SECONDS, rel=0.05)


def after_two_rounds(took: float, lag: float) -> int:
    """The limit, where the second round's answers took so long, and this process was so late."""
    tempo = Tempo(8_192)
    for _ in range(START):
        tempo.sent(START)
        tempo.answered(0.0, SECONDS, START, in_time)
    for _ in range(2 * START):
        tempo.sent(2 * START)
        tempo.answered(SECONDS, SECONDS + took, 2 * START, lambda: lag)
    return tempo.limit


@pytest.mark.parametrize(
    ("took", "lag", "limit"),
    [
        (SECONDS, 0.0, 4 * START),
        (2 * SECONDS, 0.0, START),
        (2 * SECONDS, SECONDS / 2, 4 * START),
        (4 * SECONDS, SECONDS / 2, START),
    ],
)
def test_what_this_process_is_late_is_not_the_targets_slowness(
    took: float, lag: float, limit: int
) -> None:
    """It is late with each request twice."""
    assert after_two_rounds(took, lag) == limit


def test_a_target_that_gets_slower_itself_is_asked_no_more_at_once() -> None:
    target = Target(most=1_024)
    for _ in range(2_000):
        target.took = SECONDS + len(target.in_flight) / 100
        target.answer(16)
    assert target.tempo.limit < 320, "it answers 100 a second at most: twice as long is enough"
