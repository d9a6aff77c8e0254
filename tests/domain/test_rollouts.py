"""Beginning rollouts: activations, roll backs, and what they replace."""

import asyncio
from dataclasses import replace

import pytest

from domain.access.access import Role
from domain.deployments.deployment import DeploymentStatus
from domain.deployments.facts import (
    DeploymentStatusChanged,
    RevisionActivated,
    RevisionAdded,
    RolloutReplaced,
    RolloutStarted,
)
from domain.deployments.reason import Reason
from domain.deployments.rollout import Rollout, RolloutKind, RolloutStatus
from domain.deployments.rollouts import Activation, RollBack
from domain.deployments.strategy import BlueGreen
from domain.errors import (
    EtagMismatch,
    FixedPort,
    Forbidden,
    IdempotencyKeyReused,
    InvalidValue,
    NoRollout,
    NotFound,
)
from tests.support.build import a_caller
from tests.support.house import House, service
from tests.support.playing import Player

DEPLOYING, READY = DeploymentStatus.DEPLOYING, DeploymentStatus.READY
DAY = 24 * 3_600.0


@pytest.fixture
def house() -> House:
    return House()


@pytest.fixture
def player(house: House) -> Player:
    return Player(house)


async def asked(house: House, deployment_id: str) -> int:
    return (await house.store.reads.due.of([deployment_id]))[deployment_id].asked


async def test_an_activation_begins_a_rollout_in_the_transaction_that_sets_deploying(
    house: House, player: Player
) -> None:
    made, (revision,) = await player.deployed(strategy=BlueGreen())
    house.clock.forward(minutes=1)
    known = len(await house.facts())
    said = Activation(revision_id=revision.id, note="go", expected_etag=made.etag)
    outcome = await house.rollouts.activate(house.caller, said)
    assert outcome.changed
    assert outcome.rollout is not None
    assert outcome.rollout == Rollout(
        id=outcome.rollout.id,
        project_id=made.project_id,
        deployment_id=made.id,
        kind=RolloutKind.ACTIVATION,
        revision_id=revision.id,
        revision_number=1,
        from_revision_id=None,
        strategy=BlueGreen(),
        status=RolloutStatus.RUNNING,
        status_since=house.clock(),
        progress_deadline=600.0,
        progressed_at=house.clock(),
        note="go",
        created_at=house.clock(),
        created_by="key:tester",
    )
    assert await player.live(made.id) == outcome.rollout
    assert await player.deployment(made.id) == outcome.deployment
    assert outcome.deployment == replace(
        made,
        status=DEPLOYING,
        status_since=house.clock(),
        reason=Reason.REPLICAS_STARTING,
        generation=made.generation + 1,
        updated_at=house.clock(),
    )
    assert (await house.facts())[known:] == [
        RolloutStarted(
            deployment_id=made.id,
            rollout_id=outcome.rollout.id,
            revision_id=revision.id,
            number=1,
            kind=RolloutKind.ACTIVATION,
            strategy="blue_green",
            note="go",
        ),
        RevisionActivated(deployment_id=made.id, revision_id=revision.id, number=1),
        DeploymentStatusChanged(
            deployment_id=made.id,
            status_before=DeploymentStatus.PENDING,
            status_after=DEPLOYING,
            reason=Reason.REPLICAS_STARTING,
        ),
    ]
    assert await asked(house, made.id) == 1


async def test_adding_with_activate_does_what_activating_does(house: House, player: Player) -> None:
    request = await house.a_request(activate=True, note="first")
    revision = await house.deployments.add_revision(house.caller, request)
    deployment = await player.deployment(revision.deployment_id)
    assert (deployment.status, deployment.active_revision_id) == (DEPLOYING, None)
    assert deployment.generation == 2
    live = await player.live(deployment.id)
    assert live is not None
    assert (live.revision_id, live.note) == (revision.id, "first")
    kinds = [type(fact) for fact in await house.facts()]
    assert kinds[1:] == [RevisionAdded, RolloutStarted, RevisionActivated, DeploymentStatusChanged]
    assert await asked(house, deployment.id) == 1


async def test_adding_without_activate_asks_for_no_look(house: House) -> None:
    request = await house.a_request()
    await house.deployments.add_revision(house.caller, request)
    assert await asked(house, request.deployment_id) == 0


async def test_activating_what_is_active_changes_nothing(house: House, player: Player) -> None:
    made, (revision,) = await player.deployed()
    said = Activation(revision_id=revision.id)
    await house.rollouts.activate(house.caller, said)
    ready = await player.promote(made.id)
    facts, looks = await house.facts(), await asked(house, made.id)
    for outcome in (
        await house.rollouts.activate(house.caller, said),
        await house.rollouts.roll_back(
            house.caller, RollBack(deployment_id=made.id, to_revision_id=revision.id)
        ),
    ):
        assert (outcome.deployment, outcome.rollout, outcome.changed) == (ready, None, False)
    assert (await house.facts(), await asked(house, made.id)) == (facts, looks)


