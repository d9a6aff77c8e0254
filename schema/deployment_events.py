"""Facts about deployments and their revisions."""

import strawberry

from schema import versions
from schema.autoscaling import AutoscalingRule
from schema.context import Info
from schema.enums import DeploymentStatus, Metric, Reason
from schema.event_kinds import DeploymentEvent, RevisionEvent


@versions.type(added="0.1.0")
class DeploymentCreated(DeploymentEvent):
    """A deployment was created, with nothing active."""

    name: str
    desired_replicas: int


@versions.type(added="0.1.0")
class DeploymentUpdated(DeploymentEvent):
    """A user decided otherwise; the fields show what holds since."""

    name: str
    tags: list[str]
    desired_replicas: int
    changed: list[str] = versions.field(
        description="The names of the fields that changed, e.g. desiredReplicas."
    )


@versions.type(added="0.1.0")
class DeploymentDeleted(DeploymentEvent):
    """A deployment is gone; its history stays."""

    name: str


@versions.type(added="0.1.0")
class DeploymentStatusChanged(DeploymentEvent):
    """A deployment's status or its reason is another."""

    status_before: DeploymentStatus
    status_after: DeploymentStatus
    reason: Reason | None = versions.field(description="Why it came to the later one.")
    message: str = versions.field(description="The reason in words; may be empty.")


@versions.type(added="0.1.0")
class DeploymentScaled(DeploymentEvent):
    """Another number of replicas is desired; the rule's fields are null where a user decided."""

    replicas_before: int
    replicas_after: int
    rule_id: strawberry.ID | None = versions.field(
        description="The autoscaling rule that decided; null where a user did."
    )
    metric: Metric | None = versions.field(description="What the rule looks at.")
    measured: float | None = versions.field(
        description="What it saw, for each replica of before (for none: altogether); null also where "
        "its bounds alone decided."
    )
    target: float | None = versions.field(description="What it wants to see, for each replica.")
    note: str = versions.field(description="The numbers in words; may be empty.")
    own_rule_id: strawberry.Private[str | None]

    @versions.load
    async def rule(self, info: Info) -> AutoscalingRule | None:
        """As it is now; null where a user decided, or when it is gone."""
        found = await info.context.loads.rule(self.own_rule_id) if self.own_rule_id else None
        return None if found is None else AutoscalingRule.of(found)


@versions.type(added="0.1.0")
class RevisionAdded(RevisionEvent):
    """A revision was resolved and stored."""

    digest: str


@versions.type(added="0.1.0")
class RevisionActivated(RevisionEvent):
    """A revision is to run: a rollout to it begins."""


@versions.type(added="0.1.0")
class RolledBack(RevisionEvent):
    """The active revision serves all that is desired again; nothing of the other is left."""
