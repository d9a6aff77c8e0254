"""What is recorded of autoscaling rules."""

from dataclasses import dataclass

from domain.autoscaling.rule import Metric


@dataclass(frozen=True, slots=True, kw_only=True)
class AutoscalingRuleCreated:
    deployment_id: str
    rule_id: str
    metric: Metric
    target: float
    min_replicas: int
    max_replicas: int
    cooldown_up: float
    cooldown_down: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AutoscalingRuleUpdated:
    """`changed` names the fields that are different since: target, min_replicas, max_replicas,
    cooldown_up, cooldown_down."""

    deployment_id: str
    rule_id: str
    metric: Metric
    target: float
    min_replicas: int
    max_replicas: int
    cooldown_up: float
    cooldown_down: float
    changed: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AutoscalingRuleDeleted:
    deployment_id: str
    rule_id: str
    metric: Metric


Fact = AutoscalingRuleCreated | AutoscalingRuleUpdated | AutoscalingRuleDeleted
