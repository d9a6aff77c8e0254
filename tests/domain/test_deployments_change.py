"""Scaling and deleting: what users decide about what runs, beside rollouts."""

import pytest

from domain.deployments.deployment import DeploymentStatus
from domain.deployments.facts import DeploymentDeleted, DeploymentScaled, DeploymentStatusChanged
from domain.deployments.reason import Reason
from domain.deployments.rollouts import Activation, RollBack
from domain.errors import BeingDeleted, EtagMismatch, FixedPort, InvalidValue, NotFound
from tests.support.house import House, service
from tests.support.playing import Player

FIXED = service(start_command=["serve", "--port", "9000"])


@pytest.fixture
def house() -> House:
    return House()


@pytest.fixture
def player(house: House) -> Player:
    return Player(house)


async def asked(house: House, deployment_id: str) -> int:
    """How often somebody asked for a look at the deployment."""
    return (await house.store.reads.due.of([deployment_id]))[deployment_id].asked


async def test_a_scale_is_told_of_and_looked_at(house: House) -> None:
    made = await house.a_deployment()
    house.clock.forward(minutes=1)
    scaled, changed = await house.deployments.scale(house.caller, made.id, 3, made.etag)
    assert changed
    assert (scaled.desired_replicas, scaled.generation, scaled.updated_at) == (
        3,
        made.generation + 1,
        house.clock(),
    )
    assert (await house.facts())[1:] == [
        DeploymentScaled(deployment_id=made.id, replicas_before=1, replicas_after=3)
    ]
    assert await asked(house, made.id) == 1


async def test_a_scale_to_as_many_as_are_desired_changes_nothing(house: House) -> None:
    made = await house.a_deployment(replicas=2)
    assert await house.deployments.scale(house.caller, made.id, 2) == (made, False)
    assert len(await house.facts()) == 1
    assert await asked(house, made.id) == 0


@pytest.mark.parametrize("replicas", [-1, 1_001])
async def test_a_scale_has_bounds(house: House, replicas: int) -> None:
    made = await house.a_deployment()
    with pytest.raises(InvalidValue) as refused:
        await house.deployments.scale(house.caller, made.id, replicas)
    assert refused.value.path == ("desired_replicas",)


async def test_a_scale_of_what_has_changed_is_refused(house: House) -> None:
    made = await house.a_deployment()
    await house.deployments.update(house.caller, made.id, {"name": "other"})
    with pytest.raises(EtagMismatch):
        await house.deployments.scale(house.caller, made.id, 3, made.etag)


async def test_an_update_asks_for_a_look_only_where_another_number_is_desired(
    house: House,
) -> None:
    made = await house.a_deployment()
    await house.deployments.update(house.caller, made.id, {"tags": ("a",)})
    assert await asked(house, made.id) == 0
    await house.deployments.update(house.caller, made.id, {"desired_replicas": 0})
    assert await asked(house, made.id) == 1


async def test_more_than_one_replica_is_refused_to_what_has_a_fixed_port(house: House) -> None:
    request = await house.a_request(draft=FIXED, activate=True)
    revision = await house.deployments.add_revision(house.caller, request)
    for attempt in (
        house.deployments.scale(house.caller, revision.deployment_id, 2),
        house.deployments.update(house.caller, revision.deployment_id, {"desired_replicas": 2}),
    ):
        before = await house.facts()
        with pytest.raises(FixedPort) as refused:
            await attempt
        assert refused.value.path == ("desired_replicas",)
        assert (refused.value.number, refused.value.wanted) == (1, 2)
        assert await house.facts() == before
    _, changed = await house.deployments.scale(house.caller, revision.deployment_id, 0)
    assert changed


async def test_the_active_revision_counts_as_much_as_the_one_that_is_to_be(
    house: House, player: Player
) -> None:
    request = await house.a_request(draft=FIXED, activate=True)
    fixed = await house.deployments.add_revision(house.caller, request)
    deployment = await player.promote(fixed.deployment_id)
    free = await house.a_request(deployment_id=deployment.id, activate=True)
    await house.deployments.add_revision(house.caller, free)
    with pytest.raises(FixedPort) as refused:
        await house.deployments.scale(house.caller, deployment.id, 2)
    assert refused.value.number == fixed.number
    await player.promote(deployment.id)
    await house.deployments.scale(house.caller, deployment.id, 2)


