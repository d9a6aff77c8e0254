"""Kubernetes Jobs, as batches see them: by the id of the deployment that was made for the batch."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from domain.deployments.deployment import Deployment, Revision
from domain.errors import ModelyardError


@dataclass(eq=False, kw_only=True)
class ClusterAway(ModelyardError):
    """The cluster does not answer ({problem}). It is asked again."""

    problem: str


@dataclass(eq=False, kw_only=True)
class JobRefused(ModelyardError):
    """The Kubernetes Job can't be made: {problem}"""

    problem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NewJob:
    """`deployment` has no replicas of its own; the Job's pods run its `revision`. `ends_at`: when the
    cluster ends what is left of it, whether or not there is anybody to tell it to."""

    batch_id: str
    deployment: Deployment
    revision: Revision
    token: str
    ends_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSeen:
    """`pods` is how many it is to have, `since` when the first of those that are there was made (None:
    there is none), `is_ready`: an engine of one answers. `failure`: it never will have pods again.
    `message` tells how the pods stand; `token_since`: when what they show to the server was made."""

    pods: int
    since: datetime | None
    is_ready: bool
    is_hopeless: bool
    failure: str | None
    message: str
    token_since: datetime | None


class ClusterJobs(Protocol):
    """Every method raises ClusterAway, and JobRefused where the cluster will not."""

    async def make(self, new: NewJob) -> None:
        """All that it needs, without a pod yet; what is there already is left as it is."""

    async def look(self, deployment_id: str) -> JobSeen | None:
        """None: it is not there, or not all of it."""

    async def size(self, deployment_id: str, pods: int) -> None: ...

    async def renew(self, deployment_id: str, token: str) -> None: ...

    async def log_tail(self, deployment_id: str, lines: int) -> Sequence[str]:
        """Of the engine in the pod that came last."""

    async def remove(self, deployment_id: str) -> bool:
        """Begin to, with its pods; whether nothing of it is left."""

    async def all(self) -> Collection[str]:
        """The deployment ids of all that this installation has there."""
