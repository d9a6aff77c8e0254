"""Deployments that come and go for batches."""

from dataclasses import dataclass
from datetime import datetime

from domain.batches.batch import Batch, BatchReason
from domain.clock import Clock
from domain.definitions.service import Definitions
from domain.deployments.ports import ReplicaLogs
from domain.deployments.rollouts import Rollouts
from domain.deployments.service import Deployments
from domain.ids import NewId
from domain.work import Reads, StartWork


@dataclass(frozen=True, slots=True)
class Provided:
    """At least one of its replicas is healthy."""

    deployment_id: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """`message` tells how the deployment stands; look again by `look_at`."""

    reason: BatchReason
    message: str
    look_at: datetime


@dataclass(frozen=True, slots=True)
class Hopeless:
    """It will never serve. `message` has the reason and the last lines of the log."""

    message: str


Providing = Provided | Waiting | Hopeless


@dataclass(frozen=True, slots=True, kw_only=True)
class Dedicating:
    start_work: StartWork
    reads: Reads
    definitions: Definitions
    deployments: Deployments
    rollouts: Rollouts
    logs: ReplicaLogs
    clock: Clock
    new_id: NewId

    async def provide(self, batch: Batch) -> Providing:
        """One more step towards a deployment of the batch's own; whatever was done before is found again.

        The batch has a place with target DEDICATED. `place.deployment_id` is put into its row in the
        same unit of work as the deployment is made or taken: read the batch again after this.
        """
        raise NotImplementedError

    async def give_back(self, batch: Batch) -> bool:
        """The batch is final, and needs it no more: it is kept warm, or deleted. False: look again."""
        raise NotImplementedError

    async def sweep(self) -> float:
        """Delete what no living batch has and nobody waits for; seconds until the next sweep."""
        raise NotImplementedError
