from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.autoscaling.decide import SCALED, Scaling, decide, is_at_rest, proposal
from domain.autoscaling.load import Load, observe
from domain.autoscaling.rule import AutoscalingRule, Metric
from domain.deployments.deployment import DeploymentStatus
from tests.support.builders import NOON
from tests.support.scaling import STEP, UNHURRIED, a_look, a_rule, seen, serving, steady


def decided(rules: list[AutoscalingRule], desired: int, load: Load, **said: Any) -> Scaling | None:
    deployment = serving(desired_replicas=desired)
    return decide(rules, deployment, load, **{"rolling_out": False, **said})


def numbers(scaling: Scaling | None) -> tuple[int, int] | None:
    return None if scaling is None else (scaling.before, scaling.after)


@pytest.mark.parametrize(
    ("total", "desired", "wanted"),
    [(0, 1, 1), (4, 1, 1), (5, 1, 2), (8, 1, 2), (9, 1, 3), (400, 1, 10), (0, 5, 1), (17, 9, 5)],
)
def test_a_rule_asks_for_as_many_as_the_target_makes_inside_its_bounds(
    total: int, desired: int, wanted: int
) -> None:
    assert proposal(a_rule(target=4), total, desired) == wanted


@pytest.mark.parametrize(("total", "wanted"), [(36, 10), (40, 10), (44, 10), (44.1, 12), (35.9, 9)])
def test_what_is_within_ten_percent_of_the_target_is_about_right(total: float, wanted: int) -> None:
    assert proposal(a_rule(target=4, max_replicas=20), total, 10) == wanted


def test_rounding_adds_no_replica() -> None:
    assert proposal(a_rule(target=0.1), 0.3, 1) == 3
    assert proposal(a_rule(target=1.1), 1.1 * 3, 1) == 3


def test_a_load_that_no_number_holds_asks_for_the_most_there_is() -> None:
    assert proposal(a_rule(target=5e-324, max_replicas=1_000), 1e300, 1) == 1_000


def test_more_load_brings_more_replicas_at_once_and_tells_why() -> None:
    rule = a_rule(target=4)
    scaling = decided([rule], 2, seen([rule], [a_look(18, desired=2)]))
    assert scaling == Scaling(
        rule=rule,
        before=2,
        after=5,
        measured=9.0,
        note="18 requests in flight now, 4 for each replica.",
    )


def test_no_rules_decide_nothing() -> None:
    assert decided([], 1, seen([], [a_look(100)])) is None


def test_more_replicas_come_once_the_cooldown_has_passed() -> None:
    rule = a_rule(cooldown_up=30, last_scaled_at=NOON)
    load = seen([rule], [a_look(40)] * 16)
    assert decided([rule], 1, replace(load, at=NOON + timedelta(seconds=29.9))) is None
    assert numbers(decided([rule], 1, load)) == (1, 10)


def test_a_users_scaling_counts_for_the_cooldown_too() -> None:
    rule = a_rule(cooldown_up=30)
    looks = [a_look(40, desired=1), *[a_look(40, desired=2)] * 16]
    assert decided([rule], 2, seen([rule], looks[:16])) is None
    assert numbers(decided([rule], 2, seen([rule], looks))) == (2, 10)


def test_fewer_replicas_come_after_a_whole_cooldown_of_less_load() -> None:
    rule = a_rule(cooldown_down=300)
    assert decided([rule], 5, steady([rule], 4, 5, seconds=298)) is None
    scaling = decided([rule], 5, steady([rule], 4, 5, seconds=300))
    assert numbers(scaling) == (5, 1)
    assert scaling is not None
    assert scaling.note == "4 requests in flight at most in 300 s, 4 for each replica."
    assert scaling.measured == 0.8


def test_a_moment_of_silence_takes_nothing_away() -> None:
    rule = a_rule(cooldown_down=60)
    looks = [a_look(20, desired=5)] * 100 + [a_look(0, desired=5)] * 30
    assert decided([rule], 5, seen([rule], looks)) is None


