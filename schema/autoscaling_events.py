"""Facts about autoscaling rules; what they decide is DeploymentScaled."""

import strawberry

from schema import versions
from schema.autoscaling import AutoscalingRule
from schema.context import Info
from schema.enums import Metric
from schema.event_kinds import DeploymentEvent
from schema.scalars import Duration


@versions.interface(added="0.1.0")
class AutoscalingRuleEvent(DeploymentEvent):
    """A fact about an autoscaling rule of a deployment."""

    rule_id: strawberry.ID
    metric: Metric
    own_rule_id: strawberry.Private[str]

    @versions.load
    async def rule(self, info: Info) -> AutoscalingRule | None:
        """As it is now; null when it is gone."""
        found = await info.context.loads.rule(self.own_rule_id)
        return None if found is None else AutoscalingRule.of(found)


@versions.type(added="0.1.0")
class AutoscalingRuleCreated(AutoscalingRuleEvent):
    """A deployment is to follow its load."""

    target: float
    min_replicas: int
    max_replicas: int
    cooldown_up: Duration
    cooldown_down: Duration


@versions.type(added="0.1.0")
class AutoscalingRuleUpdated(AutoscalingRuleEvent):
    """A rule says something else; the fields show what holds since."""

    target: float
    min_replicas: int
    max_replicas: int
    cooldown_up: Duration
    cooldown_down: Duration
    changed: list[str] = versions.field(description="The names of the fields that changed.")


@versions.type(added="0.1.0")
class AutoscalingRuleDeleted(AutoscalingRuleEvent):
    """A rule decides nothing any more."""
