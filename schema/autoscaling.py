"""Autoscaling rules."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry
from strawberry import Maybe

from domain.autoscaling import rule
from schema import versions
from schema.context import Info
from schema.enums import Metric
from schema.errors import Payload
from schema.relay import Node, global_id
from schema.scalars import Duration

if TYPE_CHECKING:
    from schema.deployments import ModelDeployment


@versions.type(added="0.1.0")
class AutoscalingRule(Node):
    """How many replicas a deployment is to have for its load. Of several rules, the one that asks for
    most decides; none does during a rollout."""

    metric: Metric = versions.field(description="What it looks at; a deployment has one for each.")
    target: float = versions.field(
        description="The metric's value for each replica. Up to 10 % more or less changes nothing."
    )
    min_replicas: int = versions.field(
        description="At 0 the last replica goes, too; the next request waits for the first one."
    )
    max_replicas: int
    cooldown_up: Duration = versions.field(
        description="How long after the last scaling more replicas may come."
    )
    cooldown_down: Duration = versions.field(
        description="How long after the last scaling replicas may go, and how long the load has to "
        "have asked for fewer; the highest load of that time counts."
    )
    created_at: datetime
    created_by: str = versions.field(description="Who made it, e.g. key:ci.")
    updated_at: datetime = versions.field(description="When a user last changed it.")
    last_scaled_at: datetime | None = versions.field(
        description="When it last decided; null where it never did."
    )
    held: strawberry.Private[rule.AutoscalingRule]

    @versions.load
    async def deployment(
        self, info: Info
    ) -> Annotated["ModelDeployment", strawberry.lazy("schema.deployments")] | None:
        from schema.deployments import ModelDeployment

        found = await info.context.loads.deployment(self.held.deployment_id)
        return None if found is None else ModelDeployment.of(found)

    @classmethod
    def of(cls, value: rule.AutoscalingRule) -> "AutoscalingRule":
        return cls(
            id=global_id("AutoscalingRule", value.id),
            metric=value.metric,
            target=value.target,
            min_replicas=value.min_replicas,
            max_replicas=value.max_replicas,
            cooldown_up=Duration(value.cooldown_up),
            cooldown_down=Duration(value.cooldown_down),
            created_at=value.created_at,
            created_by=value.created_by,
            updated_at=value.updated_at,
            last_scaled_at=value.last_scaled_at,
            held=value,
        )


@versions.input(added="0.1.0")
class CreateAutoscalingRuleInput:
    deployment_id: strawberry.ID = versions.field(
        description="The deployment that is to follow it."
    )
    metric: Metric = versions.field(description="What it looks at; a deployment has one for each.")
    target: float = versions.field(description="The metric's value for each replica; more than 0.")
    min_replicas: int | None = versions.field(description="1 unless said; 0 lets the last one go.")
    max_replicas: int = versions.field(description="At least 1, and not less than minReplicas.")
    cooldown_up: Duration | None = versions.field(description="PT30S unless said, at most a day.")
    cooldown_down: Duration | None = versions.field(description="PT5M unless said, at most a day.")
    idempotency_key: str | None = versions.field(
        description="For repeats: within a day, the same key and input get the first answer."
    )


@versions.input(added="0.1.0")
class UpdateAutoscalingRuleInput:
    """Absent stays as it is; null is the default again."""

    rule_id: strawberry.ID = versions.field(description="The rule to change.")
    target: Maybe[float | None] = versions.field(description="It has to have one.")
    min_replicas: Maybe[int | None] = versions.field(description="Null is 1 again.")
    max_replicas: Maybe[int | None] = versions.field(description="It has to have one.")
    cooldown_up: Maybe[Duration | None] = versions.field(description="Null is PT30S again.")
    cooldown_down: Maybe[Duration | None] = versions.field(description="Null is PT5M again.")


@versions.input(added="0.1.0")
class DeleteAutoscalingRuleInput:
    rule_id: strawberry.ID = versions.field(
        description="The rule to delete; the deployment keeps the replicas that it has."
    )


@versions.type(added="0.1.0")
class CreateAutoscalingRulePayload(Payload):
    rule: AutoscalingRule | None = versions.field(
        default=None, description="The new rule; null where there are user errors."
    )


@versions.type(added="0.1.0")
class UpdateAutoscalingRulePayload(Payload):
    rule: AutoscalingRule | None = versions.field(
        default=None, description="As it is now; null where there are user errors."
    )


@versions.type(added="0.1.0")
class DeleteAutoscalingRulePayload(Payload):
    rule: AutoscalingRule | None = versions.field(default=None, description="As it was.")