async def test_activating_what_a_rollout_leads_to_changes_nothing(
    house: House, player: Player
) -> None:
    made, (revision,) = await player.deployed()
    first = await house.rollouts.activate(house.caller, Activation(revision_id=revision.id))
    facts = await house.facts()
    again = await house.rollouts.activate(
        house.caller, Activation(revision_id=revision.id, note="again", progress_deadline=5)
    )
    assert again == replace(first, changed=False)
    assert await player.deployment(made.id) == first.deployment
    assert await house.facts() == facts


async def test_activating_another_revision_replaces_the_live_rollout(
    house: House, player: Player
) -> None:
    made, (one, two) = await player.deployed(2)
    first = await house.rollouts.activate(house.caller, Activation(revision_id=one.id))
    house.clock.forward(minutes=1)
    known = len(await house.facts())
    second = await house.rollouts.activate(house.caller, Activation(revision_id=two.id))
    assert (first.rollout, second.rollout) != (None, None)
    assert first.rollout is not None
    assert second.rollout is not None
    rows = await house.store.reads.rollouts.by_ids([first.rollout.id])
    assert rows[first.rollout.id] == replace(
        first.rollout,
        status=RolloutStatus.REPLACED,
        status_since=house.clock(),
        reason=Reason.REPLACED,
        finished_at=house.clock(),
    )
    assert await player.live(made.id) == second.rollout
    assert second.rollout.from_revision_id is None
    assert (await house.facts())[known:] == [
        RolloutReplaced(
            deployment_id=made.id, rollout_id=first.rollout.id, revision_id=one.id, number=1
        ),
        RolloutStarted(
            deployment_id=made.id,
            rollout_id=second.rollout.id,
            revision_id=two.id,
            number=2,
            kind=RolloutKind.ACTIVATION,
            strategy="rolling",
            note="",
        ),
        RevisionActivated(deployment_id=made.id, revision_id=two.id, number=2),
    ]
    assert second.deployment.status_since == first.deployment.status_since


async def test_a_reason_that_is_another_is_told_of_though_the_status_stays(
    house: House, player: Player
) -> None:
    made, (one, two) = await player.deployed(2)
    await house.rollouts.activate(house.caller, Activation(revision_id=one.id))
    await player.become(made.id, DEPLOYING, Reason.REPLICAS_FAILING)
    await house.rollouts.activate(house.caller, Activation(revision_id=two.id))
    assert (await house.facts())[-1] == DeploymentStatusChanged(
        deployment_id=made.id,
        status_before=DEPLOYING,
        status_after=DEPLOYING,
        reason=Reason.REPLICAS_STARTING,
    )


async def rolling_to_the_second(house: House, player: Player) -> tuple[str, list[str]]:
    """A deployment whose first revision is active, on its way to its second; its revisions' ids."""
    made, revisions = await player.deployed(3)
    ids = [revision.id for revision in revisions]
    await house.rollouts.activate(house.caller, Activation(revision_id=ids[0]))
    await player.promote(made.id)
    await house.rollouts.activate(house.caller, Activation(revision_id=ids[1]))
    return made.id, ids


async def test_activating_the_active_revision_during_a_rollout_goes_back(
    house: House, player: Player
) -> None:
    _, (one, _, _) = await rolling_to_the_second(house, player)
    back = await house.rollouts.activate(house.caller, Activation(revision_id=one))
    assert back.rollout is not None
    assert (back.changed, back.rollout.kind) == (True, RolloutKind.ROLLBACK)
    assert back.rollout.from_revision_id == back.rollout.revision_id == one
    assert [type(fact) for fact in await house.facts()][-3:] == [
        RolloutReplaced,
        RolloutStarted,
        RevisionActivated,
    ]


async def test_a_roll_back_of_a_live_rollout_goes_to_the_active_revision(
    house: House, player: Player
) -> None:
    deployment_id, (one, _, _) = await rolling_to_the_second(house, player)
    said = RollBack(deployment_id=deployment_id, note="slow")
    back = await house.rollouts.roll_back(house.caller, said)
    assert back.rollout is not None
    assert (back.rollout.revision_id, back.rollout.kind) == (one, RolloutKind.ROLLBACK)
    assert back.rollout.note == "slow"
    again = await house.rollouts.roll_back(house.caller, said)
    assert (again.rollout, again.changed) == (back.rollout, False)


