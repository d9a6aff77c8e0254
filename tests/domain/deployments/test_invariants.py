"""Thousands of random schedules of faults and decisions of users: what has to hold at every moment, and
at the end."""

import os
from collections.abc import Callable

from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from domain.deployments.deployment import DeploymentStatus
from domain.deployments.facts import RolledBack, RolloutFailed
from domain.deployments.rollout import RolloutKind
from domain.deployments.strategy import BlueGreen, Canary, CanaryStep, Rolling, Strategy
from tests.support.judging import judge
from tests.support.world import World

SCHEDULES = int(os.environ.get("MODELYARD_TEST_SCHEDULES", "600"))

STRATEGIES: tuple[Strategy, ...] = (
    Rolling(),
    Rolling(max_surge=0, max_unavailable=1),
    Rolling(max_surge=1, max_unavailable="50%"),
    Rolling(max_surge="0%", max_unavailable="34%"),
    Rolling(max_surge=2, max_unavailable="100%"),
    BlueGreen(),
    BlueGreen(promote_delay=30),
    BlueGreen(auto_promote=False),
    Canary(steps=(CanaryStep(weight=20, pause=10), CanaryStep(weight=60, pause=0))),
    Canary(steps=(CanaryStep(weight=34), CanaryStep(weight=100, pause=5))),
)
FATES = ("", "", "", "", "", "uncommitted", "unacted")
PAUSES = (0.0, 0.25, 1.0, 1.0, 3.0, 10.0, 61.0, 95.0, 310.0, 601.0)
MOMENTS = (
    *("go on", "go on", "go on", "go on", "go on", "go on", "go on", "go on"),
    *("look", "look", "look", "look", "pass", "pass", "pass", "hear", "hear"),
    *("begin", "finish", "crash", "fail", "recover", "forget", "lose", "restart"),
    *("break", "slow", "mend", "take port", "request", "answer"),
    *("activate", "activate", "scale", "abort", "pause", "resume", "promote", "roll back"),
    *("strategy", "delete"),
)
Moment = tuple[str, int]
SCHEDULE = st.lists(
    st.tuples(st.sampled_from(MOMENTS), st.integers(0, 9)), min_size=30, max_size=80
)


def happen(world: World, moment: Moment, strategies: tuple[Strategy, ...]) -> None:
    what, which = moment
    number = 1 + which % 4
    moments: dict[str, Callable[[], object]] = {
        "look": lambda: world.look(FATES[which % len(FATES)]),
        "go on": lambda: world.run(1 + which % 4),
        "begin": world.begin,
        "lose": lambda: world.begin(lost=which % 3),
        "finish": world.finish,
        "restart": world.restart,
        "pass": lambda: world.passes(PAUSES[which]),
        "hear": lambda: world.hears(which),
        "request": lambda: world.request(which),
        "answer": lambda: world.answers(which),
        "crash": lambda: world.crash(which),
        "fail": lambda: world.fail_probes(which),
        "recover": lambda: world.recover(which),
        "forget": lambda: world.forget(which),
        "break": lambda: world.broken.add(f"r{number}"),
        "slow": lambda: world.slow.add(f"r{number}"),
        "mend": world.mend,
        "take port": lambda: setattr(world, "taken", 1 + which % 2),
        "activate": lambda: world.activate(number),
        "roll back": lambda: world.activate(number, RolloutKind.ROLLBACK),
        "abort": world.abort,
        "pause": world.pause,
        "resume": world.resume,
        "promote": world.promote,
        "scale": lambda: world.scale(which % 6),
        "strategy": lambda: world.set_strategy(strategies[which % len(strategies)]),
        "delete": lambda: world.delete() if which == 0 else None,
    }
    moments[what]()


def ends_well(world: World) -> None:
    """Faults have stopped: what is desired serves, or nothing is left; and nothing that no row names."""
    world.mend()
    world.settle()
    status, active = world.deployment.status, world.deployment.active_revision_id
    assert not world.orphans()
    if status is DeploymentStatus.READY:
        assert len(world.serving(active)) == world.deployment.desired_replicas
        assert len(world.present()) == world.deployment.desired_replicas
    else:
        assert status in (DeploymentStatus.STOPPED, DeploymentStatus.PENDING)
        assert not world.present()
        assert not any(p.lives for p in world.processes.values())


def tell(world: World) -> None:
    for fault in world.faults:
        event(fault)
    for rollout in world.rollouts:
        event(f"rollout {rollout.status.value}")
    event(f"ends {world.deployment.status.value}")


THOROUGH = settings(
    max_examples=SCHEDULES, deadline=None, suppress_health_check=list(HealthCheck), database=None
)


@THOROUGH
@given(
    strategy=st.sampled_from(STRATEGIES),
    others=st.permutations(STRATEGIES),
    desired=st.integers(0, 4),
    schedule=SCHEDULE,
)
def test_whatever_happens_nothing_healthy_is_lost_and_all_ends_well(
    strategy: Strategy, others: list[Strategy], desired: int, schedule: list[Moment]
) -> None:
    world = World(strategy=strategy, desired=desired, judge=judge)
    world.activate(1)
    for moment in schedule:
        happen(world, moment, tuple(others))
    ends_well(world)
    tell(world)


@settings(THOROUGH, max_examples=max(1, SCHEDULES // 5))
@given(
    strategy=st.sampled_from(STRATEGIES),
    in_place=st.frozensets(st.sampled_from(["r1", "r2", "r3", "r4"]), min_size=1),
    schedule=SCHEDULE,
)
def test_revisions_with_a_fixed_port_are_never_beside_another_and_all_ends_well(
    strategy: Strategy, in_place: frozenset[str], schedule: list[Moment]
) -> None:
    world = World(strategy=strategy, desired=1, judge=judge, in_place=in_place)
    world.activate(1)
    for moment in schedule:
        if moment[0] != "scale":
            happen(world, moment, STRATEGIES)
    ends_well(world)
    tell(world)


@settings(THOROUGH, max_examples=max(1, SCHEDULES // 5))
@given(
    strategy=st.sampled_from(STRATEGIES),
    desired=st.integers(1, 4),
    fails=st.sampled_from(["broken", "slow"]),
    schedule=SCHEDULE,
)
def test_a_revision_that_never_works_is_rolled_back_and_the_one_before_serves_on(
    strategy: Strategy, desired: int, fails: str, schedule: list[Moment]
) -> None:
    world = World(strategy=strategy, desired=desired, judge=judge)
    world.activate(1)
    world.settle()
    getattr(world, fails).add("r9")
    world.activate(9)
    for what, which in schedule:
        if what in ("look", "begin", "finish", "lose", "restart", "hear", "pass", "request"):
            happen(world, (what, which), ())
    world.settle(1_500)
    assert world.deployment.active_revision_id == "r1"
    assert len(world.serving("r1")) == desired == len(world.present())
    assert world.happened(RolloutFailed)
    assert world.happened(RolledBack)
    assert not world.orphans()
