"""A deployment as a gateway sees it: which replicas may be sent requests, and in what proportion."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from domain.deployments.deployment import MAX_IN_FLIGHT, Deployment, DeploymentStatus
from domain.deployments.reason import Reason
from domain.deployments.replica import Endpoint, Replica, ReplicaGroup, ReplicaStatus
from domain.deployments.rollout import Rollout

GONE = frozenset({DeploymentStatus.STOPPING, DeploymentStatus.STOPPED})


@dataclass(frozen=True, slots=True)
class Target:
    """A healthy replica, and where each of its models answers, in the definition's order."""

    replica_id: str
    endpoints: tuple[Endpoint, ...]

    def endpoint(self, model: str | None) -> Endpoint | None:
        """The model's of that name; without a name the first."""
        return next((e for e in self.endpoints if model is None or e.model == model), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What a replica group has to give.

    `weight` is as the group's. `held_back`: a live rollout keeps it from all requests but those that
    name its revision. `awaited`: it has, or is to have, replicas.
    """

    revision_number: int
    weight: int | None
    targets: tuple[Target, ...]
    held_back: bool
    awaited: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """`wakes`: requests wait for a first replica where there is none, and have it started.
    `is_dedicated`: it is there for batches alone, and no client gets at it by its name."""

    deployment_id: str
    project_id: str
    name: str
    status: DeploymentStatus
    reason: Reason | None
    message: str
    next_retry_at: datetime | None
    created_at: datetime
    shares: tuple[Share, ...]
    wakes: bool = False
    max_in_flight: int = MAX_IN_FLIGHT
    is_dedicated: bool = False

    @property
    def targets(self) -> Iterable[Target]:
        return (target for share in self.shares for target in share.targets)


def route(
    deployment: Deployment,
    rollout: Rollout | None,
    groups: Sequence[ReplicaGroup],
    replicas: Sequence[Replica],
    *,
    wakes: bool = False,
) -> Route | None:
    """None for a deployment that is deleted, also while its replicas still drain.

    `rollout` is the live one, `replicas` those that are present.
    """
    if deployment.status in GONE:
        return None
    arriving = rollout.revision_id if rollout is not None else None
    return Route(
        deployment_id=deployment.id,
        project_id=deployment.project_id,
        name=deployment.name,
        status=deployment.status,
        reason=deployment.reason,
        message=deployment.message,
        next_retry_at=deployment.next_retry_at,
        created_at=deployment.created_at,
        shares=tuple(
            _share(group, replicas, arriving, deployment.active_revision_id) for group in groups
        ),
        wakes=wakes,
        max_in_flight=deployment.max_in_flight,
        is_dedicated=deployment.is_dedicated,
    )


def _share(
    group: ReplicaGroup, replicas: Sequence[Replica], arriving: str | None, active: str | None
) -> Share:
    mine = [replica for replica in replicas if replica.group_id == group.id]
    healthy = [r for r in mine if r.status is ReplicaStatus.HEALTHY and r.endpoints]
    return Share(
        revision_number=group.revision_number,
        weight=group.weight,
        targets=tuple(Target(replica.id, replica.endpoints) for replica in healthy),
        held_back=group.weight == 0 and group.revision_id == arriving,
        awaited=group.revision_id in (arriving, active) or any(r.is_staying for r in mine),
    )
