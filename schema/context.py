"""What a field of a type may load, beyond what its own value holds."""

from collections.abc import Sequence
from typing import Any, Protocol, TypeAlias

import strawberry

from domain.access.access import Caller, Project
from domain.autoscaling.rule import AutoscalingRule
from domain.batches.batch import Batch
from domain.batches.external_endpoint import ExternalEndpoint
from domain.batches.profile import BatchProfile
from domain.batches.result_page import ResultPage
from domain.definitions.resolution import Drift
from domain.deployments.deployment import Deployment, Revision, RevisionHead
from domain.deployments.replica import Replica, ReplicaGroup
from domain.deployments.rollout import Rollout
from domain.files.file import File
from domain.folders.folder import Folder
from domain.listing import Listing, Page
from domain.secrets.secret import Secret
from domain.templates.template import Template
from domain.webhooks.webhook import Delivery, Webhook


class Loads(Protocol):
    """By id: None where there is nothing, or nothing that the caller sees."""

    async def project(self, id: str) -> Project | None: ...

    async def folder(self, id: str) -> Folder | None: ...

    async def template(self, id: str) -> Template | None: ...

    async def secret(self, id: str) -> Secret | None: ...

    async def webhook(self, id: str) -> Webhook | None: ...

    async def deliveries(self, webhook_id: str) -> Sequence[Delivery]:
        """A webhook's, the newest first; not all of them."""

    async def deployment(self, id: str) -> Deployment | None: ...

    async def revision(self, id: str) -> Revision | None: ...

    async def revision_head(self, id: str) -> RevisionHead | None: ...

    async def revisions(self, deployment_id: str, listing: Listing) -> Page[RevisionHead]:
        """A page of one deployment's revisions; pages of many are read together."""

    async def revision_count(self, deployment_id: str, listing: Listing) -> int: ...

    async def secret_users(self, secret: Secret) -> Sequence[str]:
        """The ids of the live deployments that use the secret."""

    async def drift(self, revision: Revision) -> Drift: ...

    async def rollout(self, id: str) -> Rollout | None: ...

    async def live_rollout(self, deployment_id: str) -> Rollout | None: ...

    async def rollouts(self, deployment_id: str, listing: Listing) -> Page[Rollout]: ...

    async def rollout_count(self, deployment_id: str, listing: Listing) -> int: ...

    async def group(self, id: str) -> ReplicaGroup | None: ...

    async def groups(self, deployment_id: str) -> Sequence[ReplicaGroup]:
        """Oldest first."""

    async def replica(self, id: str) -> Replica | None: ...

    async def present(self, deployment_id: str) -> Sequence[Replica]:
        """A deployment's replicas that have not exited, oldest first."""

    async def replicas(self, deployment_id: str, listing: Listing) -> Page[Replica]: ...

    async def replica_count(self, deployment_id: str, listing: Listing) -> int: ...

    async def rule(self, id: str) -> AutoscalingRule | None: ...

    async def rules(self, deployment_id: str) -> Sequence[AutoscalingRule]:
        """A deployment's, oldest first."""

    async def revision_replicas(self, revision_id: str, listing: Listing) -> Page[Replica]: ...

    async def revision_replica_count(self, revision_id: str, listing: Listing) -> int: ...

    async def file(self, id: str) -> File | None: ...

    async def batch_job(self, id: str) -> Batch | None: ...

    async def batch_profile(self, id: str) -> BatchProfile | None: ...

    async def external_endpoint(self, id: str) -> ExternalEndpoint | None: ...

    async def batch_results(self, batch: Batch, after: str | None, first: int) -> ResultPage:
        """What is committed of it behind the cursor; raises CursorInvalid."""

    async def logs(self, replica: Replica, tail: int) -> Sequence[str]: ...

    async def command(self, replica: Replica) -> Sequence[Sequence[str]]: ...


class Context(Protocol):
    @property
    def caller(self) -> Caller: ...

    @property
    def loads(self) -> Loads: ...


Info: TypeAlias = strawberry.Info[Context, Any]