async def test_a_roll_back_goes_to_the_revision_that_was_active_before(
    house: House, player: Player
) -> None:
    deployment_id, (one, two, three) = await rolling_to_the_second(house, player)
    house.clock.forward(minutes=1)
    await player.promote(deployment_id)
    await house.rollouts.activate(house.caller, Activation(revision_id=three))
    await house.rollouts.abort(house.caller, deployment_id)
    back = await house.rollouts.roll_back(house.caller, RollBack(deployment_id=deployment_id))
    assert back.rollout is not None
    assert back.rollout.revision_id == one
    assert back.rollout.from_revision_id == two


async def test_a_roll_back_goes_where_it_is_told(house: House, player: Player) -> None:
    deployment_id, (_, _, three) = await rolling_to_the_second(house, player)
    said = RollBack(deployment_id=deployment_id, to_revision_id=three)
    back = await house.rollouts.roll_back(house.caller, said)
    assert back.rollout is not None
    assert (back.rollout.revision_id, back.rollout.kind) == (three, RolloutKind.ROLLBACK)


async def test_there_is_nothing_to_roll_back_to_before_two_were_active(
    house: House, player: Player
) -> None:
    made, (revision,) = await player.deployed()
    said = RollBack(deployment_id=made.id)
    with pytest.raises(NoRollout, match="no revision to go back to"):
        await house.rollouts.roll_back(house.caller, said)
    await house.rollouts.activate(house.caller, Activation(revision_id=revision.id))
    with pytest.raises(NoRollout):
        await house.rollouts.roll_back(house.caller, said)
    await player.promote(made.id)
    facts = await house.facts()
    with pytest.raises(NoRollout) as refused:
        await house.rollouts.roll_back(house.caller, said)
    assert refused.value.path == ("deployment_id",)
    assert await house.facts() == facts


async def test_another_deployments_revision_is_not_found(house: House, player: Player) -> None:
    made, _ = await player.deployed()
    _, (foreign,) = await player.deployed()
    said = RollBack(deployment_id=made.id, to_revision_id=foreign.id)
    with pytest.raises(NotFound) as refused:
        await house.rollouts.roll_back(house.caller, said)
    assert refused.value.path == ("to_revision_id",)


async def test_a_stale_etag_begins_nothing(house: House, player: Player) -> None:
    made, (revision,) = await player.deployed()
    current = await house.deployments.update(house.caller, made.id, {"tags": ("x",)})
    facts = await house.facts()
    for attempt in (
        house.rollouts.activate(
            house.caller, Activation(revision_id=revision.id, expected_etag=made.etag)
        ),
        house.rollouts.roll_back(
            house.caller,
            RollBack(deployment_id=made.id, to_revision_id=revision.id, expected_etag=made.etag),
        ),
    ):
        with pytest.raises(EtagMismatch) as refused:
            await attempt
        assert refused.value.current == current.etag
    assert await house.facts() == facts


@pytest.mark.parametrize("deadline", [0.5, -1.0, 30 * DAY + 1])
async def test_a_progress_deadline_has_bounds(
    house: House, player: Player, deadline: float
) -> None:
    _, (revision,) = await player.deployed()
    with pytest.raises(InvalidValue) as refused:
        await house.rollouts.activate(
            house.caller, Activation(revision_id=revision.id, progress_deadline=deadline)
        )
    assert refused.value.path == ("progress_deadline",)


@pytest.mark.parametrize("deadline", [1.0, 30 * DAY])
async def test_a_progress_deadline_within_its_bounds_holds(
    house: House, player: Player, deadline: float
) -> None:
    _, (revision,) = await player.deployed()
    outcome = await house.rollouts.activate(
        house.caller, Activation(revision_id=revision.id, progress_deadline=deadline)
    )
    assert outcome.rollout is not None
    assert outcome.rollout.progress_deadline == deadline


async def test_the_deadline_is_as_long_as_the_health_check_bears_unless_said(
    house: House, player: Player
) -> None:
    check = {"initial_delay": 300.0, "max_retries": 30, "interval": 20.0, "max_wait_time": 10.0}
    request = await house.a_request(draft=service(health_check=check), activate=True)
    await house.deployments.add_revision(house.caller, request)
    live = await player.live(request.deployment_id)
    assert live is not None
    assert live.progress_deadline == 300 + 30 * 30


async def test_a_note_fits_into_its_limit(house: House, player: Player) -> None:
    made, (revision,) = await player.deployed()
    note = "x" * 4_097
    for attempt in (
        house.rollouts.activate(house.caller, Activation(revision_id=revision.id, note=note)),
        house.rollouts.roll_back(house.caller, RollBack(deployment_id=made.id, note=note)),
        house.rollouts.pause(house.caller, made.id, note),
    ):
        with pytest.raises(InvalidValue) as refused:
            await attempt
        assert refused.value.path == ("note",)


