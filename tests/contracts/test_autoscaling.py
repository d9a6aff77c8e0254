"""Autoscaling rules in every store."""

from dataclasses import replace

import pytest

from domain.access.access import Project
from domain.autoscaling.rule import AutoscalingRule, Metric
from domain.deployments.deployment import Deployment
from domain.errors import NameTaken
from tests.conftest import AnyStore
from tests.support.builders import NOON, a_deployment, a_stopped_deployment
from tests.support.clock import TestClock
from tests.support.scaling import a_rule


async def default(store: AnyStore) -> Project:
    project = await store.reads.projects.named("default")
    assert project is not None
    return project


async def keep(store: AnyStore, *values: Deployment | AutoscalingRule) -> None:
    async with store.start_work("ada", "request:1") as w:
        for value in values:
            if isinstance(value, Deployment):
                await w.deployments.add(value)
            else:
                await w.rules.add(value)


async def test_a_rule_comes_back_as_it_was(store: AnyStore) -> None:
    deployment = a_deployment(await default(store))
    rule = a_rule(deployment, target=0.1, cooldown_up=1.5, cooldown_down=0, last_scaled_at=NOON)
    bare = a_rule(deployment, metric=Metric.REQUEST_RATE, min_replicas=0)
    await keep(store, deployment, rule, bare)
    assert await store.reads.rules.by_ids([rule.id, bare.id]) == {rule.id: rule, bare.id: bare}
    async with store.start_work("ada", "request:2") as w:
        assert await w.rules.lock(rule.id) == rule
        await w.rules.put(replace(rule, last_scaled_at=None, target=7))
        await w.rules.remove(bare.id)
    kept = await store.reads.rules.by_ids([rule.id, bare.id])
    assert kept == {rule.id: replace(rule, last_scaled_at=None, target=7)}


async def test_a_metric_has_one_rule_in_a_deployment(store: AnyStore) -> None:
    project = await default(store)
    one, other = a_deployment(project), a_deployment(project)
    await keep(store, one, other, a_rule(one), a_rule(other))
    with pytest.raises(NameTaken) as taken:
        await keep(store, a_rule(one))
    assert (taken.value.kind, taken.value.name) == ("autoscaling rule", "in_flight")
    await keep(store, a_rule(one, metric=Metric.REQUEST_RATE))


async def test_rules_are_found_by_deployment_oldest_first(
    store: AnyStore, clock: TestClock
) -> None:
    project = await default(store)
    one, other, none = (a_deployment(project) for _ in range(3))
    older = a_rule(one, metric=Metric.REQUEST_RATE, created_at=clock())
    newer, theirs = a_rule(one, created_at=clock()), a_rule(other)
    await keep(store, one, other, none, newer, older, theirs)
    found = await store.reads.rules.of([one.id, none.id])
    assert {i: list(rules) for i, rules in found.items()} == {one.id: [older, newer], none.id: []}


async def test_live_rules_are_those_of_deployments_that_are_not_deleted(store: AnyStore) -> None:
    project = await default(store)
    deployment, stopped = a_deployment(project), a_stopped_deployment(project)
    rules = [a_rule(deployment, created_at=NOON), a_rule(deployment, metric=Metric.REQUEST_RATE)]
    await keep(store, deployment, a_deployment(project), stopped, *rules, a_rule(stopped))
    found = await store.reads.rules.live()
    assert {i: sorted(some, key=rules.index) for i, some in found.items()} == {deployment.id: rules}
