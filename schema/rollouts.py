"""Rollouts: how deployments get from one revision to the next."""

from datetime import datetime, timedelta
from enum import Enum
from typing import TYPE_CHECKING, Annotated

import strawberry

from domain.deployments import rollout
from domain.listing import Order
from schema import versions
from schema.context import Info
from schema.enums import Reason, ReplicaStatus, RolloutKind, RolloutStatus
from schema.lists import DateTimeFilter, IDFilter, IntFilter, OrderDirection, StringFilter
from schema.relay import Node, global_id
from schema.revisions import ModelRevision
from schema.scalars import Duration
from schema.strategies import DeploymentStrategy, shown

if TYPE_CHECKING:
    from schema.deployments import ModelDeployment


@versions.type(added="0.1.0")
class Rollout(Node):
    """One way of a deployment to another revision; at most one is live, the others are history."""

    kind: RolloutKind = versions.field(description="What it was begun by.")
    status: RolloutStatus = versions.field(description="Where it stands now.")
    status_since: datetime = versions.field(description="When it came to that status.")
    status_reason: Reason | None = versions.field(description="Why it is what it is.")
    status_message: str = versions.field(description="The reason in words; may be empty.")
    step: int = versions.field(
        description="Counts a canary's steps from 0; their number behind the last one. 0 elsewhere."
    )
    ready_at: datetime | None = versions.field(
        description="When what its present step wants was served; pauses and delays count from it."
    )
    promotion_requested: bool = versions.field(
        description="Whether somebody gave the go-ahead with promoteRollout."
    )
    note: str = versions.field(description="Why, in the words of who began it.")
    started_at: datetime
    started_by: str = versions.field(description="Who began it, e.g. key:ci.")
    finished_at: datetime | None = versions.field(description="Null while it is live.")
    held: strawberry.Private[rollout.Rollout]

    @versions.field
    def strategy(self) -> DeploymentStrategy:
        """The deployment's when the rollout began; later ones are for later rollouts."""
        return shown(self.held.strategy)

    @versions.field
    def progress_deadline(self) -> Duration:
        """How long it may take from one replica that becomes healthy to the next."""
        return Duration(self.held.progress_deadline)

    @versions.field
    def progress_deadline_at(self) -> datetime | None:
        """When it fails unless a replica becomes healthy before; null unless it is RUNNING."""
        if self.held.status is not RolloutStatus.RUNNING:
            return None
        return self.held.progressed_at + timedelta(seconds=self.held.progress_deadline)

    @versions.field
    def duration_seconds(self) -> float | None:
        """From its start to its end; null while it is live."""
        if self.held.finished_at is None:
            return None
        return (self.held.finished_at - self.held.created_at).total_seconds()

    @versions.load
    async def deployment(
        self, info: Info
    ) -> Annotated["ModelDeployment", strawberry.lazy("schema.deployments")] | None:
        from schema.deployments import ModelDeployment

        found = await info.context.loads.deployment(self.held.deployment_id)
        return None if found is None else ModelDeployment.of(found)

    @versions.load
    async def revision(self, info: Info) -> ModelRevision | None:
        """The revision that it leads to."""
        found = await info.context.loads.revision_head(self.held.revision_id)
        return None if found is None else ModelRevision.of(found)

    @versions.load
    async def from_revision(self, info: Info) -> ModelRevision | None:
        """The active revision when it began; null where there was none."""
        if self.held.from_revision_id is None:
            return None
        found = await info.context.loads.revision_head(self.held.from_revision_id)
        return None if found is None else ModelRevision.of(found)

    @versions.load
    async def weight(self, info: Info) -> int | None:
        """The percentage of requests that its revision gets now; null where all replicas share them,
        and when it is over."""
        if not self.held.is_live:
            return None
        groups = await info.context.loads.groups(self.held.deployment_id)
        own = [group for group in groups if group.revision_id == self.held.revision_id]
        return own[-1].weight if own else None

    @versions.load
    async def healthy_replicas(self, info: Info) -> int:
        """How many replicas of its revision are healthy now."""
        present = await info.context.loads.present(self.held.deployment_id)
        return sum(
            each.revision_id == self.held.revision_id and each.status is ReplicaStatus.HEALTHY
            for each in present
        )

    @versions.load
    async def desired_replicas(self, info: Info) -> int:
        """How many the deployment is to have now."""
        found = await info.context.loads.deployment(self.held.deployment_id)
        assert found is not None, "deployments keep their rows"
        return found.desired_replicas

    @classmethod
    def of(cls, value: rollout.Rollout) -> "Rollout":
        return cls(
            id=global_id("Rollout", value.id),
            kind=value.kind,
            status=value.status,
            status_since=value.status_since,
            status_reason=value.reason,
            status_message=value.message,
            step=value.step,
            ready_at=value.ready_at,
            promotion_requested=value.promoted,
            note=value.note,
            started_at=value.created_at,
            started_by=value.created_by,
            finished_at=value.finished_at,
            held=value,
        )


class RolloutOrderField(Enum):
    STARTED_AT = "created_at"
    STATUS = "status"


versions.enum(RolloutOrderField, added="0.1.0")
ORDER_KINDS: dict[str, type] = {
    "created_at": datetime,
    "status": RolloutStatus,
}
NEWEST_FIRST = Order("created_at", descending=True)


@versions.input(added="0.1.0")
class RolloutOrder:
    field: RolloutOrderField
    direction: OrderDirection | None = versions.field(description="ASC unless said.")


@versions.input(added="0.1.0")
class RolloutStatusFilter:
    eq: RolloutStatus | None
    ne: RolloutStatus | None
    in_: list[RolloutStatus] | None = versions.field(name="in")


@versions.input(added="0.1.0")
class RolloutKindFilter:
    eq: RolloutKind | None
    ne: RolloutKind | None
    in_: list[RolloutKind] | None = versions.field(name="in")


@versions.input(added="0.1.0")
class RolloutFilter:
    """All that is said must hold."""

    id: IDFilter | None
    revision_id: IDFilter | None
    from_revision_id: IDFilter | None
    revision_number: IntFilter | None
    kind: RolloutKindFilter | None
    status: RolloutStatusFilter | None
    note: StringFilter | None
    created_by: StringFilter | None = versions.field(name="startedBy")
    created_at: DateTimeFilter | None = versions.field(name="startedAt")
    finished_at: DateTimeFilter | None
    and_: list["RolloutFilter"] | None = versions.field(name="and")
    or_: list["RolloutFilter"] | None = versions.field(name="or")
    not_: "RolloutFilter | None" = versions.field(name="not")
