"""The rows of one deployment while a decision is being made of them."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from domain.deployments.deployment import Deployment, DeploymentStatus
from domain.deployments.facts import (
    DeploymentStatusChanged,
    ReplicaDraining,
    ReplicaStarted,
    ReplicaStopping,
)
from domain.deployments.reason import Reason
from domain.deployments.replica import Replica, ReplicaGroup, ReplicaStatus
from domain.deployments.rollout import Rollout
from domain.deployments.situation import Action, Decision, Situation, Start, Stop
from domain.events import Fact
from domain.ids import NewId


@dataclass(slots=True)
class Working:
    """Starts as what was loaded, ends as what is to be. Values in it are replaced, never changed."""

    now: datetime
    new_id: NewId
    situation: Situation
    deployment: Deployment
    rollout: Rollout | None
    groups: dict[str, ReplicaGroup]
    replicas: dict[str, Replica]
    facts: list[Fact] = field(default_factory=list)
    actions: list[Action] = field(default_factory=list)

    @classmethod
    def of(cls, situation: Situation, now: datetime, new_id: NewId) -> "Working":
        return cls(
            now=now,
            new_id=new_id,
            situation=situation,
            deployment=situation.deployment,
            rollout=situation.rollout,
            groups={group.id: group for group in situation.groups},
            replicas={replica.id: replica for replica in situation.replicas},
        )

    @property
    def live(self) -> Rollout | None:
        return self.rollout if self.rollout is not None and self.rollout.is_live else None

    @property
    def target(self) -> ReplicaGroup | None:
        """Where the deployment is going: the group of the live rollout's revision, else the active one."""
        live = self.live
        return self.group_of(live.revision_id if live else self.deployment.active_revision_id)

    @property
    def kept(self) -> ReplicaGroup | None:
        """The active revision's group, where a live rollout leads to another."""
        active = self.group_of(self.deployment.active_revision_id)
        target = self.target
        return active if active and target and active.id != target.id else None

    def group_of(self, revision_id: str | None) -> ReplicaGroup | None:
        return next((g for g in self.groups.values() if g.revision_id == revision_id), None)

    def begin_group(self, rollout: Rollout) -> ReplicaGroup:
        """The group of the rollout's revision, made where there is none."""
        group = self.group_of(rollout.revision_id) or ReplicaGroup(
            id=self.new_id(),
            project_id=rollout.project_id,
            deployment_id=rollout.deployment_id,
            revision_id=rollout.revision_id,
            revision_number=rollout.revision_number,
            created_at=self.now,
        )
        self.groups[group.id] = group
        return group

    def staying(self, group: ReplicaGroup | None = None) -> list[Replica]:
        return [r for r in self._of(group) if r.is_staying]

    def having(self, status: ReplicaStatus, group: ReplicaGroup | None = None) -> list[Replica]:
        return [r for r in self._of(group) if r.status is status]

    def present(self) -> list[Replica]:
        return [r for r in self.replicas.values() if r.status is not ReplicaStatus.EXITED]

    def known(self, group: ReplicaGroup) -> int:
        """How many healthy replicas of the group every living gateway sends to."""
        healthy = self.having(ReplicaStatus.HEALTHY, group)
        return sum(replica.id in self.situation.known for replica in healthy)

    def is_seen(self, replica: Replica) -> bool:
        """False where the driver couldn't tell of it: then nothing about it changes."""
        return replica.id in self.situation.observed

    def was(self, replica: Replica) -> ReplicaStatus:
        """Its status as it was loaded."""
        loaded = (r.status for r in self.situation.replicas if r.id == replica.id)
        return next(loaded, replica.status)

    def change(self, replica: Replica, **fields: Any) -> Replica:
        """Put the replica with these fields; a new status begins now."""
        if fields.get("status", replica.status) is not replica.status:
            fields["status_since"] = self.now
        changed = dataclasses.replace(replica, **fields)
        self.replicas[replica.id] = changed
        return changed

    def change_group(self, group: ReplicaGroup, **fields: Any) -> ReplicaGroup:
        if any(getattr(group, name) != value for name, value in fields.items()):
            group = dataclasses.replace(group, **fields)
        self.groups[group.id] = group
        return group

    def change_rollout(self, **fields: Any) -> None:
        """Put the rollout with these fields; a new status begins now."""
        assert self.rollout is not None
        if fields.get("status", self.rollout.status) is not self.rollout.status:
            fields["status_since"] = self.now
        self.rollout = dataclasses.replace(self.rollout, **fields)

    def become(
        self,
        status: DeploymentStatus,
        reason: Reason | None,
        message: str,
        next_retry_at: datetime | None = None,
    ) -> None:
        """How the deployment stands. A fact where status or reason is another; the message alone may
        change often."""
        before = self.deployment
        if (before.status, before.reason) != (status, reason):
            fact = DeploymentStatusChanged(
                deployment_id=before.id,
                status_before=before.status,
                status_after=status,
                reason=reason,
                message=message,
            )
            self.facts.append(fact)
        self.deployment = dataclasses.replace(
            before,
            status=status,
            status_since=before.status_since if before.status is status else self.now,
            reason=reason,
            message=message,
            next_retry_at=next_retry_at,
        )

    def start(self, group: ReplicaGroup) -> None:
        replica = Replica(
            id=self.new_id(),
            project_id=group.project_id,
            deployment_id=group.deployment_id,
            group_id=group.id,
            revision_id=group.revision_id,
            revision_number=group.revision_number,
            status=ReplicaStatus.STARTING,
            status_since=self.now,
            created_at=self.now,
        )
        self.replicas[replica.id] = replica
        self.record(ReplicaStarted, replica, revision_id=replica.revision_id)
        self.actions.append(Start(replica.id))

    def drain(self, replica: Replica, reason: Reason, message: str = "") -> None:
        self.change(replica, status=ReplicaStatus.DRAINING, reason=reason, message=message)
        self.record(ReplicaDraining, replica, reason=reason)

    def stop(self, replica: Replica, reason: Reason, message: str = "") -> None:
        self.change(replica, status=ReplicaStatus.STOPPING, reason=reason, message=message)
        self.record(ReplicaStopping, replica, reason=reason)
        self.actions.append(Stop(replica.id))

    def record(self, fact: Callable[..., Fact], replica: Replica, **fields: Any) -> None:
        """A fact about a replica."""
        subject = {"deployment_id": self.deployment.id, "replica_id": replica.id}
        self.facts.append(fact(**subject, number=replica.revision_number, **fields))

    def decision(self, look_at: datetime | None) -> Decision:
        before = self.situation
        groups, replicas = set(before.groups), {r.id: r for r in before.replicas}
        return Decision(
            deployment=self.deployment,
            rollout=self.rollout,
            groups=tuple(g for g in self.groups.values() if g not in groups),
            replicas=tuple(r for r in self.replicas.values() if r != replicas.get(r.id)),
            facts=tuple(self.facts),
            actions=tuple(a for a in self.actions if self._still_holds(a)),
            look_at=look_at,
        )

    def _still_holds(self, action: Action) -> bool:
        """What was about to start may have been told to end since."""
        status = self.replicas[action.replica_id].status
        return status is (
            ReplicaStatus.STARTING if isinstance(action, Start) else ReplicaStatus.STOPPING
        )

    def _of(self, group: ReplicaGroup | None) -> list[Replica]:
        return [r for r in self.replicas.values() if group is None or r.group_id == group.id]
