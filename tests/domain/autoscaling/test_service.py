from dataclasses import replace
from typing import Any

import pytest

from domain.autoscaling.facts import (
    AutoscalingRuleCreated,
    AutoscalingRuleDeleted,
    AutoscalingRuleUpdated,
)
from domain.autoscaling.rule import AutoscalingRule, Metric
from domain.autoscaling.service import NewRule, RulePatch
from domain.deployments.deployment import DeploymentStatus
from domain.errors import Forbidden, IdempotencyKeyReused, InvalidValue, MetricTaken, NotFound
from tests.support.build import a_caller
from tests.support.house import House


@pytest.fixture
def house() -> House:
    return House()


async def a_new_rule(house: House, **said: Any) -> NewRule:
    """Of a new deployment, unless it says otherwise."""
    if "deployment_id" not in said:
        said["deployment_id"] = (await house.a_deployment()).id
    return NewRule(**{"metric": Metric.IN_FLIGHT, "target": 8.0, "max_replicas": 4, **said})


async def create(house: House, **said: Any) -> AutoscalingRule:
    return await house.autoscaling.create(house.caller, await a_new_rule(house, **said))


async def test_a_new_rule_has_defaults_and_is_told_of(house: House) -> None:
    deployment = await house.a_deployment()
    rule = await create(house, deployment_id=deployment.id)
    assert (rule.min_replicas, rule.cooldown_up, rule.cooldown_down) == (1, 30, 300)
    assert (rule.created_by, rule.created_at) == ("key:tester", house.clock.now)
    assert rule.last_scaled_at is None
    assert await house.store.reads.rules.by_ids([rule.id]) == {rule.id: rule}
    event = (await house.events())[-1]
    assert event.subject_id == deployment.id
    assert event.fact == AutoscalingRuleCreated(
        deployment_id=deployment.id,
        rule_id=rule.id,
        metric=Metric.IN_FLIGHT,
        target=8,
        min_replicas=1,
        max_replicas=4,
        cooldown_up=30,
        cooldown_down=300,
    )


async def test_a_rule_is_no_decision_about_the_deployment(house: House) -> None:
    deployment = await house.a_deployment()
    await create(house, deployment_id=deployment.id)
    kept = await house.store.reads.deployments.by_ids([deployment.id])
    assert kept[deployment.id].etag == deployment.etag


async def test_a_metric_has_one_rule(house: House) -> None:
    rule = await create(house)
    with pytest.raises(MetricTaken) as taken:
        await create(house, deployment_id=rule.deployment_id)
    assert (taken.value.code, taken.value.path) == ("METRIC_TAKEN", ("metric",))
    assert "IN_FLIGHT" in taken.value.message
    await create(house, deployment_id=rule.deployment_id, metric=Metric.REQUEST_RATE)
    await house.autoscaling.delete(house.caller, rule.id)
    await create(house, deployment_id=rule.deployment_id)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("target", 0.0),
        ("target", -1.0),
        ("target", float("inf")),
        ("target", float("nan")),
        ("min_replicas", -1),
        ("min_replicas", 1_001),
        ("max_replicas", 0),
        ("max_replicas", 1_001),
        ("cooldown_up", -0.1),
        ("cooldown_up", 86_401.0),
        ("cooldown_down", -1.0),
        ("cooldown_down", float("nan")),
    ],
)
async def test_what_no_rule_can_say_is_refused(house: House, field: str, value: float) -> None:
    deployment = await house.a_deployment()
    with pytest.raises(InvalidValue) as refused:
        await create(house, deployment_id=deployment.id, **{field: value})
    assert refused.value.path == (field,)
    rule = await create(house, deployment_id=deployment.id)
    patch: RulePatch = {field: value}  # type: ignore[misc]  # the names above are its own
    with pytest.raises(InvalidValue) as refused:
        await house.autoscaling.update(house.caller, rule.id, patch)
    assert refused.value.path == (field,)


