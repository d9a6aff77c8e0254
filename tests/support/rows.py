"""The rows of one deployment in memory, and what users do to them as the service commits it."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from domain.deployments.deployment import Deployment, DeploymentStatus
from domain.deployments.reason import Reason
from domain.deployments.replica import Replica, ReplicaGroup, ReplicaStatus
from domain.deployments.rollout import Rollout, RolloutKind, RolloutStatus
from domain.deployments.strategy import Strategy

D = DeploymentStatus
R = RolloutStatus
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
OPEN = frozenset({D.PENDING, D.DEPLOYING, D.READY, D.DEGRADED, D.ROLLING_BACK})


@dataclass(kw_only=True)
class Rows:
    """A deployment with nothing active yet. `position` is the log's head; `look_at` when a look is due."""

    strategy: Strategy
    desired: int
    now: datetime = NOON
    position: int = 1
    groups: dict[str, ReplicaGroup] = field(default_factory=dict)
    replicas: dict[str, Replica] = field(default_factory=dict)
    rollouts: list[Rollout] = field(default_factory=list)
    facts: list[Any] = field(default_factory=list)
    ids: int = 0
    look_at: datetime | None = None
    deployment: Deployment = field(init=False)

    def __post_init__(self) -> None:
        self.deployment = Deployment(
            id="d",
            project_id="p",
            name="chat",
            tags=(),
            desired_replicas=self.desired,
            strategy=self.strategy,
            status=D.PENDING,
            status_since=self.now,
            active_revision_id=None,
            last_revision=9,
            generation=1,
            created_at=self.now,
            created_by="ada",
            updated_at=self.now,
        )

    @property
    def live(self) -> Rollout | None:
        return next((r for r in self.rollouts if r.is_live), None)

    @property
    def is_open(self) -> bool:
        return self.deployment.status in OPEN

    def activate(self, number: int, kind: RolloutKind = RolloutKind.ACTIVATION) -> None:
        live, revision = self.live, f"r{number}"
        heading = live.revision_id if live else self.deployment.active_revision_id
        if not self.is_open or heading == revision:
            return
        if live:
            self._end(live, R.REPLACED, Reason.REPLACED)
        rollout = Rollout(
            id=self.new_id(),
            project_id="p",
            deployment_id="d",
            kind=kind,
            revision_id=revision,
            revision_number=number,
            from_revision_id=self.deployment.active_revision_id,
            strategy=self.deployment.strategy,
            status=R.RUNNING,
            status_since=self.now,
            progress_deadline=600.0,
            progressed_at=self.now,
            created_at=self.now,
            created_by="ada",
        )
        self.rollouts.append(rollout)
        self._become(D.DEPLOYING)
        self._commit()

    def abort(self) -> None:
        if not self.live or not self.is_open:
            return
        self._end(self.live, R.ABORTED, Reason.ABORTED_BY_USER)
        self._become(D.ROLLING_BACK if self.deployment.active_revision_id else D.PENDING)
        self._commit()

    def pause(self) -> None:
        live = self.live
        if live and live.status is R.RUNNING:
            self._put(
                replace(live, status=R.PAUSED, status_since=self.now, reason=Reason.PAUSED_BY_USER)
            )

    def resume(self) -> None:
        live = self.live
        if live and live.status is R.PAUSED:
            self._put(
                replace(
                    live,
                    status=R.RUNNING,
                    status_since=self.now,
                    reason=None,
                    message="",
                    progressed_at=self.now,
                )
            )

    def promote(self) -> None:
        if self.live and self.live.strategy.kind != "rolling":
            self._put(replace(self.live, promoted=True))

    def scale(self, desired: int) -> None:
        if self.is_open:
            self.deployment = replace(self.deployment, desired_replicas=desired)
            self._commit()

    def set_strategy(self, strategy: Strategy) -> None:
        if self.is_open:
            self.deployment = replace(self.deployment, strategy=strategy)
            self._commit()

    def delete(self) -> None:
        if not self.is_open:
            return
        if self.live:
            self._end(self.live, R.ABORTED, Reason.DELETED)
        self.deployment = replace(self.deployment, deleted_at=self.now)
        self._become(D.STOPPING if self.present() else D.STOPPED)
        self._commit()

    def present(self) -> list[Replica]:
        return [r for r in self.replicas.values() if r.status is not ReplicaStatus.EXITED]

    def count(self, number: int, *statuses: ReplicaStatus) -> int:
        """How many replicas of the revision are staying, or have one of the statuses."""
        mine = [r for r in self.present() if r.revision_number == number]
        return sum(r.status in statuses if statuses else r.is_staying for r in mine)

    def stands(self) -> tuple[DeploymentStatus, Reason | None]:
        return self.deployment.status, self.deployment.reason

    def happened(self, fact: type) -> list[Any]:
        return [f for f in self.facts if isinstance(f, fact)]

    def new_id(self) -> str:
        self.ids += 1
        return f"{self.ids:06d}"

    def _end(self, rollout: Rollout, status: RolloutStatus, reason: Reason) -> None:
        self._put(replace(rollout, status=status, reason=reason, finished_at=self.now))

    def _put(self, rollout: Rollout) -> None:
        self.rollouts = [rollout if r.id == rollout.id else r for r in self.rollouts]
        self._commit()

    def _become(self, status: DeploymentStatus) -> None:
        self.deployment = replace(
            self.deployment, status=status, status_since=self.now, reason=None, message=""
        )

    def _commit(self) -> None:
        self.position += 1
        self.look_at = self.now