async def test_a_fixed_port_has_no_room_for_a_second_replica(house: House, player: Player) -> None:
    made, _ = await player.deployed(replicas=2)
    draft = service(start_command="serve --port 9000")
    request = await house.a_request(deployment_id=made.id, draft=draft)
    fixed = await house.deployments.add_revision(house.caller, request)
    facts = await house.facts()
    attempts = {
        "revision_id": house.rollouts.activate(house.caller, Activation(revision_id=fixed.id)),
        "to_revision_id": house.rollouts.roll_back(
            house.caller, RollBack(deployment_id=made.id, to_revision_id=fixed.id)
        ),
        "activate": house.deployments.add_revision(house.caller, replace(request, activate=True)),
    }
    for path, attempt in attempts.items():
        with pytest.raises(FixedPort) as refused:
            await attempt
        assert (refused.value.path, refused.value.wanted) == ((path,), 2)
    assert await house.facts() == facts
    await house.deployments.scale(house.caller, made.id, 1)
    outcome = await house.rollouts.activate(house.caller, Activation(revision_id=fixed.id))
    assert outcome.changed


async def test_decisions_are_for_editors_of_the_project(house: House, player: Player) -> None:
    made, (revision,) = await player.deployed()
    for caller, error in (
        (house.viewer(), Forbidden),
        (a_caller("elsewhere", Role.ADMIN), NotFound),
    ):
        for attempt in (
            house.rollouts.activate(caller, Activation(revision_id=revision.id)),
            house.rollouts.roll_back(caller, RollBack(deployment_id=made.id)),
            house.rollouts.pause(caller, made.id),
            house.rollouts.resume(caller, made.id),
            house.rollouts.abort(caller, made.id),
            house.rollouts.promote(caller, made.id),
        ):
            with pytest.raises(error):
                await attempt
    said = Activation(revision_id=revision.id)
    assert (await house.rollouts.activate(house.editor(), said)).changed


async def test_a_repeated_activation_gets_the_first_answer_before_the_etag_is_looked_at(
    house: House, player: Player
) -> None:
    made, (one, two) = await player.deployed(2)
    said = Activation(revision_id=one.id, expected_etag=made.etag, idempotency_key="k")
    first = await house.rollouts.activate(house.caller, said)
    await house.rollouts.activate(house.caller, Activation(revision_id=two.id))
    facts = await house.facts()
    again = await house.rollouts.activate(house.caller, said)
    assert again.changed
    assert again.rollout is not None
    assert first.rollout is not None
    assert (again.rollout.id, again.rollout.status) == (first.rollout.id, RolloutStatus.REPLACED)
    assert again.deployment == await player.deployment(made.id)
    assert await house.facts() == facts
    with pytest.raises(IdempotencyKeyReused):
        await house.rollouts.activate(house.caller, replace(said, note="other"))


async def test_a_repetition_of_what_changed_nothing_changes_nothing(
    house: House, player: Player
) -> None:
    made, (one, two) = await player.deployed(2)
    await house.rollouts.activate(house.caller, Activation(revision_id=one.id))
    await player.promote(made.id)
    said = Activation(revision_id=one.id, idempotency_key="k")
    assert not (await house.rollouts.activate(house.caller, said)).changed
    other = await house.rollouts.activate(house.caller, Activation(revision_id=two.id))
    again = await house.rollouts.activate(house.caller, said)
    assert (again.changed, again.rollout) == (False, other.rollout)
    assert await player.live(made.id) == other.rollout


async def test_concurrent_twins_begin_one_rollout(house: House, player: Player) -> None:
    made, (revision,) = await player.deployed()
    said = Activation(revision_id=revision.id, expected_etag=made.etag, idempotency_key="k")
    outcomes = await asyncio.gather(
        *(house.rollouts.activate(house.caller, said) for _ in range(8))
    )
    assert len({outcome.rollout and outcome.rollout.id for outcome in outcomes}) == 1
    assert all(outcome.changed for outcome in outcomes)


async def test_a_repeated_roll_back_goes_back_once(house: House, player: Player) -> None:
    deployment_id, (one, two, _) = await rolling_to_the_second(house, player)
    await player.promote(deployment_id)
    said = RollBack(deployment_id=deployment_id, idempotency_key="k")
    first = await house.rollouts.roll_back(house.caller, said)
    again = await house.rollouts.roll_back(house.caller, said)
    assert again == first
    assert first.rollout is not None
    assert (first.rollout.revision_id, first.rollout.from_revision_id) == (one, two)
