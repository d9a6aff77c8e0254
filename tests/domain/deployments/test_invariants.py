"""Thousands of random schedules of faults and decisions of users: what has to hold at every moment, and
at the end."""

import os

from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from domain.deployments.deployment import DeploymentStatus
from domain.deployments.rollout import RolloutKind
from domain.deployments.strategy import BlueGreen, Canary, CanaryStep, Rolling, Strategy
from tests.support.judging import judge
from tests.support.world import World

SCHEDULES = int(os.environ.get("MODELYARD_TEST_SCHEDULES", "700"))

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
KINDS = ("rolling", "blue_green", "canary")
FATES = ("", "", "", "", "", "uncommitted", "unacted")
PAUSES = (0.0, 0.25, 1.0, 1.0, 3.0, 10.0, 61.0, 95.0, 310.0, 601.0)
MOMENTS = (
    *("look", "look", "look", "look", "pass", "pass", "pass", "hear", "hear"),
    *("begin", "finish", "crash", "fail", "recover", "forget", "lose", "restart"),
    *("break", "slow", "mend", "take port", "request", "answer"),
    *("activate", "activate", "scale", "abort", "pause", "resume", "promote", "roll back"),
    *("strategy", "delete"),
)
Moment = tuple[str, int]
SCHEDULE = st.lists(st.tuples(st.sampled_from(MOMENTS), st.integers(0, 9)), min_size=5, max_size=70)


def happen(world: World, moment: Moment, strategies: tuple[Strategy, ...]) -> None:
    what, which = moment
    match what:
        case "look":
            world.begin()
            world.finish(FATES[which % len(FATES)])
        case "lose":
            world.begin(lost=which % 3)
        case "pass":
            world.passes(PAUSES[which])
        case "activate":
            world.activate(1 + which % 4)
        case "roll back":
            world.activate(1 + which % 4, RolloutKind.ROLLBACK)
        case "scale":
            world.scale(which % 6)
        case "strategy":
            world.set_strategy(strategies[which % len(strategies)])
        case "delete" if which == 0:
            world.delete()
        case "break":
            world.broken.add(f"r{1 + which % 4}")
        case "slow":
            world.slow.add(f"r{1 + which % 4}")
        case "mend":
            world.broken.clear()
            world.slow.clear()
        case "take port":
            world.taken = 1 + which % 2
        case _:
            _simple(world, what, which)


def _simple(world: World, what: str, which: int) -> None:
    plain = {
        "begin": world.begin,
        "finish": world.finish,
        "restart": world.restart,
        "abort": world.abort,
        "pause": world.pause,
        "resume": world.resume,
        "promote": world.promote,
    }
    with_which = {
        "hear": world.hears,
        "crash": world.crash,
        "fail": world.fail_probes,
        "recover": world.recover,
        "forget": world.forget,
        "request": world.request,
        "answer": world.answers,
    }
    if what in plain:
        plain[what]()
    elif what in with_which:
        with_which[what](which)


def ends_well(world: World) -> None:
    """Faults have stopped: what is desired serves, or nothing is left; and nothing that no row names."""
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


@settings(max_examples=SCHEDULES, deadline=None, suppress_health_check=list(HealthCheck))
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
