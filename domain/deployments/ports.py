"""What a deployment needs of the world: something that runs replicas, leases, gateways' reports."""

from collections.abc import AsyncGenerator, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol

from domain.deployments.deployment import Revision
from domain.deployments.reason import Reason
from domain.deployments.replica import Endpoint, Replica


class Sight(StrEnum):
    """What a driver sees of a replica."""

    ABSENT = "absent"  # nothing of it is there, or ever was
    RUNNING = "running"  # it runs, or is being prepared; nothing to say of its health yet
    HEALTHY = "healthy"
    FAILING = "failing"  # as many probes in a row failed as its health check bears
    EXITED = "exited"  # it ended, or could not be started; all of it is gone


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """What a driver says of one replica. A replica that it can't tell of is left out of its answer.

    `endpoints` and `placement` as soon as they are known; the rest says why it fails or ended.
    """

    sight: Sight
    endpoints: tuple[Endpoint, ...] = ()
    placement: Mapping[str, Any] | None = None
    exit_code: int | None = None
    reason: Reason | None = None
    message: str = ""
    log_tail: tuple[str, ...] = ()


class Driver(Protocol):
    """Where replicas run. Nothing here waits for a replica: what comes of it is observed.

    A replica's row is committed before it is started. What a driver does not own it does not touch.
    """

    async def observe(self, replicas: Sequence[Replica]) -> Mapping[str, Observed]:
        """By replica id. Replicas that another control plane started are adopted by being asked for."""

    async def start(self, replica: Replica, revision: Revision) -> None:
        """Begin to run it; nothing happens where it runs already or began to."""

    async def stop(self, replica: Replica, grace: timedelta) -> None:
        """Begin to end it, by force after `grace`; nothing happens where it is ending already."""

    async def release(self, replicas: Sequence[Replica]) -> None:
        """Look after them no longer, and leave them running: another control plane has them now."""

    async def sweep(self) -> int:
        """End what is ours by its mark and no living row's; how many that were."""

    def changes(self) -> AsyncGenerator[str, None]:
        """The id of a deployment, soon after something of it would be observed otherwise."""


class ReplicaLogs(Protocol):
    """What replicas wrote, standard output and error as one text."""

    async def tail(self, replica: Replica, lines: int) -> Sequence[str]:
        """Its last lines, without their ends; none where nothing is kept."""

    def follow(self, replica: Replica, tail: int) -> AsyncGenerator[str, None]:
        """Its last `tail` lines, then each line as it is written, until the replica is gone."""

    async def command(self, replica: Replica, revision: Revision) -> Sequence[Sequence[str]]:
        """What is executed, as argv, one for each model that has a service."""


class PlacePorts(Protocol):
    """TCP ports of one host, reserved until their replica is gone."""

    async def reserve(
        self, host: str, replica_id: str, models: Sequence[str], avoid: Collection[int]
    ) -> Mapping[str, int]:
        """A port for each model by its name, the same ones when asked again; those in `avoid` are given
        up for others. Raises PortsExhausted."""


class SecretValues(Protocol):
    async def open(self, project_id: str, names: Collection[str]) -> Mapping[str, str]:
        """Their values by name; those that don't exist are left out. Raises SealBroken."""


@dataclass(frozen=True, slots=True)
class Lease:
    """A control plane's claim on a share of the deployments. The token rises when it changes hands."""

    shard: int
    token: int


SHARDS = 64  # every deployment lies in one, by its id


class Leases(Protocol):
    async def renew(self, plane: str, now: datetime, until: datetime) -> Sequence[Lease]:
        """The plane's leases, good until then: it keeps, takes up and gives back until every living plane
        has its fair part."""

    async def leave(self, plane: str) -> None:
        """Give back all at once; nobody has to wait for them to run out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayReport:
    """What a gateway says of itself, twice a second while anything changes.

    `position` is the event up to which it knows. `in_flight` counts requests by replica id;
    `batch` those among them that are batches'; `held` those that wait for a first replica, and
    `arrived` all that ever came, by deployment id.
    """

    gateway: str
    position: int
    in_flight: Mapping[str, int]
    batch: Mapping[str, int] = field(default_factory=dict)
    held: Mapping[str, int]
    arrived: Mapping[str, int]
    seen_at: datetime


GATEWAY_LIVES = timedelta(seconds=10)  # without a report for that long it is gone


class Gateways(Protocol):
    async def report(self, report: GatewayReport) -> None: ...

    async def living(self, now: datetime) -> Sequence[GatewayReport]:
        """The last report of each that reported within GATEWAY_LIVES."""

    async def leave(self, gateway: str) -> None: ...
