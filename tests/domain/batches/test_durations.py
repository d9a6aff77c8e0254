import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.batches.admission import durations
from domain.batches.admission.durations import LONGEST_WINDOW, SHORTEST_WINDOW, UNITS
from domain.errors import InvalidType, InvalidValue

PATH = ("keep_alive",)


@given(number=st.integers(0, 10**9 - 1), unit=st.sampled_from("smhd"))
def test_text_is_a_whole_number_of_a_unit(number: int, unit: str) -> None:
    assert durations.seconds(f"{number}{unit}", PATH) == number * UNITS[unit]


@given(st.floats(0, LONGEST_WINDOW) | st.integers(0, int(LONGEST_WINDOW)))
def test_a_number_is_seconds(number: float) -> None:
    assert durations.seconds(number, PATH) == number


@pytest.mark.parametrize(
    "said", ["", "1", "h", "1.5h", "-1h", "1 h", "1h ", "1w", "1H", "١h", "1h30m", "1" * 10 + "s"]
)
def test_other_text_is_no_duration(said: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        durations.seconds(said, PATH)
    assert refused.value.path == PATH


@pytest.mark.parametrize(
    "said", [-1, -0.1, float("nan"), float("inf"), float("-inf"), 10**400, -(10**400)]
)
def test_a_number_that_is_no_length_of_time_is_refused_with_a_short_message(said: float) -> None:
    with pytest.raises(InvalidValue) as refused:
        durations.seconds(said, PATH)
    assert len(refused.value.message) < 100


@pytest.mark.parametrize("said", [True, None, [], {}, b"1h"])
def test_what_is_neither_number_nor_text_is_of_a_wrong_type(said: object) -> None:
    with pytest.raises(InvalidType):
        durations.seconds(said, PATH)


@given(number=st.integers(0, 10**9 - 1), unit=st.sampled_from("mhd"))
def test_a_window_is_between_a_minute_and_thirty_days(number: int, unit: str) -> None:
    seconds = number * UNITS[unit]
    if SHORTEST_WINDOW <= seconds <= LONGEST_WINDOW:
        assert durations.window(f"{number}{unit}", PATH) == seconds
    else:
        with pytest.raises(InvalidValue):
            durations.window(f"{number}{unit}", PATH)


@pytest.mark.parametrize("said", ["1m", "24h", "30d", "43200m"])
def test_the_windows_at_the_ends_are_taken(said: str) -> None:
    assert durations.window(said, PATH)


@pytest.mark.parametrize("said", ["60s", "0m", "31d", "24", "24 h", "1day", "", "86400"])
def test_windows_of_other_lengths_or_units_are_refused(said: str) -> None:
    with pytest.raises(InvalidValue):
        durations.window(said, PATH)


@given(number=st.integers(1, 1000), unit=st.sampled_from("smhd"))
def test_what_is_written_is_read_as_the_same(number: int, unit: str) -> None:
    seconds = number * UNITS[unit]
    assert durations.seconds(durations.written(seconds), PATH) == seconds


def test_a_bound_is_written_as_people_write_it() -> None:
    with pytest.raises(InvalidValue, match=r"^1 is not between 3600 and 2592000[.]$"):
        durations.within(1, ("output_expires_after",), 3_600, 2_592_000)
    with pytest.raises(InvalidValue, match=r"^0[.]25 is not between"):
        durations.within(0.25, ("first",), 1, 2)