def test_fewer_are_as_many_as_the_highest_load_of_the_cooldown_asked_for() -> None:
    rule = a_rule(cooldown_down=60)
    quiet = [a_look(0, desired=5)] * 20
    looks = [a_look(20, desired=5), *quiet, a_look(10, desired=5), *quiet]
    assert numbers(decided([rule], 5, seen([rule], looks))) == (5, 3)


def test_fewer_replicas_wait_for_the_cooldown_since_the_last_scaling() -> None:
    rule = a_rule(cooldown_down=60, last_scaled_at=NOON + timedelta(seconds=50))
    load = steady([rule], 0, 5, seconds=108)
    assert decided([rule], 5, load) is None
    later = steady([rule], 0, 5, seconds=110)
    assert numbers(decided([rule], 5, later)) == (5, 1)


def test_who_has_just_begun_to_look_takes_nothing_away() -> None:
    rule = a_rule(cooldown_down=300, last_scaled_at=NOON - timedelta(days=1))
    assert decided([rule], 5, seen([rule], [a_look(0, desired=5)])) is None


def test_the_rule_that_asks_for_most_decides() -> None:
    rate = a_rule(metric=Metric.REQUEST_RATE, target=1)
    flying = a_rule(target=10)
    looks = [a_look(25, g=14 * count) for count in range(11)]
    scaling = decided([flying, rate], 1, seen([flying, rate], looks))
    assert scaling is not None
    assert (scaling.rule, scaling.after) == (rate, 7)
    assert scaling.measured == pytest.approx(7)


def test_no_rule_takes_away_what_another_asks_for() -> None:
    rate = a_rule(metric=Metric.REQUEST_RATE, target=1, cooldown_down=10)
    flying = a_rule(target=10, cooldown_down=20)
    looks = [a_look(25, desired=5)] * 40
    assert numbers(decided([flying, rate], 5, seen([flying, rate], looks))) == (5, 3)


def test_nothing_is_taken_away_while_a_rate_is_not_yet_known() -> None:
    rate = a_rule(metric=Metric.REQUEST_RATE, cooldown_down=0)
    flying = a_rule(cooldown_down=0)
    looks = [a_look(0, desired=5)] * 6
    assert decided([flying, rate], 5, seen([flying, rate], looks[:5])) is None
    assert numbers(decided([flying, rate], 5, seen([flying, rate], looks))) == (5, 1)


def test_a_number_outside_the_bounds_is_brought_inside_at_once() -> None:
    rule = a_rule(min_replicas=2, max_replicas=5, last_scaled_at=NOON)
    over = decided([rule], 9, seen([rule], [a_look(0, desired=9)]))
    under = decided([rule], 0, seen([rule], [a_look(0, desired=0)]))
    assert (numbers(over), numbers(under)) == ((9, 5), (0, 2))
    assert over is not None
    assert under is not None
    assert (over.measured, over.note) == (None, "At most 5 are allowed.")
    assert (under.measured, under.note) == (None, "At least 2 are wanted.")


def test_bounds_hold_also_where_no_gateway_lives() -> None:
    rule = a_rule(min_replicas=2, max_replicas=5)
    silent = replace(a_look(), arrived={})
    assert numbers(decided([rule], 1, seen([rule], [silent]))) == (1, 2)
    assert decided([rule], 3, seen([rule], [silent] * 400)) is None


def test_the_last_replica_goes_only_where_every_rule_lets_it() -> None:
    zero = a_rule(min_replicas=0, cooldown_down=10)
    one = a_rule(metric=Metric.REQUEST_RATE, cooldown_down=10)
    looks = [a_look(0)] * 30
    assert numbers(decided([zero], 1, seen([zero], looks))) == (1, 0)
    assert decided([zero, one], 1, seen([zero, one], looks)) is None


def test_a_held_request_brings_a_first_replica() -> None:
    rule = a_rule(min_replicas=0)
    scaling = decided([rule], 0, seen([rule], [a_look(1, desired=0)]))
    assert numbers(scaling) == (0, 1)
    assert scaling is not None
    assert scaling.measured == 1


