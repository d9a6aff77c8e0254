"""Facts about autoscaling rules; what they decide is DeploymentScaled."""

from schema import versions
from schema.event_kinds import AutoscalingRuleEvent
from schema.scalars import Duration


@versions.type(added="0.1.0")
class AutoscalingRuleCreated(AutoscalingRuleEvent):
    """A deployment is to follow its load."""

    target: float | None
    min_replicas: int
    max_replicas: int
    cooldown_up: Duration
    cooldown_down: Duration


@versions.type(added="0.1.0")
class AutoscalingRuleUpdated(AutoscalingRuleEvent):
    """A rule says something else; the fields show what holds since."""

    target: float | None
    min_replicas: int
    max_replicas: int
    cooldown_up: Duration
    cooldown_down: Duration
    changed: list[str] = versions.field(
        description="The names of the fields that changed, e.g. maxReplicas."
    )


@versions.type(added="0.1.0")
class AutoscalingRuleDeleted(AutoscalingRuleEvent):
    """A rule decides nothing any more."""
