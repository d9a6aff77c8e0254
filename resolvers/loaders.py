"""What fields load, read together: one statement for all fields of one kind, however many rows.

Loaders live as long as one operation, or one event of a subscription.
"""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from functools import partial
from typing import Generic, TypeVar

from strawberry.dataloader import DataLoader

from domain.access.access import Caller, Owned, Project
from domain.autoscaling.rule import AutoscalingRule
from domain.batches.batch import Batch
from domain.batches.external_endpoint import ExternalEndpoint
from domain.batches.profile import BatchProfile
from domain.batches.result_page import ResultPage
from domain.batches.results import Results
from domain.definitions.resolution import Drift
from domain.definitions.service import Definitions
from domain.deployments.deployment import Deployment, Revision, RevisionHead
from domain.deployments.replica import Replica, ReplicaGroup
from domain.deployments.replicas import Replicas
from domain.deployments.rollout import Rollout
from domain.files.file import File
from domain.folders.folder import Folder
from domain.listing import Listing, Page
from domain.secrets.secret import Secret
from domain.templates.template import Template
from domain.webhooks.webhook import Delivery, Webhook
from domain.work import Reads

T = TypeVar("T")
V = TypeVar("V", bound=Owned)
NO_REVISIONS: Page[RevisionHead] = Page((), has_next=False)
NO_ROLLOUTS: Page[Rollout] = Page((), has_next=False)
NO_REPLICAS: Page[Replica] = Page((), has_next=False)
NONE_LIVE: Rollout | None = None
NO_GROUPS: Sequence[ReplicaGroup] = ()
NONE_PRESENT: Sequence[Replica] = ()
NO_RULES: Sequence[AutoscalingRule] = ()
NO_DELIVERIES: Sequence[Delivery] = ()
DELIVERIES_SHOWN = 20


