"""What users decide about autoscaling; each decision is one unit of work."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from math import isfinite
from typing import Any, TypedDict

from domain import checks, idempotency
from domain.access.access import Caller, Role
from domain.autoscaling.facts import (
    AutoscalingRuleCreated,
    AutoscalingRuleDeleted,
    AutoscalingRuleUpdated,
)
from domain.autoscaling.rule import (
    COOLDOWN_DOWN,
    COOLDOWN_UP,
    LONGEST_COOLDOWN,
    MOST_REPLICAS,
    AutoscalingRule,
    Metric,
)
from domain.clock import Clock
from domain.deployments.locking import open_to_decisions, readable
from domain.errors import InvalidValue, MetricTaken, NameTaken, NotFound, Path
from domain.ids import NewId
from domain.work import Reads, StartWork

MIN_REPLICAS = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRule:
    deployment_id: str
    metric: Metric
    target: float
    max_replicas: int
    min_replicas: int = MIN_REPLICAS
    cooldown_up: float = COOLDOWN_UP
    cooldown_down: float = COOLDOWN_DOWN


class RulePatch(TypedDict, total=False):
    """Null puts a field back to its default; `target` and `max_replicas` have none."""

    target: float | None
    min_replicas: int | None
    max_replicas: int | None
    cooldown_up: float | None
    cooldown_down: float | None


DEFAULTS: RulePatch = {
    "min_replicas": MIN_REPLICAS,
    "cooldown_up": COOLDOWN_UP,
    "cooldown_down": COOLDOWN_DOWN,
}
DECIDED = tuple(RulePatch.__annotations__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Autoscaling:
    start_work: StartWork
    reads: Reads
    clock: Clock
    new_id: NewId

    async def create(self, caller: Caller, new: NewRule, key: str | None = None) -> AutoscalingRule:
        """One rule for each metric; raises MetricTaken where there is one already, BeingDeleted."""
        deployment = await readable(self.reads, caller, new.deployment_id, Role.EDITOR)
        project_id = deployment.project_id
        repeat = idempotency.repeat(project_id, "createAutoscalingRule", key, new)
        if first := await repeat.answered(self.reads, self.clock()):
            return await self._rule(first)
        now = self.clock()
        rule = _checked(
            AutoscalingRule(
                id=self.new_id(),
                project_id=project_id,
                created_at=now,
                created_by=caller.actor,
                updated_at=now,
                **{field.name: getattr(new, field.name) for field in fields(new)},
            )
        )
        try:
            async with self.start_work(caller.actor, caller.cause) as work:
                twin = await repeat.claim(work, rule.id, now)
                if twin is None:
                    await open_to_decisions(work, caller, deployment.id)
                    await work.rules.add(rule)
                    fact = AutoscalingRuleCreated(rule_id=rule.id, **_told(rule))
                    work.record(project_id, fact)
        except NameTaken as taken:
            raise MetricTaken(metric=rule.metric.name) from taken
        return rule if twin is None else await self._rule(twin)

    async def update(self, caller: Caller, id: str, patch: RulePatch) -> AutoscalingRule:
        said = {name: value for name, value in patch.items() if name in DECIDED}
        async with self.start_work(caller.actor, caller.cause) as work:
            rule = caller.owned(await work.rules.lock(id), Role.EDITOR, _missing(id))
            deployment = await work.deployments.get(rule.deployment_id)
            if deployment is None or deployment.deleted_at is not None:
                raise _missing(id)
            changed = _checked(replace(rule, **_with_defaults(said)))
            names = tuple(n for n in said if getattr(rule, n) != getattr(changed, n))
            if not names:
                return rule
            changed = replace(changed, updated_at=self.clock())
            await work.rules.put(changed)
            fact = AutoscalingRuleUpdated(rule_id=id, changed=names, **_told(changed))
            work.record(rule.project_id, fact)
        return changed

    async def delete(self, caller: Caller, id: str) -> AutoscalingRule:
        """The deployment keeps the replicas that it has."""
        async with self.start_work(caller.actor, caller.cause) as work:
            rule = caller.owned(await work.rules.lock(id), Role.EDITOR, _missing(id))
            await work.rules.remove(id)
            fact = AutoscalingRuleDeleted(
                deployment_id=rule.deployment_id, rule_id=id, metric=rule.metric
            )
            work.record(rule.project_id, fact)
        return rule

    async def _rule(self, id: str) -> AutoscalingRule:
        found = await self.reads.rules.by_ids([id])
        if id not in found:
            raise _missing(id)
        return found[id]


def _with_defaults(said: Mapping[str, Any]) -> Mapping[str, Any]:
    for name, value in said.items():
        if value is None and name not in DEFAULTS:
            raise InvalidValue(path=(name,), problem="An autoscaling rule has to have one.")
    return {name: DEFAULTS.get(name) if value is None else value for name, value in said.items()}


def _checked(rule: AutoscalingRule) -> AutoscalingRule:
    if not (isfinite(rule.target) and rule.target > 0):
        raise InvalidValue(path=("target",), problem=f"{rule.target:g} is not more than 0.")
    checks.count(rule.min_replicas, ("min_replicas",), MOST_REPLICAS)
    checks.count(rule.max_replicas, ("max_replicas",), MOST_REPLICAS)
    least = max(1, rule.min_replicas)
    if rule.max_replicas < least:
        problem = f"{rule.max_replicas} is less than {least}."
        raise InvalidValue(path=("max_replicas",), problem=problem)
    _check_cooldown(rule.cooldown_up, ("cooldown_up",))
    _check_cooldown(rule.cooldown_down, ("cooldown_down",))
    return rule


def _check_cooldown(seconds: float, path: Path) -> None:
    if not 0 <= seconds <= LONGEST_COOLDOWN:
        problem = f"{seconds:g} is not between 0 and {LONGEST_COOLDOWN:g} seconds."
        raise InvalidValue(path=path, problem=problem)


def _told(rule: AutoscalingRule) -> dict[str, Any]:
    decided = {name: getattr(rule, name) for name in DECIDED}
    return {"deployment_id": rule.deployment_id, "metric": rule.metric, **decided}


def _missing(id: str) -> NotFound:
    return NotFound(kind="autoscaling rule", id=id, path=("rule_id",))
