"""The store in memory, with the semantics of the real ones: for tests of services and resolvers.

    store = MemoryStore(clock=clock)          # has the project named "default" (store.default)
    async with store.start_work("someone", "request:1") as w: ...
    await store.reads.deployments.page(...)
    store.log.follow(None, Scope())

Units of work run one after the other, on a copy that replaces the original when they commit.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from random import Random
from uuid import uuid4

from domain.access.access import ApiKey, Project
from domain.autoscaling.rule import AutoscalingRule
from domain.batches.batch import Batch
from domain.batches.dedicated import Dedicated
from domain.batches.external_endpoint import ExternalEndpoint
from domain.batches.ports import BatchClaims, Claim, ShardClaims, Workers
from domain.batches.profile import BatchProfile
from domain.clock import Clock, utc_now
from domain.deployments.deployment import Deployment, Revision
from domain.deployments.ports import Lease, Leases, PlacePorts
from domain.deployments.replica import Replica, ReplicaGroup
from domain.deployments.rollout import Rollout, RolloutStatus
from domain.errors import NotFound
from domain.events import Extent, Fact
from domain.files.file import File
from domain.folders.folder import Folder
from domain.secrets.secret import Secret
from domain.templates.template import Template
from domain.webhooks.webhook import Delivery, Webhook
from domain.work import (
    AnswerReads,
    Answers,
    BatchLists,
    DedicatedLists,
    DueLists,
    EventLog,
    ExternalEndpointLists,
    FileLists,
    FixedRows,
    GroupLists,
    KeyLists,
    Lists,
    ProfileLists,
    ProjectLists,
    Reads,
    ReplicaLists,
    RevisionLists,
    RolloutLists,
    Rows,
    RuleLists,
    SecretLists,
    Shards,
    StartWork,
    TemplateLists,
    WebhookLists,
)
from tests.support.memory_batches import (
    MemoryBatchLists,
    MemoryDedicatedLists,
    MemoryExternalEndpointLists,
    MemoryFileLists,
    MemoryProfileLists,
    MemoryWebhookLists,
)
from tests.support.memory_claims import (
    MemoryBatchClaims,
    MemoryShardClaims,
    MemoryShards,
    MemoryWorkers,
    holds,
    look_at,
)
from tests.support.memory_kept import UNIQUE, Kept, Look
from tests.support.memory_lists import (
    MemoryDueLists,
    MemoryGroupLists,
    MemoryKeyLists,
    MemoryLists,
    MemoryProjectLists,
    MemoryReplicaLists,
    MemoryRevisionLists,
    MemoryRolloutLists,
    MemoryRuleLists,
    MemorySecretLists,
    MemoryTemplateLists,
)
from tests.support.memory_log import MemoryLog
from tests.support.memory_planes import (
    MemoryGateways,
    MemoryLeases,
    MemoryPlacePorts,
    claim_host,
    prune_replicas,
)
from tests.support.memory_rows import MemoryAnswers, MemoryRows, require_storable

REPLICA_PORTS = range(20_000, 30_000)


class MemoryStore:
    """Same attributes as infra.store.Store: start_work, reads, log, leases, gateways, place_ports,
    batch_claims, shard_claims, workers, installation; sweep and renew_epoch for tests."""

    def __init__(self, clock: Clock = utc_now, replica_ports: range = REPLICA_PORTS) -> None:
        self.default = Project(id=uuid4().hex, name="default", created_at=clock())
        self._kept = kept = Kept(tables={kind: {} for kind in UNIQUE})
        kept.extent = Extent(epoch=uuid4().hex, swept=0, head=0)
        kept.tables["project"][self.default.id] = self.default
        self._clock = clock
        self._log = MemoryLog(kept)
        self.log: EventLog = self._log
        self.reads: Reads = MemoryReads(kept)
        self.start_work: StartWork = self._start_work
        self.leases: Leases = MemoryLeases(kept)
        self.gateways = MemoryGateways(kept)
        self.place_ports: PlacePorts = MemoryPlacePorts(kept, replica_ports, Random())
        self.batch_claims: BatchClaims = MemoryBatchClaims(kept)
        self.shard_claims: ShardClaims = MemoryShardClaims(kept)
        self.workers: Workers = MemoryWorkers(kept)
        self.installation = uuid4().hex

    @asynccontextmanager
    async def _start_work(self, actor: str, cause: str) -> AsyncIterator["MemoryWork"]:
        async with self._kept.turn:
            draft = self._kept.draft()
            work = MemoryWork(draft)
            yield work
            if draft.refusal is not None:
                raise draft.refusal
            self._kept.accept(draft)
            if work.facts:
                at = self._clock()
                for project_id, fact in work.facts:
                    self._kept.append(at, project_id, actor, cause, fact)
                self._log.wake()

    async def forget_deliveries(self, before: datetime) -> None:
        deliveries = self._kept.tables["delivery"]
        for each in list(deliveries.values()):
            if each.finished_at is not None and each.finished_at < before:
                del deliveries[each.id]

    async def prune_replicas(self) -> int:
        return await prune_replicas(self._kept)

    async def claim_host(self, host: str, plane: str, now: datetime, until: datetime) -> None:
        await claim_host(self._kept, host, plane, now, until)

    async def sweep(self, before: datetime) -> int:
        """As infra.store.Store.sweep."""
        kept = self._kept
        young = [e.position for e in kept.events if e.at >= before]
        swept = min(young) - 1 if young else kept.extent.head
        gone = [e for e in kept.events if e.position <= swept]
        kept.events = kept.events[len(gone) :]
        kept.extent = replace(kept.extent, swept=max(swept, kept.extent.swept))
        return len(gone)

    async def renew_epoch(self) -> None:
        self._kept.extent = replace(self._kept.extent, epoch=uuid4().hex)
        self._log.wake()

    async def ping(self) -> None:
        return None


class MemoryWork:
    def __init__(self, kept: Kept) -> None:
        self._kept = kept
        self.facts: list[tuple[str | None, Fact]] = []
        self.projects: Rows[Project] = MemoryRows(kept, "project")
        self.keys: Rows[ApiKey] = MemoryRows(kept, "key")
        self.secrets: Rows[Secret] = MemoryRows(kept, "secret")
        self.folders: Rows[Folder] = MemoryRows(kept, "folder")
        self.templates: Rows[Template] = MemoryRows(kept, "template")
        self.deployments: Rows[Deployment] = MemoryRows(kept, "deployment")
        self.revisions: FixedRows[Revision] = MemoryRows(kept, "revision")
        self.rollouts: Rows[Rollout] = MemoryRows(kept, "rollout")
        self.groups: Rows[ReplicaGroup] = MemoryRows(kept, "replica group")
        self.replicas: Rows[Replica] = MemoryRows(kept, "replica")
        self.rules: Rows[AutoscalingRule] = MemoryRows(kept, "autoscaling rule")
        self.files: Rows[File] = MemoryRows(kept, "file")
        self.batches: Rows[Batch] = MemoryRows(kept, "batch")
        self.batch_shards: Shards = MemoryShards(kept)
        self.batch_profiles: Rows[BatchProfile] = MemoryRows(kept, "batch profile")
        self.external_endpoints: Rows[ExternalEndpoint] = MemoryRows(kept, "external endpoint")
        self.dedicated: Rows[Dedicated] = MemoryRows(kept, "dedicated deployment")
        self.webhooks: Rows[Webhook] = MemoryRows(kept, "webhook")
        self.deliveries: Rows[Delivery] = MemoryRows(kept, "delivery")
        self.answers: Answers = MemoryAnswers(kept)

    async def live_rollout(self, deployment_id: str) -> Rollout | None:
        mine = (r for r in self._rollouts(deployment_id) if r.is_live)
        return next(mine, None)

    async def has_replicas(self, deployment_id: str) -> bool:
        replicas = self._kept.tables["replica"].values()
        return any(r.deployment_id == deployment_id and r.exited_at is None for r in replicas)

    async def last_promoted(self, deployment_id: str, but: str) -> str | None:
        ended = [
            (rollout.finished_at, rollout.created_at, rollout.revision_id)
            for rollout in self._rollouts(deployment_id)
            if rollout.status is RolloutStatus.SUCCEEDED and rollout.revision_id != but
        ]
        return max(ended)[2] if ended else None

    async def look(self, deployment_id: str, at: datetime | None) -> None:
        look = self._kept.looks.get(deployment_id)
        if look is None:
            raise NotFound(kind="deployment", id=deployment_id)
        due = replace(look.due, asked=look.due.asked + 1)
        self._kept.looks[deployment_id] = Look(due, at)

    async def holds(self, lease: Lease) -> bool:
        shard = self._kept.shards[lease.shard]
        return shard.owner is not None and shard.token == lease.token

    async def look_at_batch(self, batch_id: str, at: datetime | None) -> None:
        look_at(self._kept, batch_id, at)

    async def holds_batch(self, claim: Claim) -> bool:
        return holds(self._kept.batch_looks.get(claim.batch_id), claim)

    async def needs_file(self, file_id: str) -> bool:
        return any(batch.input_file_id == file_id for batch in self._active_batches())

    async def active_batches(self, project_id: str, profile_id: str | None) -> int:
        wanted = (project_id, profile_id)
        return sum((b.project_id, b.profile_id) == wanted for b in self._active_batches())

    async def default_profile(self, project_id: str) -> BatchProfile | None:
        profiles = self._kept.tables["batch profile"].values()
        return next((p for p in profiles if p.project_id == project_id and p.is_default), None)

    async def needs_endpoint(self, endpoint: ExternalEndpoint) -> bool:
        return any(
            batch.wish.endpoint == endpoint.name
            if batch.place is None
            else batch.place.external_endpoint_id == endpoint.id
            for batch in self._active_batches()
            if batch.project_id == endpoint.project_id
        )

    async def latest_template_version(self, project_id: str, name: str) -> int:
        templates = self._kept.tables["template"].values()
        mine = [t.version for t in templates if (t.project_id, t.name) == (project_id, name)]
        return max(mine, default=0)

    def record(self, project_id: str | None, fact: Fact) -> None:
        require_storable(fact)
        self.facts.append((project_id, fact))

    def _active_batches(self) -> list[Batch]:
        return [batch for batch in self._kept.tables["batch"].values() if not batch.is_final]

    def _rollouts(self, deployment_id: str) -> list[Rollout]:
        rollouts = self._kept.tables["rollout"].values()
        return [rollout for rollout in rollouts if rollout.deployment_id == deployment_id]


class MemoryReads:
    def __init__(self, kept: Kept) -> None:
        self.projects: ProjectLists = MemoryProjectLists(kept, "project")
        self.keys: KeyLists = MemoryKeyLists(kept, "key")
        self.secrets: SecretLists = MemorySecretLists(kept, "secret")
        self.folders: Lists[Folder] = MemoryLists(kept, "folder")
        self.templates: TemplateLists = MemoryTemplateLists(kept, "template")
        self.deployments: Lists[Deployment] = MemoryLists(kept, "deployment")
        self.revisions: RevisionLists = MemoryRevisionLists(kept, "revision")
        self.rollouts: RolloutLists = MemoryRolloutLists(kept, "rollout")
        self.groups: GroupLists = MemoryGroupLists(kept, "replica group")
        self.replicas: ReplicaLists = MemoryReplicaLists(kept, "replica")
        self.rules: RuleLists = MemoryRuleLists(kept, "autoscaling rule")
        self.due: DueLists = MemoryDueLists(kept)
        self.files: FileLists = MemoryFileLists(kept, "file")
        self.batches: BatchLists = MemoryBatchLists(kept, "batch")
        self.batch_profiles: ProfileLists = MemoryProfileLists(kept, "batch profile")
        self.external_endpoints: ExternalEndpointLists = MemoryExternalEndpointLists(
            kept, "external endpoint"
        )
        self.dedicated: DedicatedLists = MemoryDedicatedLists(kept, "dedicated deployment")
        self.webhooks: WebhookLists = MemoryWebhookLists(kept, "webhook")
        self.answers: AnswerReads = MemoryAnswers(kept)
