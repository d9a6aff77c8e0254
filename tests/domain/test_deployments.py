import asyncio
from dataclasses import replace

import pytest

from domain.access.access import Role
from domain.deployments.deployment import TRANSITIONS, DeploymentStatus
from domain.deployments.facts import (
    DeploymentCreated,
    DeploymentScaled,
    DeploymentUpdated,
    RevisionAdded,
)
from domain.deployments.rollouts import RollBack
from domain.deployments.service import NewDeployment
from domain.deployments.strategy import BlueGreen, Canary, CanaryStep, Rolling, Strategy, problem
from domain.errors import (
    EtagMismatch,
    Forbidden,
    IdempotencyKeyReused,
    InvalidValue,
    NameTaken,
    NotFound,
    Refused,
)
from tests.support.build import a_caller
from tests.support.house import House, service


@pytest.fixture
def house() -> House:
    return House()


async def test_a_new_deployment_is_pending_and_told_of(house: House) -> None:
    new = NewDeployment(name="chat", tags=("b", "a", "b"), desired_replicas=2)
    made = await house.deployments.create(house.caller, new)
    assert (made.status, made.tags, made.active_revision_id) == (
        DeploymentStatus.PENDING,
        ("a", "b"),
        None,
    )
    (event,) = await house.events()
    assert event.fact == DeploymentCreated(deployment_id=made.id, name="chat", desired_replicas=2)
    assert (event.actor, event.cause, event.project_id) == (
        "key:tester",
        "request:r1",
        made.project_id,
    )


