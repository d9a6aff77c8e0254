"""Pausing, resuming, promoting and aborting what is under way."""

from dataclasses import replace
from datetime import timedelta

import pytest

from domain.deployments.deployment import Deployment, DeploymentStatus
from domain.deployments.facts import (
    DeploymentStatusChanged,
    RolloutAborted,
    RolloutPaused,
    RolloutPromoted,
    RolloutResumed,
)
from domain.deployments.reason import Reason
from domain.deployments.rollout import Rollout, RolloutStatus
from domain.deployments.rollouts import Activation
from domain.deployments.strategy import BlueGreen, Canary, CanaryStep, Strategy
from domain.errors import NoRollout, PromotionRefused
from tests.support.house import House
from tests.support.playing import Player

STEPS = Canary(steps=(CanaryStep(weight=10), CanaryStep(weight=50, pause=60.0)))
PAUSED, RUNNING = RolloutStatus.PAUSED, RolloutStatus.RUNNING


@pytest.fixture
def house() -> House:
    return House()


@pytest.fixture
def player(house: House) -> Player:
    return Player(house)


async def asked(house: House, deployment_id: str) -> int:
    return (await house.store.reads.due.of([deployment_id]))[deployment_id].asked


async def rolling(
    house: House, player: Player, strategy: Strategy | None = None
) -> tuple[Deployment, Rollout]:
    _, (revision,) = await player.deployed(strategy=strategy)
    outcome = await house.rollouts.activate(house.caller, Activation(revision_id=revision.id))
    assert outcome.rollout is not None
    return outcome.deployment, outcome.rollout


async def test_a_pause_says_who_and_why_and_is_looked_at(house: House, player: Player) -> None:
    deployment, live = await rolling(house, player)
    house.clock.forward(minutes=1)
    outcome = await house.rollouts.pause(house.caller, deployment.id, "lunch")
    assert outcome.changed
    assert outcome.rollout == replace(
        live,
        status=PAUSED,
        status_since=house.clock(),
        reason=Reason.PAUSED_BY_USER,
        message="lunch",
    )
    assert outcome.deployment == replace(
        deployment, generation=deployment.generation + 1, updated_at=house.clock()
    )
    assert await player.live(deployment.id) == outcome.rollout
    assert (await house.facts())[-1] == RolloutPaused(
        deployment_id=deployment.id,
        rollout_id=live.id,
        number=1,
        reason=Reason.PAUSED_BY_USER,
    )
    assert await asked(house, deployment.id) == 2


async def test_pausing_what_is_paused_changes_nothing(house: House, player: Player) -> None:
    deployment, _ = await rolling(house, player)
    first = await house.rollouts.pause(house.caller, deployment.id, "lunch")
    facts = await house.facts()
    again = await house.rollouts.pause(house.caller, deployment.id, "dinner")
    assert again == replace(first, changed=False)
    assert await house.facts() == facts


async def test_resuming_what_runs_changes_nothing(house: House, player: Player) -> None:
    deployment, live = await rolling(house, player)
    outcome = await house.rollouts.resume(house.caller, deployment.id)
    assert (outcome.deployment, outcome.rollout, outcome.changed) == (deployment, live, False)


async def test_the_deadline_and_the_pauses_stand_still_while_it_is_paused(
    house: House, player: Player
) -> None:
    deployment, live = await rolling(house, player, BlueGreen(promote_delay=60.0))
    ready = await player.put(replace(live, ready_at=house.clock()))
    house.clock.forward(seconds=10)
    await house.rollouts.pause(house.caller, deployment.id)
    house.clock.forward(hours=2)
    outcome = await house.rollouts.resume(house.caller, deployment.id, "go")
    paused = timedelta(hours=2)
    assert ready.ready_at is not None
    assert outcome.rollout == replace(
        ready,
        status=RUNNING,
        status_since=house.clock(),
        message="go",
        ready_at=ready.ready_at + paused,
        progressed_at=ready.progressed_at + paused,
    )
    assert (await house.facts())[-1] == RolloutResumed(
        deployment_id=deployment.id, rollout_id=live.id, number=1
    )


async def test_resuming_at_a_canarys_step_goes_on_to_the_next(house: House, player: Player) -> None:
    deployment, live = await rolling(house, player, STEPS)
    waiting = await player.put(
        replace(live, status=PAUSED, reason=Reason.CANARY_STEP, ready_at=house.clock())
    )
    house.clock.forward(hours=2)
    outcome = await house.rollouts.resume(house.caller, deployment.id)
    assert outcome.rollout == replace(
        waiting,
        status=RUNNING,
        status_since=house.clock(),
        reason=None,
        step=1,
        ready_at=None,
        progressed_at=house.clock(),
    )


async def test_pausing_at_a_canarys_step_changes_nothing(house: House, player: Player) -> None:
    deployment, live = await rolling(house, player, STEPS)
    waiting = await player.put(replace(live, status=PAUSED, reason=Reason.CANARY_STEP))
    outcome = await house.rollouts.pause(house.caller, deployment.id)
    assert (outcome.rollout, outcome.changed) == (waiting, False)


