"""Fewer requests at once where a worker makes its own process late, and only where that helps."""

from collections.abc import Callable

import pytest

from domain.batches.sending import ceiling
from domain.batches.sending.ceiling import LATE, LEAST, NONE, Ceiling
from domain.batches.sending.run import Gate

Process = Callable[[int], float]


def windows(process: Process, wanted: int, count: int, start: Ceiling = NONE) -> list[int]:
    """How many are in flight in each, where the process is late by what it says of so many."""
    now, seen = start, []
    for _ in range(count):
        in_flight = wanted if now.limit is None else min(wanted, now.limit)
        now = ceiling.after(now, process(in_flight), in_flight)
        seen.append(in_flight)
    return seen


def by_itself(in_flight: int) -> float:
    """Each request in flight takes 0.5 ms of the loop."""
    return in_flight * 0.0005


def by_others(in_flight: int) -> float:
    return 0.2


def in_time(in_flight: int) -> float:
    return 0.001


def test_a_process_that_is_in_time_sends_as_many_as_engines_take() -> None:
    assert set(windows(in_time, 8_192, 50)) == {8_192}


def test_one_that_its_own_requests_make_late_sends_fewer_until_it_is_in_time() -> None:
    seen = windows(by_itself, 1_024, 60)
    assert by_itself(max(seen[10:])) <= 2 * LATE
    assert min(seen) >= LEAST


def test_it_is_in_time_again_within_three_seconds() -> None:
    assert by_itself(windows(by_itself, 1_024, 7)[-1]) <= 2 * LATE


def test_one_that_others_make_late_loses_no_more_than_a_moment_now_and_then() -> None:
    seen = windows(by_others, 256, 1_000)
    assert sum(each == 256 for each in seen) > 950
    assert seen[1] == 128, "it was tried"


def test_where_fewer_helped_once_the_next_try_is_soon_again() -> None:
    late = Ceiling(patience=64)
    cut = ceiling.after(late, 0.2, 256)
    assert cut.limit == 128
    assert ceiling.after(cut, 0.05, 128).patience == ceiling.FIRST_PAUSE


def test_what_was_cut_comes_back_once_there_is_time() -> None:
    held = Ceiling(limit=LEAST)
    assert windows(in_time, 500, 30, held)[-1] == 500


def test_a_ceiling_that_nobody_reaches_is_none() -> None:
    assert ceiling.after(Ceiling(limit=100), 0.0, 10).limit is None


@pytest.mark.parametrize("in_flight", [0, 1, LEAST])
def test_a_few_requests_are_never_too_many(in_flight: int) -> None:
    assert ceiling.after(NONE, 10.0, in_flight) == NONE


def test_nothing_more_is_sent_above_the_ceiling_or_in_a_rest() -> None:
    gate = Gate(in_flight=10, ceiling=Ceiling(limit=16))
    assert gate.room == 6
    gate.rests = True
    assert gate.room == 0
    assert Gate(in_flight=10).room > 1_000_000
