"""The rows of one deployment in memory, and what users do to them, by the decisions of the service."""

from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from domain.deployments import decisions
from domain.deployments.decisions import Decided, Start
from domain.deployments.deployment import Deployment, DeploymentStatus
from domain.deployments.reason import Reason
from domain.deployments.replica import Replica, ReplicaGroup, ReplicaStatus
from domain.deployments.rollout import Rollout, RolloutKind
from domain.deployments.rollouts import Decide
from domain.deployments.strategy import Strategy
from domain.errors import PromotionRefused
from tests.support.builders import a_revision

D = DeploymentStatus
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
        if not self.is_open:
            return
        revision = a_revision(self.deployment, id=f"r{number}", number=number)
        start = Start(
            id=self.new_id(), kind=kind, revision=revision, progress_deadline=600.0, actor="ada"
        )
        self._keep(decisions.begin(self.deployment, self.live, start, self.now))

    def abort(self) -> None:
        self._decide(decisions.abort)

    def pause(self) -> None:
        self._decide(decisions.pause)

    def resume(self) -> None:
        self._decide(decisions.resume)

    def promote(self) -> None:
        with suppress(PromotionRefused):
            self._decide(decisions.promote)

    def scale(self, desired: int) -> None:
        if self.is_open:
            scaled = replace(self.deployment, desired_replicas=desired)
            self._keep(Decided(deployment=decisions.decided_again(scaled, self.now), facts=()))

    def set_strategy(self, strategy: Strategy) -> None:
        if self.is_open:
            self.deployment = replace(self.deployment, strategy=strategy)
            self._commit()

    def delete(self) -> None:
        if self.is_open:
            runs = bool(self.present())
            self._keep(decisions.delete(self.deployment, self.live, self.now, runs=runs))

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

    def _decide(self, decide: Decide) -> None:
        if self.is_open and self.live is not None:
            self._keep(decide(self.deployment, self.live, "", self.now))

    def _keep(self, decided: Decided | None) -> None:
        """As `locking.keep` does."""
        if decided is None:
            return
        if decided.rollout is not None:
            self._put(decided.rollout)
        if decided.begun is not None:
            self.rollouts.append(decided.begun)
        self.deployment = decided.deployment
        self.facts += decided.facts
        self._commit()

    def _put(self, rollout: Rollout) -> None:
        self.rollouts = [rollout if r.id == rollout.id else r for r in self.rollouts]

    def _commit(self) -> None:
        self.position += 1
        self.look_at = self.now
