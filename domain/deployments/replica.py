"""One running copy of a revision, and the group of those that run the same one."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from domain.deployments.reason import Reason


class ReplicaStatus(StrEnum):
    STARTING = "starting"  # its row is there, its first health is not. The reconciler moves it on
    HEALTHY = "healthy"  # gateways send it requests. The reconciler moves it on
    UNHEALTHY = "unhealthy"  # was healthy; its probes fail now. The reconciler moves it on
    DRAINING = "draining"  # no new requests, those in flight end. The reconciler moves it on
    STOPPING = "stopping"  # told to end. The reconciler moves it on
    EXITED = "exited"  # nothing of it is left. Final


S = ReplicaStatus
TRANSITIONS: Mapping[ReplicaStatus, frozenset[ReplicaStatus]] = {
    S.STARTING: frozenset({S.HEALTHY, S.STOPPING, S.EXITED}),
    S.HEALTHY: frozenset({S.UNHEALTHY, S.DRAINING, S.STOPPING, S.EXITED}),
    S.UNHEALTHY: frozenset({S.HEALTHY, S.DRAINING, S.STOPPING, S.EXITED}),
    S.DRAINING: frozenset({S.STOPPING, S.EXITED}),
    S.STOPPING: frozenset({S.EXITED}),
    S.EXITED: frozenset(),
}
STAYING = frozenset({S.STARTING, S.HEALTHY, S.UNHEALTHY})  # what is neither stopping nor gone


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where one model of a replica answers. `model` is its own name, as its engine knows it.

    `pod` is what a proxy knows the replica by (namespace/name), where it is a cluster's.
    """

    model: str
    host: str
    port: int
    pod: str | None = None

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Replica:
    """`placement` is what its driver needs to find it again, in the driver's own words; None until the
    driver has started it. `endpoints` stand in the order of the definition's models."""

    id: str
    project_id: str
    deployment_id: str
    group_id: str
    revision_id: str
    revision_number: int
    status: ReplicaStatus
    status_since: datetime
    reason: Reason | None = None
    message: str = ""
    endpoints: tuple[Endpoint, ...] = ()
    placement: Mapping[str, Any] | None = None
    created_at: datetime
    first_healthy_at: datetime | None = None
    exited_at: datetime | None = None
    exit_code: int | None = (
        None  # negative: the signal that ended it; None also if nobody could see
    )
    log_tail: tuple[str, ...] = ()  # its last lines, kept when it went wrong

    @property
    def is_staying(self) -> bool:
        return self.status in STAYING


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicaGroup:
    """The replicas of one revision of a deployment.

    `weight` is its share of the requests in percent; None shares them by healthy replicas.
    `early_exits` counts replicas that ended before they were ever healthy while a live rollout leads
    to the group, since one of it last became healthy; `exits` counts all unwanted ends, and makes the
    back-off: nothing is started before `retry_at`. `reason`, `message` and `log_tail` tell of the last
    end that was unwanted.
    `desired_replicas` is how many of it the plan wants; what a paused rollout keeps.
    """

    id: str
    project_id: str
    deployment_id: str
    revision_id: str
    revision_number: int
    weight: int | None = None
    desired_replicas: int = 0
    exits: int = 0
    early_exits: int = 0
    retry_at: datetime | None = None
    reason: Reason | None = None
    message: str = ""
    log_tail: tuple[str, ...] = ()
    created_at: datetime