@pytest.mark.parametrize("strategy", [BlueGreen(auto_promote=False), STEPS])
async def test_a_promotion_is_the_go_ahead_once(
    house: House, player: Player, strategy: Strategy
) -> None:
    deployment, live = await rolling(house, player, strategy)
    outcome = await house.rollouts.promote(house.caller, deployment.id, "good")
    assert outcome.rollout == replace(live, promoted=True, message="good")
    assert outcome.deployment.generation == deployment.generation + 1
    assert (await house.facts())[-1] == RolloutPromoted(
        deployment_id=deployment.id, rollout_id=live.id, number=1
    )
    facts = await house.facts()
    again = await house.rollouts.promote(house.caller, deployment.id)
    assert again == replace(outcome, changed=False)
    assert await house.facts() == facts


@pytest.mark.parametrize("reason", [Reason.CANARY_STEP, Reason.PAUSED_BY_USER])
async def test_a_promotion_lets_what_is_paused_go_on(
    house: House, player: Player, reason: Reason
) -> None:
    deployment, live = await rolling(house, player, STEPS)
    await player.put(replace(live, status=PAUSED, reason=reason))
    outcome = await house.rollouts.promote(house.caller, deployment.id)
    assert outcome.rollout == replace(live, promoted=True)


async def test_a_rolling_rollout_takes_no_go_ahead(house: House, player: Player) -> None:
    deployment, live = await rolling(house, player)
    with pytest.raises(PromotionRefused) as refused:
        await house.rollouts.promote(house.caller, deployment.id)
    assert refused.value.path == ("deployment_id",)
    assert await player.live(deployment.id) == live


async def test_an_abort_ends_the_rollout_and_leaves_the_way_back_to_the_reconciler(
    house: House, player: Player
) -> None:
    deployment, live = await rolling(house, player)
    house.clock.forward(minutes=1)
    outcome = await house.rollouts.abort(house.caller, deployment.id, "wrong one")
    assert outcome.rollout == replace(
        live,
        status=RolloutStatus.ABORTED,
        status_since=house.clock(),
        reason=Reason.ABORTED_BY_USER,
        message="wrong one",
        finished_at=house.clock(),
    )
    assert await player.live(deployment.id) is None
    assert outcome.deployment == replace(
        deployment,
        status=DeploymentStatus.ROLLING_BACK,
        status_since=house.clock(),
        reason=Reason.ABORTED_BY_USER,
        generation=deployment.generation + 1,
        updated_at=house.clock(),
    )
    assert (await house.facts())[-2:] == [
        RolloutAborted(
            deployment_id=deployment.id,
            rollout_id=live.id,
            revision_id=live.revision_id,
            number=1,
        ),
        DeploymentStatusChanged(
            deployment_id=deployment.id,
            status_before=DeploymentStatus.DEPLOYING,
            status_after=DeploymentStatus.ROLLING_BACK,
            reason=Reason.ABORTED_BY_USER,
        ),
    ]
    assert await asked(house, deployment.id) == 2


async def test_what_is_paused_can_be_aborted_and_replaced(house: House, player: Player) -> None:
    made, (one, two) = await player.deployed(2)
    await house.rollouts.activate(house.caller, Activation(revision_id=one.id))
    await house.rollouts.pause(house.caller, made.id)
    outcome = await house.rollouts.activate(house.caller, Activation(revision_id=two.id))
    assert outcome.rollout is not None
    assert outcome.rollout.status is RUNNING
    await house.rollouts.pause(house.caller, made.id)
    aborted = await house.rollouts.abort(house.caller, made.id)
    assert aborted.rollout is not None
    assert aborted.rollout.status is RolloutStatus.ABORTED


async def test_an_aborted_rollouts_revision_can_be_activated_again(
    house: House, player: Player
) -> None:
    deployment, live = await rolling(house, player)
    await house.rollouts.abort(house.caller, deployment.id)
    again = await house.rollouts.activate(house.caller, Activation(revision_id=live.revision_id))
    assert again.changed
    assert again.deployment.status is DeploymentStatus.DEPLOYING


async def test_there_has_to_be_a_rollout_to_decide_about(house: House, player: Player) -> None:
    made, (revision,) = await player.deployed()
    await house.rollouts.activate(house.caller, Activation(revision_id=revision.id))
    await player.promote(made.id)
    facts = await house.facts()
    for attempt in (
        house.rollouts.pause(house.caller, made.id),
        house.rollouts.resume(house.caller, made.id),
        house.rollouts.abort(house.caller, made.id),
        house.rollouts.promote(house.caller, made.id),
    ):
        with pytest.raises(NoRollout) as refused:
            await attempt
        assert refused.value.path == ("deployment_id",)
    assert await house.facts() == facts