async def test_kubernetes_has_a_port_for_every_replica() -> None:
    house = House(driver="kubernetes")
    request = await house.a_request(draft={**FIXED, "image": "engine:1"}, activate=True)
    revision = await house.deployments.add_revision(house.caller, request)
    scaled, _ = await house.deployments.scale(house.caller, revision.deployment_id, 2)
    assert scaled.desired_replicas == 2
    await house.rollouts.activate(house.caller, Activation(revision_id=revision.id))


async def test_what_runs_nothing_is_stopped_at_once_and_frees_its_name(house: House) -> None:
    made = await house.a_deployment()
    gone = await house.deployments.delete(house.caller, made.id)
    assert (gone.status, gone.reason) == (DeploymentStatus.STOPPED, Reason.DELETED)
    assert gone.deleted_at == house.clock()
    assert (await house.store.reads.deployments.by_ids([made.id]))[made.id] == gone
    assert (await house.facts())[-2:] == [
        DeploymentStatusChanged(
            deployment_id=made.id,
            status_before=DeploymentStatus.PENDING,
            status_after=DeploymentStatus.STOPPED,
            reason=Reason.DELETED,
        ),
        DeploymentDeleted(deployment_id=made.id, name="chat"),
    ]
    assert (await house.a_deployment()).id != made.id


async def test_what_runs_is_stopping_until_its_replicas_are_gone(
    house: House, player: Player
) -> None:
    made, (revision,) = await player.deployed()
    await house.rollouts.activate(house.caller, Activation(revision_id=revision.id))
    replica = await player.start(revision)
    await player.promote(made.id)
    before = await asked(house, made.id)
    leaving = await house.deployments.delete(house.caller, made.id)
    assert (leaving.status, leaving.deleted_at) == (DeploymentStatus.STOPPING, house.clock())
    assert (await house.facts())[-1] == DeploymentStatusChanged(
        deployment_id=made.id,
        status_before=DeploymentStatus.READY,
        status_after=DeploymentStatus.STOPPING,
        reason=Reason.DELETED,
    )
    assert await asked(house, made.id) == before + 1
    await player.exit(replica)


async def test_a_live_rollout_is_left_to_the_reconciler_when_its_deployment_is_deleted(
    house: House, player: Player
) -> None:
    made, (revision,) = await player.deployed()
    await house.rollouts.activate(house.caller, Activation(revision_id=revision.id))
    leaving = await house.deployments.delete(house.caller, made.id)
    assert leaving.status is DeploymentStatus.STOPPING
    live = await player.live(made.id)
    assert live is not None
    assert live.revision_id == revision.id


async def test_what_only_exited_replicas_are_left_of_is_stopped_at_once(
    house: House, player: Player
) -> None:
    made, (revision,) = await player.deployed()
    await player.exit(await player.start(revision))
    gone = await house.deployments.delete(house.caller, made.id)
    assert gone.status is DeploymentStatus.STOPPED


async def test_what_is_being_deleted_takes_no_more_decisions_but_is_no_stranger(
    house: House, player: Player
) -> None:
    made, (revision,) = await player.deployed()
    await player.start(revision)
    leaving = await house.deployments.delete(house.caller, made.id)
    facts = await house.facts()
    request = await house.a_request(deployment_id=made.id)
    for attempt in (
        house.deployments.update(house.caller, made.id, {"name": "x"}),
        house.deployments.scale(house.caller, made.id, 2),
        house.deployments.add_revision(house.caller, request),
        house.deployments.preview_revision(house.caller, request),
        house.rollouts.activate(house.caller, Activation(revision_id=revision.id)),
        house.rollouts.roll_back(house.caller, RollBack(deployment_id=made.id)),
        house.rollouts.abort(house.caller, made.id),
    ):
        with pytest.raises(BeingDeleted) as refused:
            await attempt
        assert refused.value.path == ("deployment_id",)
    assert await house.deployments.delete(house.caller, made.id) == leaving
    with pytest.raises(EtagMismatch):
        await house.deployments.delete(house.caller, made.id, made.etag)
    assert await house.facts() == facts
    await player.stopped(made.id)
    with pytest.raises(NotFound):
        await house.deployments.delete(house.caller, made.id)