@pytest.mark.parametrize("name", ["", "Chat", "-chat", "chat-", "a" * 64, "a.b", "a\x00", "ä"])
async def test_a_name_that_is_none_is_refused(house: House, name: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        await house.deployments.create(house.caller, NewDeployment(name=name))
    assert refused.value.path == ("name",)


@pytest.mark.parametrize("name", ["a", "0", "a-b", "a" * 63])
async def test_a_dns_label_is_a_name(house: House, name: str) -> None:
    assert (await house.a_deployment(name)).name == name


@pytest.mark.parametrize("replicas", [-1, 1_001])
async def test_replicas_have_bounds(house: House, replicas: int) -> None:
    with pytest.raises(InvalidValue) as refused:
        await house.a_deployment(replicas=replicas)
    assert refused.value.path == ("desired_replicas",)


@pytest.mark.parametrize(
    "strategy",
    [
        Rolling(max_surge=0, max_unavailable=0),
        Rolling(max_surge="0%", max_unavailable=0),
        Rolling(max_surge="half"),
        Rolling(max_surge="101%"),
        Rolling(max_surge="-1%"),
        Rolling(max_surge="²%"),
        Rolling(max_unavailable=-1),
        BlueGreen(promote_delay=-1.0),
        Canary(steps=()),
        Canary(steps=(CanaryStep(weight=0),)),
        Canary(steps=(CanaryStep(weight=50), CanaryStep(weight=50))),
        Canary(steps=(CanaryStep(weight=50), CanaryStep(weight=10))),
        Canary(steps=(CanaryStep(weight=10, pause=-1.0),)),
    ],
)
async def test_a_strategy_that_can_not_move_is_refused(
    house: House, strategy: Rolling | BlueGreen | Canary
) -> None:
    new = NewDeployment(name="chat", strategy=strategy)
    with pytest.raises(InvalidValue) as refused:
        await house.deployments.create(house.caller, new)
    assert refused.value.path == ("strategy",)


def test_strategies_that_can_move_have_no_problem() -> None:
    steps = (CanaryStep(weight=10, pause=60.0), CanaryStep(weight=50), CanaryStep(weight=100))
    moving: list[Strategy] = [
        Rolling(),
        Rolling(max_surge=0, max_unavailable=1),
        BlueGreen(),
        Canary(steps=steps),
    ]
    assert [problem(strategy) for strategy in moving] == [None] * 4


async def test_an_update_changes_what_it_names_and_the_etag(house: House) -> None:
    made = await house.a_deployment()
    house.clock.forward(minutes=1)
    changed = await house.deployments.update(
        house.caller, made.id, {"tags": ("prod",), "desired_replicas": 3}, made.etag
    )
    assert (
        replace(
            made,
            tags=("prod",),
            desired_replicas=3,
            generation=2,
            updated_at=house.clock(),
        )
        == changed
    )
    assert changed.etag != made.etag
    assert (await house.facts())[1:] == [
        DeploymentUpdated(
            deployment_id=made.id,
            name="chat",
            tags=("prod",),
            desired_replicas=3,
            changed=("tags", "desired_replicas"),
        ),
        DeploymentScaled(deployment_id=made.id, replicas_before=1, replicas_after=3),
    ]


async def test_an_update_that_changes_nothing_keeps_the_etag(house: House) -> None:
    made = await house.a_deployment()
    assert await house.deployments.update(house.caller, made.id, {}) == made
    assert await house.deployments.update(house.caller, made.id, {"desired_replicas": 1}) == made
    assert len(await house.facts()) == 1


async def test_null_puts_a_field_back_to_its_default(house: House) -> None:
    new = NewDeployment(name="chat", tags=("a",), desired_replicas=5, strategy=BlueGreen())
    made = await house.deployments.create(house.caller, new)
    changed = await house.deployments.update(
        house.caller, made.id, {"tags": None, "desired_replicas": None, "strategy": None}
    )
    assert (changed.tags, changed.desired_replicas, changed.strategy) == ((), 1, Rolling())
    with pytest.raises(InvalidValue):
        await house.deployments.update(house.caller, made.id, {"name": None})


async def test_a_stale_etag_changes_nothing_and_names_the_current_one(house: House) -> None:
    made = await house.a_deployment()
    current = await house.deployments.update(house.caller, made.id, {"desired_replicas": 2})
    request = await house.a_request(deployment_id=made.id, expected_etag=made.etag)
    for attempt in (
        house.deployments.update(house.caller, made.id, {"name": "x"}, made.etag),
        house.deployments.delete(house.caller, made.id, made.etag),
        house.deployments.add_revision(house.caller, request),
    ):
        with pytest.raises(EtagMismatch) as refused:
            await attempt
        assert refused.value.current == current.etag
    assert len(await house.facts()) == 3


async def test_what_is_deleted_takes_no_more_decisions(house: House) -> None:
    made = await house.a_deployment()
    await house.deployments.delete(house.caller, made.id)
    request = await house.a_request(deployment_id=made.id)
    for attempt in (
        house.deployments.update(house.caller, made.id, {"name": "x"}),
        house.deployments.delete(house.caller, made.id),
        house.deployments.scale(house.caller, made.id, 2),
        house.rollouts.roll_back(house.caller, RollBack(deployment_id=made.id)),
        house.rollouts.pause(house.caller, made.id),
        house.deployments.add_revision(house.caller, request),
        house.deployments.preview_revision(house.caller, request),
    ):
        with pytest.raises(NotFound):
            await attempt


async def test_a_name_is_taken_while_its_deployment_lives(house: House) -> None:
    await house.a_deployment("chat")
    other = await house.a_deployment("other")
    with pytest.raises(NameTaken):
        await house.a_deployment("chat")
    with pytest.raises(NameTaken):
        await house.deployments.update(house.caller, other.id, {"name": "chat"})


async def test_roles_and_projects_are_kept_apart(house: House) -> None:
    made = await house.a_deployment()
    request = await house.a_request(deployment_id=made.id)
    for caller, error in (
        (house.viewer(), Forbidden),
        (a_caller("elsewhere", Role.ADMIN), NotFound),
    ):
        for attempt in (
            house.deployments.update(caller, made.id, {"name": "x"}),
            house.deployments.delete(caller, made.id),
            house.deployments.scale(caller, made.id, 2),
            house.deployments.add_revision(caller, request),
        ):
            with pytest.raises(error):
                await attempt
    with pytest.raises(Forbidden):
        await house.deployments.create(house.viewer(), NewDeployment(name="x"))
    await house.deployments.preview_revision(house.viewer(), request)
    with pytest.raises(NotFound):
        await house.deployments.preview_revision(a_caller("elsewhere"), request)


async def test_a_revision_is_numbered_and_told_of(house: House) -> None:
    made = await house.a_deployment()
    request = await house.a_request(deployment_id=made.id, note="first")
    one = await house.deployments.add_revision(house.caller, request)
    two = await house.deployments.add_revision(house.caller, replace(request, note="second"))
    assert [(r.number, r.note, r.deployment_id) for r in (one, two)] == [
        (1, "first", made.id),
        (2, "second", made.id),
    ]
    assert (await house.facts())[1:] == [
        RevisionAdded(deployment_id=made.id, revision_id=r.id, number=r.number, digest=r.digest)
        for r in (one, two)
    ]
    stored = (await house.store.reads.deployments.by_ids([made.id]))[made.id]
    assert (stored.last_revision, stored.status) == (2, DeploymentStatus.PENDING)
    assert stored.etag != made.etag


async def test_a_repeated_add_gives_the_first_revision_before_it_looks_at_the_etag(
    house: House,
) -> None:
    made = await house.a_deployment()
    request = await house.a_request(
        deployment_id=made.id, idempotency_key="k", expected_etag=made.etag
    )
    first = await house.deployments.add_revision(house.caller, request)
    assert await house.deployments.add_revision(house.caller, request) == first
    assert len(await house.facts()) == 2
    with pytest.raises(IdempotencyKeyReused) as refused:
        await house.deployments.add_revision(house.caller, replace(request, note="other"))
    assert refused.value.path == ("idempotency_key",)


async def test_concurrent_twins_make_one_revision(house: House) -> None:
    request = await house.a_request(idempotency_key="k")
    twins = [house.deployments.add_revision(house.caller, request) for _ in range(8)]
    revisions = await asyncio.gather(*twins)
    assert {r.number for r in revisions} == {1}
    assert len({r.id for r in revisions}) == 1
    assert len(await house.facts()) == 2


async def test_a_refused_revision_writes_nothing_and_keeps_no_answer(house: House) -> None:
    request = await house.a_request(idempotency_key="k", draft=service(port=70_000))
    before = await house.facts()
    with pytest.raises(Refused):
        await house.deployments.add_revision(house.caller, request)
    assert await house.facts() == before
    good = replace(request, draft=service(port=7_000))
    assert (await house.deployments.add_revision(house.caller, good)).number == 1


async def test_a_preview_writes_nothing(house: House) -> None:
    request = await house.a_request(draft=service(port=7_000), idempotency_key="k")
    before = await house.facts()
    resolution = await house.deployments.preview_revision(house.caller, request)
    added = await house.deployments.add_revision(house.caller, request)
    assert resolution.digest == added.digest
    assert len(await house.facts()) == len(before) + 1


def test_every_status_but_the_last_can_be_left() -> None:
    assert set(TRANSITIONS) == set(DeploymentStatus)
    final = [status for status, onward in TRANSITIONS.items() if not onward]
    assert final == [DeploymentStatus.STOPPED]
    reachable = {status for onward in TRANSITIONS.values() for status in onward}
    assert reachable == set(DeploymentStatus)
