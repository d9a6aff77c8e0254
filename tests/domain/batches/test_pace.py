from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as some

from domain.batches.sending.pace import START, Pace, Round, after, anew, pushed_back

MOST = 8_192
Engine = Callable[[int], float]


def rounds(pace: Pace, engine: Engine, count: int, most: int = MOST) -> list[int]:
    """The limits, where a round trip takes what the engine says of as many at once."""
    limits = []
    for _ in range(count):
        pace = after(pace, Round(seconds=engine(pace.limit), is_full=True), most)
        limits.append(pace.limit)
    return limits


def unlimited(at_once: int) -> float:
    return 0.02


def of_thousand_a_second(at_once: int) -> float:
    return max(0.05, at_once / 1_000)


def test_it_starts_at_64_and_doubles_each_round_trip() -> None:
    assert Pace().limit == START == 64
    assert rounds(Pace(), unlimited, 4) == [128, 256, 512, 1024]


def test_an_engine_that_takes_thousands_gets_thousands() -> None:
    assert rounds(Pace(), unlimited, 20)[-1] == MOST


def test_it_never_exceeds_what_is_allowed() -> None:
    assert max(rounds(Pace(limit=64), unlimited, 20, most=300)) == 300


def test_where_more_at_once_brings_no_more_answers_it_stops_doubling() -> None:
    limits = rounds(Pace(), of_thousand_a_second, 60)
    assert max(limits) <= 256
    assert limits[-1] / of_thousand_a_second(limits[-1]) >= 900, "and still is as fast as it can be"


def test_a_round_that_was_not_full_says_nothing() -> None:
    pace = Pace()
    assert after(pace, Round(seconds=0.02, is_full=False), MOST) == pace


def test_too_many_halves_it_and_it_grows_by_steps_from_there() -> None:
    pace = pushed_back(Pace(limit=1024))
    assert pace.limit == 512
    assert rounds(pace, unlimited, 3) == [544, 576, 608]


def test_a_target_that_slows_down_later_gets_less() -> None:
    pace = Pace(limit=512, step=32, seconds=0.02)
    assert after(pace, Round(seconds=0.1, is_full=True), MOST).limit < 512


def test_a_target_that_is_slower_however_few_it_gets_keeps_what_it_had() -> None:
    """Its answers are longer from now on, say."""
    pace = Pace(limit=512, step=32, seconds=0.02)
    limits = rounds(pace, lambda at_once: 0.1, 40)
    assert min(limits) >= 400
    assert limits[-1] >= 512


def test_a_target_with_a_queue_gets_less_until_it_is_faster() -> None:
    pace = Pace(limit=2_000, step=10, seconds=0.2)
    limits = rounds(pace, of_thousand_a_second, 60)
    assert limits[-1] < 1_000


def test_after_an_outage_one_request_finds_out_and_it_doubles_again() -> None:
    assert anew(MOST).limit == 1
    assert rounds(anew(MOST), unlimited, 5) == [2, 4, 8, 16, 32]


@given(
    steps=some.lists(some.none() | some.floats(0.001, 100), max_size=60),
    most=some.integers(1, 5_000),
)
def test_whatever_comes_one_may_be_sent_and_never_more_than_the_most(
    steps: list[float | None], most: int
) -> None:
    pace = Pace(limit=min(START, most))
    for seconds in steps:
        if seconds is None:
            pace = pushed_back(pace)
        else:
            pace = after(pace, Round(seconds=seconds, is_full=True), most)
        assert 1 <= pace.limit <= most