class Loaders:
    """Implements `schema.context.Loads` for one caller."""

    __slots__ = (
        "_batch_jobs",
        "_batch_profiles",
        "_caller",
        "_definitions",
        "_deliveries",
        "_deployments",
        "_external_endpoints",
        "_files",
        "_folders",
        "_group",
        "_groups",
        "_heads",
        "_live",
        "_present",
        "_projects",
        "_reads",
        "_replica",
        "_replica_counts",
        "_replica_pages",
        "_replicas",
        "_results",
        "_revision_counts",
        "_revision_pages",
        "_revision_replica_counts",
        "_revision_replica_pages",
        "_revisions",
        "_rollout",
        "_rollout_counts",
        "_rollout_pages",
        "_rule",
        "_rules",
        "_secret_users",
        "_secrets",
        "_templates",
        "_webhooks",
    )

    def __init__(
        self,
        reads: Reads,
        definitions: Definitions,
        replicas: Replicas,
        results: Results,
        caller: Caller,
    ) -> None:
        self._reads = reads
        self._definitions = definitions
        self._replicas = replicas
        self._results = results
        self._caller = caller
        self._projects = DataLoader[str, Project | None](load_fn=self._load_projects)
        self._folders = self._by_id(reads.folders.by_ids)
        self._templates = self._by_id(reads.templates.by_ids)
        self._secrets = self._by_id(reads.secrets.by_ids)
        self._webhooks = self._by_id(reads.webhooks.by_ids)
        newest = partial(reads.webhooks.deliveries, limit=DELIVERIES_SHOWN)
        self._deliveries = _of_each(newest, NO_DELIVERIES)
        self._deployments = self._by_id(reads.deployments.by_ids)
        self._revisions = self._by_id(reads.revisions.by_ids)
        self._heads = self._by_id(reads.revisions.heads)
        self._revision_pages = ByListing(reads.revisions.pages, NO_REVISIONS)
        self._revision_counts = ByListing(reads.revisions.counts, 0)
        self._rollout = self._by_id(reads.rollouts.by_ids)
        self._live = _of_each(reads.rollouts.live, NONE_LIVE)
        self._rollout_pages = ByListing(reads.rollouts.pages, NO_ROLLOUTS)
        self._rollout_counts = ByListing(reads.rollouts.counts, 0)
        self._group = self._by_id(reads.groups.by_ids)
        self._groups = _of_each(reads.groups.of, NO_GROUPS)
        self._replica = self._by_id(reads.replicas.by_ids)
        self._present = _of_each(reads.replicas.present, NONE_PRESENT)
        self._replica_pages = ByListing(reads.replicas.pages, NO_REPLICAS)
        self._replica_counts = ByListing(reads.replicas.counts, 0)
        self._rule = self._by_id(reads.rules.by_ids)
        self._rules = _of_each(reads.rules.of, NO_RULES)
        self._files = self._by_id(reads.files.by_ids)
        self._batch_jobs = self._by_id(reads.batches.by_ids)
        self._batch_profiles = self._by_id(reads.batch_profiles.by_ids)
        self._external_endpoints = self._by_id(reads.external_endpoints.by_ids)
        of_revisions = partial(reads.replicas.pages, of="revision_id")
        self._revision_replica_pages = ByListing(of_revisions, NO_REPLICAS)
        counted = partial(reads.replicas.counts, of="revision_id")
        self._revision_replica_counts = ByListing(counted, 0)
        self._secret_users: DataLoader[tuple[str, str], Sequence[str]] = DataLoader(
            load_fn=self._load_users
        )

    async def project(self, id: str) -> Project | None:
        return await self._projects.load(id)

    async def folder(self, id: str) -> Folder | None:
        return await self._folders.load(id)

    async def template(self, id: str) -> Template | None:
        return await self._templates.load(id)

    async def secret(self, id: str) -> Secret | None:
        return await self._secrets.load(id)

    async def webhook(self, id: str) -> Webhook | None:
        return await self._webhooks.load(id)

    async def deliveries(self, webhook_id: str) -> Sequence[Delivery]:
        return await self._deliveries.load(webhook_id)

    async def deployment(self, id: str) -> Deployment | None:
        return await self._deployments.load(id)

    async def revision(self, id: str) -> Revision | None:
        return await self._revisions.load(id)

    async def revision_head(self, id: str) -> RevisionHead | None:
        return await self._heads.load(id)

    async def revisions(self, deployment_id: str, listing: Listing) -> Page[RevisionHead]:
        return await self._revision_pages.load(deployment_id, listing)

    async def revision_count(self, deployment_id: str, listing: Listing) -> int:
        return await self._revision_counts.load(deployment_id, listing)

    async def secret_users(self, secret: Secret) -> Sequence[str]:
        return await self._secret_users.load((secret.project_id, secret.name))

    async def drift(self, revision: Revision) -> Drift:
        return await self._definitions.drift(revision)

    async def rollout(self, id: str) -> Rollout | None:
        return await self._rollout.load(id)

    async def live_rollout(self, deployment_id: str) -> Rollout | None:
        return await self._live.load(deployment_id)

    async def rollouts(self, deployment_id: str, listing: Listing) -> Page[Rollout]:
        return await self._rollout_pages.load(deployment_id, listing)

    async def rollout_count(self, deployment_id: str, listing: Listing) -> int:
        return await self._rollout_counts.load(deployment_id, listing)

    async def group(self, id: str) -> ReplicaGroup | None:
        return await self._group.load(id)

    async def groups(self, deployment_id: str) -> Sequence[ReplicaGroup]:
        return await self._groups.load(deployment_id)

    async def replica(self, id: str) -> Replica | None:
        return await self._replica.load(id)

    async def present(self, deployment_id: str) -> Sequence[Replica]:
        return await self._present.load(deployment_id)

    async def replicas(self, deployment_id: str, listing: Listing) -> Page[Replica]:
        return await self._replica_pages.load(deployment_id, listing)

    async def replica_count(self, deployment_id: str, listing: Listing) -> int:
        return await self._replica_counts.load(deployment_id, listing)

    async def rule(self, id: str) -> AutoscalingRule | None:
        return await self._rule.load(id)

    async def rules(self, deployment_id: str) -> Sequence[AutoscalingRule]:
        return await self._rules.load(deployment_id)

    async def revision_replicas(self, revision_id: str, listing: Listing) -> Page[Replica]:
        return await self._revision_replica_pages.load(revision_id, listing)

    async def revision_replica_count(self, revision_id: str, listing: Listing) -> int:
        return await self._revision_replica_counts.load(revision_id, listing)

    async def file(self, id: str) -> File | None:
        return await self._files.load(id)

    async def batch_job(self, id: str) -> Batch | None:
        return await self._batch_jobs.load(id)

    async def batch_profile(self, id: str) -> BatchProfile | None:
        return await self._batch_profiles.load(id)

    async def external_endpoint(self, id: str) -> ExternalEndpoint | None:
        return await self._external_endpoints.load(id)

    async def batch_results(self, batch: Batch, after: str | None, first: int) -> ResultPage:
        return await self._results.page(batch, after, first)

    async def logs(self, replica: Replica, tail: int) -> Sequence[str]:
        return await self._replicas.logs(self._caller, replica, tail)

    async def command(self, replica: Replica) -> Sequence[Sequence[str]]:
        revision = await self.revision(replica.revision_id)
        assert revision is not None, "revisions are never deleted"
        return await self._replicas.command(self._caller, replica, revision)

    def _by_id(
        self, read: Callable[[list[str]], Awaitable[Mapping[str, V]]]
    ) -> DataLoader[str, V | None]:
        async def load(ids: list[str]) -> list[V | None]:
            found = await read(ids)
            seen = {k: v for k, v in found.items() if self._caller.sees(v.project_id)}
            return list(map(seen.get, ids))

        return DataLoader(load_fn=load)

    async def _load_projects(self, ids: list[str]) -> list[Project | None]:
        found = await self._reads.projects.by_ids(list(filter(self._caller.sees, ids)))
        return list(map(found.get, ids))

    async def _load_users(self, keys: list[tuple[str, str]]) -> list[Sequence[str]]:
        names: dict[str, list[str]] = defaultdict(list)
        for project_id, name in keys:
            names[project_id].append(name)
        found = {
            (project_id, name): users
            for project_id, wanted in names.items()
            for name, users in (await self._reads.secrets.used_by(project_id, wanted)).items()
        }
        return [found.get(key, ()) for key in keys]