def test_a_revision_with_a_fixed_port_gets_one_replica() -> None:
    rule = a_rule(min_replicas=2)
    assert decided([rule], 1, seen([rule], [a_look(90)]), most=1) is None
    assert numbers(decided([rule], 4, seen([rule], [a_look(90, desired=4)]), most=1)) == (4, 1)
    assert numbers(decided([rule], 0, seen([rule], [a_look(90, desired=0)]), most=1)) == (0, 1)


@pytest.mark.parametrize("status", sorted(set(DeploymentStatus) - SCALED))
def test_what_is_not_on_its_way_to_serve_is_left_alone(status: DeploymentStatus) -> None:
    rule = a_rule(min_replicas=2)
    deployment = serving(status=status)
    assert decide([rule], deployment, seen([rule], [a_look(90)]), rolling_out=False) is None


def test_without_an_active_revision_there_is_nothing_to_scale() -> None:
    rule = a_rule(min_replicas=2)
    failed = serving(status=DeploymentStatus.DEGRADED, active_revision_id=None)
    assert decide([rule], failed, seen([rule], [a_look(90)]), rolling_out=False) is None


bounds = st.tuples(st.integers(0, 6), st.integers(1, 12)).map(lambda b: (min(b), max(b)))


@st.composite
def rules(draw: st.DrawFn) -> list[AutoscalingRule]:
    metrics = draw(st.sets(st.sampled_from(Metric), min_size=1))
    made = []
    for metric in sorted(metrics):
        least, most = draw(bounds)
        made.append(
            a_rule(
                metric=metric,
                target=draw(st.sampled_from([0.5, 1, 3, 4, 10])),
                min_replicas=least,
                max_replicas=max(1, most),
                cooldown_up=draw(st.sampled_from([0, 4, 30])),
                cooldown_down=draw(st.sampled_from([0, 6, 20, 60])),
            )
        )
    return made


@st.composite
def schedules(draw: st.DrawFn) -> list[tuple[int, int, bool, int | None]]:
    """At each look: requests in flight, how many came, whether there is a rollout, and to how many
    replicas a user scales, if one does."""
    seldom = st.integers(0, 9).map(lambda chance: chance == 0)
    a_user = st.none() | st.none() | st.none() | st.integers(0, 14)
    steps = st.tuples(st.integers(0, 40), st.integers(0, 40), seldom, a_user)
    calm = st.tuples(st.integers(0, 3), st.just(0), st.just(False), st.none())
    parts = draw(st.lists(st.tuples(steps | calm, st.integers(1, 12)), min_size=1, max_size=12))
    return [step for step, times in parts for step in [step] * times]


@UNHURRIED
@given(rules(), schedules(), st.sampled_from([1, 1_000]))
def test_whatever_happens_bounds_hold_and_cooldowns_are_kept(
    ours: list[AutoscalingRule], schedule: list[tuple[int, int, bool, int | None]], most: int
) -> None:
    """Against the history of all totals, which the windows know only the peaks of."""
    world = World(ours, most)
    world.look(0, 0, rolling_out=False, by_user=None)
    for step in schedule:
        world.look(*step)