async def test_the_most_is_not_less_than_the_least(house: House) -> None:
    with pytest.raises(InvalidValue) as refused:
        await create(house, min_replicas=3, max_replicas=2)
    assert refused.value.path == ("max_replicas",)
    assert refused.value.message == "2 is less than 3."


async def test_a_change_says_what_it_changed(house: House) -> None:
    rule = await create(house)
    house.clock.forward(seconds=1)
    patch: RulePatch = {"target": 9, "min_replicas": 0, "max_replicas": 4}
    changed = await house.autoscaling.update(house.caller, rule.id, patch)
    assert changed == replace(rule, target=9, min_replicas=0, updated_at=house.clock.now)
    fact = (await house.facts())[-1]
    assert isinstance(fact, AutoscalingRuleUpdated)
    assert (fact.rule_id, fact.target, fact.changed) == (rule.id, 9, ("target", "min_replicas"))


async def test_null_is_the_default_again_where_there_is_one(house: House) -> None:
    rule = await create(house, min_replicas=2, cooldown_up=1, cooldown_down=2)
    nothing: RulePatch = {"min_replicas": None, "cooldown_up": None, "cooldown_down": None}
    changed = await house.autoscaling.update(house.caller, rule.id, nothing)
    assert (changed.min_replicas, changed.cooldown_up, changed.cooldown_down) == (1, 30, 300)
    required: list[RulePatch] = [{"target": None}, {"max_replicas": None}]
    for patch in required:
        with pytest.raises(InvalidValue) as refused:
            await house.autoscaling.update(house.caller, rule.id, patch)
        assert refused.value.path == tuple(patch)


async def test_what_changes_nothing_is_not_told(house: House) -> None:
    rule = await create(house)
    before = await house.events()
    assert await house.autoscaling.update(house.caller, rule.id, {"target": 8}) == rule
    assert await house.autoscaling.update(house.caller, rule.id, {}) == rule
    assert await house.events() == before


async def test_a_deleted_rule_is_gone(house: House) -> None:
    rule = await create(house)
    assert await house.autoscaling.delete(house.caller, rule.id) == rule
    assert (await house.facts())[-1] == AutoscalingRuleDeleted(
        deployment_id=rule.deployment_id, rule_id=rule.id, metric=Metric.IN_FLIGHT
    )
    with pytest.raises(NotFound) as missing:
        await house.autoscaling.delete(house.caller, rule.id)
    assert missing.value.path == ("rule_id",)


async def test_a_repeat_gets_the_first_rule(house: House) -> None:
    new = await a_new_rule(house)
    first = await house.autoscaling.create(house.caller, new, "k")
    before = await house.events()
    assert await house.autoscaling.create(house.caller, new, "k") == first
    assert await house.events() == before
    with pytest.raises(IdempotencyKeyReused):
        await house.autoscaling.create(house.caller, replace(new, target=9), "k")


async def test_rules_are_for_editors_of_the_deployments_project(house: House) -> None:
    new = await a_new_rule(house)
    with pytest.raises(Forbidden):
        await house.autoscaling.create(house.viewer(), new)
    with pytest.raises(NotFound):
        await house.autoscaling.create(a_caller("elsewhere"), new)
    rule = await house.autoscaling.create(house.editor(), new)
    for caller, refusal in ((house.viewer(), Forbidden), (a_caller("elsewhere"), NotFound)):
        with pytest.raises(refusal):
            await house.autoscaling.update(caller, rule.id, {"target": 1})
        with pytest.raises(refusal):
            await house.autoscaling.delete(caller, rule.id)


async def test_a_deleted_deployment_has_no_rules_to_make_or_change(house: House) -> None:
    rule = await create(house)
    await house.deployments.delete(house.caller, rule.deployment_id)
    with pytest.raises(NotFound):
        await create(house, deployment_id=rule.deployment_id, metric=Metric.REQUEST_RATE)
    with pytest.raises(NotFound):
        await house.autoscaling.update(house.caller, rule.id, {"target": 1})
    deployments = await house.store.reads.deployments.by_ids([rule.deployment_id])
    assert deployments[rule.deployment_id].status is DeploymentStatus.STOPPED