def _of_each(
    read: Callable[[list[str]], Awaitable[Mapping[str, T]]], nothing: T
) -> DataLoader[str, T]:
    """What each deployment (or webhook) has one of; only of those that the caller sees."""

    async def load(owner_ids: list[str]) -> list[T]:
        found = await read(owner_ids)
        return [found.get(owner_id, nothing) for owner_id in owner_ids]

    return DataLoader(load_fn=load)


class ByListing(Generic[T]):
    """One read for each distinct listing, for all owners that want it."""

    __slots__ = ("_loaders", "_nothing", "_read")

    def __init__(
        self, read: Callable[[list[str], Listing], Awaitable[Mapping[str, T]]], nothing: T
    ) -> None:
        self._read = read
        self._nothing = nothing
        self._loaders: dict[Hashable, DataLoader[str, T]] = {}

    def load(self, owner_id: str, listing: Listing) -> Awaitable[T]:
        alike = _alike(listing)
        loader = self._loaders.get(alike)
        if loader is None:
            loader = self._loaders[alike] = DataLoader(load_fn=self._reading(listing))
        return loader.load(owner_id)

    def _reading(self, listing: Listing) -> Callable[[list[str]], Awaitable[list[T]]]:
        async def load(ids: list[str]) -> list[T]:
            found = await self._read(ids, listing)
            return [found.get(owner_id, self._nothing) for owner_id in ids]

        return load


def _alike(listing: Listing) -> Hashable:
    """Equal for listings that one statement answers; `Listing` itself holds a dict."""
    order, within = listing.order, tuple(sorted(listing.within.items()))
    place = order.field, order.descending, listing.after
    shown = listing.with_deleted, listing.with_dedicated
    return listing.first, within, listing.where, place, shown
