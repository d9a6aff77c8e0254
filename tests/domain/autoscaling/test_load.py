from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.autoscaling.load import Load, Reported, Sample, Window, observe, reported
from domain.autoscaling.rule import Metric
from domain.deployments.ports import GatewayReport
from tests.support.builders import NOON
from tests.support.scaling import UNHURRIED, a_look, a_rule, seen

RATE = [a_rule(metric=Metric.REQUEST_RATE)]
IN_FLIGHT = [a_rule()]


def seconds(count: float) -> timedelta:
    return timedelta(seconds=count)


def rate(load: Load) -> float | None:
    window = load.windows.get(Metric.REQUEST_RATE)
    return None if window is None else window.total


def in_flight(load: Load) -> float:
    return load.windows[Metric.IN_FLIGHT].total


def a_report(gateway: str = "g", **said: dict[str, int]) -> GatewayReport:
    own = {"in_flight": {}, "held": {}, "arrived": {}, **said}
    return GatewayReport(gateway=gateway, position=1, seen_at=NOON, **own)


def test_what_gateways_report_of_a_deployment_is_summed() -> None:
    reports = [
        a_report("a", in_flight={"r1": 2, "r2": 1, "other": 9}, held={"d": 3}, arrived={"d": 7}),
        a_report("b", in_flight={"r1": 4}, held={"e": 5}, arrived={"e": 8}),
    ]
    look = reported("d", 2, ["r1", "r2"], reports)
    assert look == Reported(desired=2, in_flight=10, arrived={"a": 7, "b": 0})


def test_a_rate_is_told_once_ten_seconds_of_it_were_seen() -> None:
    looks = [a_look(g=20 * count) for count in range(20)]
    assert rate(seen(RATE, looks[:5])) is None
    assert rate(seen(RATE, looks[:6])) == pytest.approx(10)
    assert rate(seen(RATE, looks)) == pytest.approx(10)


def test_a_rate_is_the_mean_of_the_last_twenty_seconds() -> None:
    burst = [a_look(g=count) for count in (0, 1_000)]
    after = [a_look(g=1_000)] * 10
    assert rate(seen(RATE, [*burst, *after[:9]])) == pytest.approx(1_000 / 20)
    assert rate(seen(RATE, [*burst, *after])) == 0


def test_gateways_rates_add_up() -> None:
    looks = [a_look(a=2 * count, b=4 * count) for count in range(11)]
    assert rate(seen(RATE, looks)) == pytest.approx(3)


def test_what_a_gateway_counted_before_it_was_first_seen_is_no_rate() -> None:
    looks = [a_look(a=0)] * 6 + [a_look(a=0, b=1_000_000)] * 5
    assert rate(seen(RATE, looks)) == 0


def test_a_gateway_that_starts_anew_counts_on_from_nothing() -> None:
    looks = [a_look(g=count) for count in (100, 120, 140, 10, 30, 50)]
    assert rate(seen(RATE, looks)) == pytest.approx((20 + 20 + 10 + 20 + 20) / 10)


def test_a_gateway_that_was_silent_for_a_while_brings_no_burst() -> None:
    looks = [a_look(a=0, b=0)] * 3 + [a_look(a=0)] * 5 + [a_look(a=0, b=9_000)] * 3
    assert rate(seen(RATE, looks)) == 0


@UNHURRIED
@given(st.lists(st.tuples(st.integers(0, 50), st.booleans()), min_size=6, max_size=40))
def test_a_rate_is_never_negative_nor_more_than_what_came(steps: list[tuple[int, bool]]) -> None:
    """Each step some requests come, or the gateway starts anew and they are its first."""
    counts = [0]
    for came, anew in steps:
        counts.append(came if anew else counts[-1] + came)
    told = rate(seen(RATE, [a_look(g=count) for count in counts]))
    assert told is not None
    assert 0 <= told <= sum(came for came, _ in steps[-10:]) / 10


def test_a_request_that_ended_between_two_looks_was_in_flight() -> None:
    assert in_flight(seen(IN_FLIGHT, [a_look(g=5), a_look(g=6)])) == 1
    assert in_flight(seen(IN_FLIGHT, [a_look(g=5), a_look(g=9), a_look(g=9)])) == 0
    assert in_flight(seen(IN_FLIGHT, [a_look(3, g=5), a_look(3, g=9)])) == 3


def test_without_a_gateway_nobody_can_tell_the_load() -> None:
    none = Reported(desired=1, in_flight=0, arrived={})
    load = seen([*RATE, *IN_FLIGHT], [*[a_look()] * 20, none])
    assert load.windows == {}
    again = observe(load, a_look(), [*RATE, *IN_FLIGHT], load.at + seconds(2))
    assert set(again.windows) == {Metric.IN_FLIGHT}
    assert again.windows[Metric.IN_FLIGHT].since == again.at


def test_who_looks_away_for_long_begins_anew() -> None:
    load = seen(IN_FLIGHT, [a_look(7)] * 10)
    soon = observe(load, a_look(), IN_FLIGHT, load.at + seconds(15))
    assert soon.windows[Metric.IN_FLIGHT].since == NOON
    late = observe(load, a_look(), IN_FLIGHT, load.at + seconds(16))
    assert late.windows[Metric.IN_FLIGHT] == Window(late.at, (Sample(late.at, 0),))


def test_another_number_of_desired_replicas_is_noted_whoever_decided_it() -> None:
    assert seen(IN_FLIGHT, [a_look(desired=2)] * 3).rescaled_at is None
    load = seen(IN_FLIGHT, [a_look(desired=2), a_look(desired=3), a_look(desired=3)])
    assert load.rescaled_at == NOON + seconds(2)
    late = observe(load, a_look(desired=3), IN_FLIGHT, load.at + seconds(60))
    assert late.rescaled_at == load.rescaled_at
    later = observe(late, a_look(desired=4), IN_FLIGHT, late.at + seconds(60))
    assert later.rescaled_at == later.at


def test_a_longer_cooldown_waits_for_what_was_not_kept() -> None:
    short, long = [a_rule(cooldown_down=10)], [a_rule(cooldown_down=60)]
    load = seen(short, [a_look(9)] * 3 + [a_look(1)] * 47)
    assert load.windows[Metric.IN_FLIGHT].since == load.at - seconds(10)
    longer = observe(load, a_look(1), long, load.at + seconds(2))
    assert longer.windows[Metric.IN_FLIGHT].since == load.at - seconds(10)


@UNHURRIED
@given(st.lists(st.integers(0, 9), min_size=1, max_size=60), st.integers(0, 80), st.data())
def test_a_window_knows_the_highest_total_of_any_part_of_it(
    totals: list[int], keep: int, data: st.DataObject
) -> None:
    window = Window(NOON)
    for count, total in enumerate(totals):
        window = window.after(Sample(NOON + seconds(count), total), seconds(keep))
    last = len(totals) - 1
    back = data.draw(st.integers(0, min(keep, last)))
    assert window.since == NOON + seconds(max(0, last - keep))
    assert window.highest(NOON + seconds(last - back)) == max(totals[last - back :])
    assert window.total == totals[-1]