class World:
    def __init__(self, ours: list[AutoscalingRule], most: int) -> None:
        self.rules = ours
        self.most = most
        self.deployment = serving(desired_replicas=1)
        self.load: Load | None = None
        self.now = NOON
        self.came = 0
        self.scaled_at: datetime | None = None
        self.history: dict[Metric, list[tuple[datetime, float]]] = {m: [] for m in Metric}

    def look(self, in_flight: int, came: int, rolling_out: bool, by_user: int | None) -> None:
        self.now += STEP
        self.came += came
        if by_user is not None and by_user != self.deployment.desired_replicas:
            self.deployment = replace(self.deployment, desired_replicas=by_user)
            self.scaled_at = self.now
        desired = self.deployment.desired_replicas
        look = a_look(in_flight, desired, g=self.came)
        before = self.load
        self.load = load = observe(before, look, self.rules, self.now)
        for metric, window in load.windows.items():
            self.history[metric].append((self.now, window.total))
        scaling = decide(self.rules, self.deployment, load, rolling_out=rolling_out, most=self.most)
        if before is not None and is_at_rest(self.rules, before, look, self.most):
            assert scaling is None
        if scaling is not None:
            assert not rolling_out
            self.judge(scaling)
            self.apply(scaling)
        elif not rolling_out:
            self.judge_staying()

    def bounds(self) -> tuple[int, int]:
        least = max(rule.min_replicas for rule in self.rules)
        allowed = max(rule.max_replicas for rule in self.rules)
        return min(least, self.most), min(allowed, self.most)

    def judge(self, scaling: Scaling) -> None:
        least, allowed = self.bounds()
        assert scaling.before == self.deployment.desired_replicas != scaling.after
        assert least <= scaling.after <= allowed
        inside = least <= scaling.before <= allowed
        if scaling.after > scaling.before and scaling.after > least:
            assert self.since_last() >= scaling.rule.cooldown_up
        if scaling.after < scaling.before and inside:
            assert self.since_last() >= max(rule.cooldown_down for rule in self.rules)
            assert scaling.after == min(self.asked_for_at_most(), self.most)

    def judge_staying(self) -> None:
        least, allowed = self.bounds()
        assert least <= self.deployment.desired_replicas <= allowed

    def since_last(self) -> float:
        if self.scaled_at is None:
            return float("inf")
        return (self.now - self.scaled_at).total_seconds()

    def asked_for_at_most(self) -> int:
        """By any rule at any time of its cooldown, all of which was seen."""
        desired, highest = self.deployment.desired_replicas, 0
        for rule in self.rules:
            since = self.now - timedelta(seconds=rule.cooldown_down)
            known = self.history[rule.metric]
            assert known[0][0] <= since
            totals = [total for at, total in known if at >= since]
            highest = max(highest, *(proposal(rule, total, desired) for total in totals))
        return highest

    def apply(self, scaling: Scaling) -> None:
        assert self.load is not None
        self.scaled_at = self.now
        self.load = replace(self.load, desired=scaling.after)
        self.deployment = replace(self.deployment, desired_replicas=scaling.after)
        self.rules = [
            replace(rule, last_scaled_at=self.now) if rule == scaling.rule else rule
            for rule in self.rules
        ]


@UNHURRIED
@given(
    rules(),
    st.lists(st.tuples(st.integers(0, 40), st.integers(0, 20)), min_size=1, max_size=40),
    st.integers(0, 12),
)
def test_more_load_never_makes_fewer_replicas(
    ours: list[AutoscalingRule], pairs: list[tuple[int, int]], desired: int
) -> None:
    def after(loads: list[int]) -> int:
        counts = [sum(loads[: place + 1]) for place in range(len(loads))]
        looks = [a_look(load, desired, g=count) for load, count in zip(loads, counts, strict=True)]
        scaling = decided(ours, desired, seen(ours, looks))
        return desired if scaling is None else scaling.after

    assert after([less for less, _ in pairs]) <= after([less + more for less, more in pairs])


@UNHURRIED
@given(st.integers(1, 100), st.integers(-100, 100), st.sampled_from([0, 2, 30]))
def test_a_load_about_as_the_target_wants_it_changes_nothing(
    desired: int, off: int, cooldown: int
) -> None:
    """Up to 10 % off, either way, at every look anew."""
    rule = a_rule(target=100, max_replicas=200, cooldown_up=0, cooldown_down=cooldown)
    near, load = int(desired * (1_000 + off) / 10), None
    for count in range(40):
        in_flight = near if count % 2 else desired * 100
        load = observe(load, a_look(in_flight, desired), [rule], NOON + count * STEP)
        assert decided([rule], desired, load) is None


@UNHURRIED
@given(st.integers(0, 60), st.integers(1, 20), rules())
def test_under_a_steady_load_the_number_settles(
    in_flight: int, desired: int, ours: list[AutoscalingRule]
) -> None:
    """Up or down, never both, and then no more."""
    world = World(ours, 1_000)
    world.deployment = replace(world.deployment, desired_replicas=desired)
    numbers = []
    for _ in range(120):
        world.look(in_flight, 0, rolling_out=False, by_user=None)
        numbers.append(world.deployment.desired_replicas)
    inside = numbers[1:]
    assert inside in (sorted(inside), sorted(inside, reverse=True))
    assert len(set(numbers[80:])) == 1
