"""The event log as a list."""

from dataclasses import dataclass
from typing import Any

import pytest

from domain.access.access import Role
from domain.autoscaling.rule import Metric
from domain.autoscaling.service import NewRule
from domain.batches.batch import TargetKind
from domain.batches.external_endpoints import NewExternalEndpoint
from domain.batches.facts import BatchJobPlaced
from domain.batches.profiles import NewProfile
from domain.deployments.deployment import Deployment
from domain.deployments.facts import (
    ReplicaBecameUnhealthy,
    ReplicaDraining,
    ReplicaProgressed,
    ReplicaStopping,
    RolledBack,
    RolloutAdvanced,
    RolloutFailed,
)
from domain.deployments.reason import Reason
from domain.deployments.rollouts import Activation
from domain.deployments.service import DeploymentPatch
from domain.deployments.strategy import BlueGreen
from domain.events import Cursor
from domain.listing import Listing, Page
from domain.webhooks.facts import WebhookGivenUp
from domain.webhooks.service import NewWebhook
from domain.work import Lists
from resolvers.limits import Limits
from resolvers.operations import Operations
from resolvers.views import Views
from schema.event_types import TYPES
from schema.relay import global_id
from tests.support.batching import Jobs
from tests.support.build import a_caller, a_server_admin
from tests.support.graph import Graph
from tests.support.house import URI, House
from tests.support.playing import Player

EVENTS = """query($first: Int! = 100, $after: String, $filter: EventFilter) {
  events(first: $first, after: $after, filter: $filter) {
    edges { cursor node { __typename cursor at actor cause } } nodes { __typename }
    pageInfo { endCursor hasNextPage } } }"""

NAMES = "query($after: String) { events(after: $after) { nodes { ... on DeploymentCreated { name } } } }"


async def kinds(graph: Graph, **said: Any) -> list[str]:
    found = (await graph.get(EVENTS, **said))["events"]
    return [node["__typename"] for node in found["nodes"]]


async def test_events_are_paged_oldest_first(graph: Graph) -> None:
    for name in ("a", "b", "c"):
        await graph.house.a_folder(name=name)
    first = (await graph.get(EVENTS, first=2))["events"]
    assert first["pageInfo"]["hasNextPage"]
    [_, edge] = first["edges"]
    assert edge["cursor"] == edge["node"]["cursor"] == first["pageInfo"]["endCursor"]
    assert edge["node"] == {
        "__typename": "FolderCreated",
        "cursor": edge["cursor"],
        "at": "2026-11-21T12:00:00Z",
        "actor": "key:tester",
        "cause": "request:r1",
    }
    rest = (await graph.get(EVENTS, first=2, after=edge["cursor"]))["events"]
    assert (len(rest["edges"]), rest["pageInfo"]["hasNextPage"]) == (1, False)
    end = (await graph.get(EVENTS, after=rest["pageInfo"]["endCursor"]))["events"]
    assert end["edges"] == []
    assert end["pageInfo"]["endCursor"] == rest["pageInfo"]["endCursor"]


async def test_an_event_shows_the_past_and_its_nodes_the_present(graph: Graph) -> None:
    folder = await graph.house.a_folder()
    deployment = await graph.house.a_deployment()
    await graph.house.folders.delete(graph.house.caller, folder.id)
    changes: DeploymentPatch = {"name": "other", "tags": ("a",)}
    await graph.house.deployments.update(graph.house.caller, deployment.id, changes)
    query = """{ events { nodes { __typename
      ... on FolderEvent { folderId folder { name } }
      ... on FolderCreated { name uri }
      ... on DeploymentEvent { deploymentId deployment { name } }
      ... on DeploymentCreated { name desiredReplicas }
      ... on DeploymentUpdated { name tags changed } } } }"""
    created, made, deleted, updated = (await graph.get(query))["events"]["nodes"]
    folder_id = global_id("ModelFolder", folder.id)
    assert created == {
        "__typename": "FolderCreated",
        "folderId": folder_id,
        "folder": None,
        "name": "llama",
        "uri": URI,
    }
    assert deleted == {"__typename": "FolderDeleted", "folderId": folder_id, "folder": None}
    assert made["name"] == "chat"
    assert made["deployment"] == {"name": "other"}
    assert updated["name"] == "other"
    assert sorted(updated["changed"]) == ["name", "tags"]


async def run_through(player: Player) -> None:
    """A deployment's life, with every fact that it can have in it."""
    house = player.house
    made, (one, two) = await player.deployed(2, strategy=BlueGreen())
    caller, rollouts = house.caller, house.rollouts
    await house.deployments.scale(caller, made.id, 2)
    new = NewRule(deployment_id=made.id, metric=Metric.IN_FLIGHT, target=4, max_replicas=2)
    rule = await house.autoscaling.create(caller, new)
    await house.autoscaling.update(caller, rule.id, {"max_replicas": 3})
    await house.autoscaling.delete(caller, rule.id)
    await rollouts.activate(caller, Activation(revision_id=two.id))
    await rollouts.activate(caller, Activation(revision_id=one.id))
    await rollouts.pause(caller, made.id)
    await rollouts.resume(caller, made.id)
    await rollouts.promote(caller, made.id)
    await rollouts.abort(caller, made.id)
    begun = await rollouts.activate(caller, Activation(revision_id=one.id))
    assert begun.rollout is not None
    replica = await player.heal(await player.start(one))
    rollout: Any = {"deployment_id": made.id, "rollout_id": begun.rollout.id, "number": 1}
    revision: Any = {"deployment_id": made.id, "revision_id": one.id, "number": 1}
    own: Any = {"deployment_id": made.id, "replica_id": replica.id, "number": 1}
    await player.record(
        made.project_id,
        RolloutAdvanced(**rollout, step=0, weight=None, healthy_replicas=1, desired_replicas=2),
        RolloutFailed(
            **rollout,
            revision_id=one.id,
            reason=Reason.TOO_MANY_EXITS,
            message="It ended.",
            log_tail=("Traceback", "MemoryError"),
        ),
        RolledBack(**revision),
        ReplicaProgressed(**own, reason=Reason.SCHEDULING, message="Its pod waits for a node."),
        ReplicaBecameUnhealthy(**own, reason=Reason.HEALTH_CHECK_FAILED, message="503"),
        ReplicaDraining(**own, reason=Reason.ROLLED_OUT),
        ReplicaStopping(**own, reason=Reason.ROLLED_OUT),
    )
    await player.promote(made.id)
    await player.exit(replica)
    await house.deployments.delete(caller, made.id)


async def run_jobs(graph: Graph) -> None:
    """Every fact of files, batch jobs, profiles and external endpoints."""
    house, jobs = graph.house, Jobs(graph.house)
    caller = house.caller
    await house.uploads.delete(caller, (await jobs.uploaded()).id)
    profile = await house.batch_profiles.create(caller, NewProfile(name="nightly"))
    await house.batch_profiles.update(caller, profile.id, {"priority": 2})
    await house.batch_profiles.delete(caller, profile.id)
    for name in ("spare", "gone"):
        remote = NewExternalEndpoint(name=name, base_url="https://host/v1", models=("m",))
        endpoint = await house.external_endpoints.create(caller, remote)
        await house.external_endpoints.update(caller, endpoint.id, {"models": ("n",)})
        if name == "gone":
            await house.external_endpoints.delete(caller, endpoint.id)
        else:
            spare = endpoint
    ended = await jobs.ended(await jobs.uploaded())
    await house.batches.retry(caller, ended.id)
    job = await jobs.progress(await jobs.running(), completed=4)
    why = "It lists the model."
    placed = BatchJobPlaced(
        batch_job_id=job.id, target=TargetKind.EXTERNAL, why=why, placed_endpoint_id=spare.id
    )
    await jobs.put(job, placed)
    await house.batches.pause(caller, job.id)
    await house.batches.resume(caller, job.id)


async def test_every_type_of_event_is_shown(graph: Graph) -> None:
    house = graph.house
    admin = a_server_admin(house.store.default.id)
    await house.access.create_project(admin, "lab")
    key, _ = await house.access.create_key("command", "ci", {})
    await house.access.revoke_key("command", key.id)
    secret = await house.secrets.create(house.caller, "S", "x")
    await house.secrets.delete(house.caller, secret.id)
    hook = NewWebhook(name="hook", url="https://a.test")
    webhook, _ = await house.webhooks.create(house.caller, hook)
    await Player(house).record(
        webhook.project_id,
        WebhookGivenUp(
            webhook_id=webhook.id, name="hook", batch_job_id="b" * 32, message="It answered 500."
        ),
    )
    await house.webhooks.delete(house.caller, webhook.id)
    folder = await house.a_folder()
    await house.folders.update(house.caller, folder.id, {"name": "b"})
    await house.folders.delete(house.caller, folder.id)
    said = {"name": "t", "runtimeVariant": "VLLM", "spec": {}}
    template = (await graph.change("createDeploymentTemplate", said, "template { id }"))["template"]
    said = {"templateId": template["id"]}
    await graph.change("updateDeploymentTemplate", {**said, "status": "ACTIVE"})
    await graph.change("deleteDeploymentTemplate", said)
    await run_through(Player(house))
    await run_jobs(graph)
    query = """query($after: String) { events(first: 100, after: $after, filter: {everyProject: true}) {
      pageInfo { endCursor } nodes { __typename cursor
      ... on FileEvent { fileId file { filename } }
      ... on FileCreated { name purpose size sha256 } ... on FileDeleted { name expired }
      ... on BatchJobEvent { batchJobId batchJob { status } }
      ... on BatchJobCreated { endpoint inputFileId retryOfId inputFile { id } retryOf { id } }
      ... on BatchJobStatusChanged { jobStatusBefore jobStatusAfter jobReason message }
      ... on BatchJobPlaced { batchTarget why placedDeploymentId placedEndpointId
        placedDeployment { name } placedEndpoint { name } }
      ... on BatchJobProgressed { total completed failed }
      ... on BatchProfileEvent { batchProfileId batchProfile { name } }
      ... on BatchProfileUpdated { name }
      ... on ExternalEndpointEvent { externalEndpointId externalEndpoint { name } }
      ... on ExternalEndpointDeleted { name }
      ... on KeyCreated { keyId name } ... on KeyRevoked { keyId }
      ... on ProjectEvent { projectId project { name } }
      ... on SecretEvent { secretId secret { name } }
      ... on WebhookEvent { webhookId webhook { name } }
      ... on WebhookCreated { name url }
      ... on WebhookGivenUp { name batchJobId message }
      ... on TemplateEvent { templateId template { name } }
      ... on TemplateUpdated { name version templateStatus }
      ... on DeploymentStatusChanged { statusBefore statusAfter reason message }
      ... on DeploymentScaled { replicasBefore replicasAfter ruleId metric measured target note }
      ... on AutoscalingRuleEvent { ruleId metric rule { id } }
      ... on AutoscalingRuleCreated { target minReplicas maxReplicas cooldownUp cooldownDown }
      ... on AutoscalingRuleUpdated { target minReplicas maxReplicas changed }
      ... on RevisionEvent { revisionId revision { number } deployment { status } }
      ... on RolloutEvent { rolloutId revisionNumber rollout { status } }
      ... on RolloutStarted { rolloutKind strategyKind note }
      ... on RolloutAdvanced { step weight healthyReplicas desiredReplicas }
      ... on RolloutPaused { reason }
      ... on RolloutSucceeded { durationSeconds }
      ... on RolloutFailed { reason message logTail }
      ... on ReplicaEvent { replicaId revisionNumber replica { status } }
      ... on ReplicaProgressed { reason message }
      ... on ReplicaExited { wanted exitCode reason message }
      ... on RevisionAdded { revisionNumber digest } } } }"""
    first = (await graph.get(query, admin))["events"]
    rest = (await graph.get(query, admin, after=first["pageInfo"]["endCursor"]))["events"]
    found = [*first["nodes"], *rest["nodes"]]
    assert {node["__typename"] for node in found} == set(TYPES)
    by_kind = {node["__typename"]: node for node in found}
    assert by_kind["TemplateUpdated"]["templateStatus"] == "ACTIVE"
    assert by_kind["KeyCreated"]["keyId"] == key.id
    assert by_kind["ProjectCreated"]["project"] == {"name": "lab"}
    assert by_kind["RevisionAdded"]["revision"] == {"number": 2}
    assert by_kind["RevisionAdded"]["deployment"] == {"status": "STOPPED"}
    changed = by_kind["DeploymentStatusChanged"]
    assert (changed["statusAfter"], changed["reason"]) == ("STOPPED", "DELETED")
    started = by_kind["RolloutStarted"]
    assert (started["rolloutKind"], started["strategyKind"]) == ("ACTIVATION", "BLUE_GREEN")
    assert started["rollout"] == {"status": "SUCCEEDED"}
    assert by_kind["RolloutFailed"]["logTail"] == ["Traceback", "MemoryError"]
    assert by_kind["ReplicaExited"]["replica"] == {"status": "EXITED"}
    scaled = by_kind["DeploymentScaled"]
    assert (scaled["replicasBefore"], scaled["replicasAfter"], scaled["ruleId"]) == (1, 2, None)
    repeated = by_kind["BatchJobCreated"]
    assert repeated["retryOf"] == {"id": repeated["retryOfId"]}
    assert repeated["inputFile"] == {"id": repeated["inputFileId"]}
    placed = by_kind["BatchJobPlaced"]
    assert (placed["batchTarget"], placed["why"]) == ("EXTERNAL", "It lists the model.")
    assert (placed["placedEndpoint"], placed["placedDeployment"]) == ({"name": "spare"}, None)
    assert by_kind["ExternalEndpointDeleted"]["externalEndpoint"] is None
    assert by_kind["BatchJobProgressed"]["completed"] == 4


async def test_events_are_filtered_by_type_and_subject(graph: Graph) -> None:
    request = await graph.house.a_request()
    await graph.house.a_folder()
    await graph.house.deployments.add_revision(graph.house.caller, request)
    assert await kinds(graph, filter={}) == ["DeploymentCreated", "FolderCreated", "RevisionAdded"]
    assert await kinds(graph, filter={"types": ["REVISION_ADDED"]}) == ["RevisionAdded"]
    assert await kinds(graph, filter={"types": []}) == []
    deployment = global_id("ModelDeployment", request.deployment_id)
    about = {"subjectId": deployment, "types": ["DEPLOYMENT_CREATED", "FOLDER_CREATED"]}
    assert await kinds(graph, filter=about) == ["DeploymentCreated"]
    assert await kinds(graph, filter={"subjectId": "garbage"}) == []
    assert await kinds(graph, filter={"subjectId": global_id("ModelRevision", "1")}) == []


async def test_events_are_of_the_callers_project(graph: Graph) -> None:
    await graph.house.a_folder()
    await graph.house.access.create_key("command", "ci", {})
    assert await kinds(graph) == ["FolderCreated"]
    assert await kinds(graph, caller=a_caller("f" * 32)) == []
    viewer = a_caller(graph.house.store.default.id, Role.VIEWER)
    assert await kinds(graph, caller=viewer) == ["FolderCreated"]
    every = {"everyProject": True}
    assert (await graph.ask(EVENTS, filter=every)).codes == ["FORBIDDEN"]
    admin = a_server_admin(graph.house.store.default.id)
    assert await kinds(graph, caller=admin) == ["FolderCreated"]
    assert await kinds(graph, caller=admin, filter=every) == ["FolderCreated", "KeyCreated"]


async def test_a_state_and_its_cursor_leave_nothing_between(graph: Graph) -> None:
    await graph.house.a_folder()
    head = (await graph.get("{ eventCursor }"))["eventCursor"]
    assert await kinds(graph, after=head) == []
    await graph.house.a_deployment()
    assert await kinds(graph, after=head) == ["DeploymentCreated"]


@dataclass
class BusyDeployments:
    """Whenever a page was read, there is one deployment more."""

    house: House
    lists: Lists[Deployment]

    async def page(self, listing: Listing) -> Page[Deployment]:
        found = await self.lists.page(listing)
        await self.house.a_deployment(name=f"d{len(found.items)}")
        return found

    def __getattr__(self, name: str) -> Any:
        return getattr(self.lists, name)


@pytest.mark.parametrize(
    "fields", ["{STATE} eventCursor", "eventCursor {STATE}", "...on Query{{STATE} c:eventCursor}"]
)
async def test_what_is_written_while_a_state_is_read_lies_behind_its_cursor(
    graph: Graph, fields: str
) -> None:
    reads: Any = graph.house.store.reads
    reads.deployments = BusyDeployments(graph.house, reads.deployments)
    await graph.house.a_deployment()
    query = f"{{{fields.replace('{STATE}', 'modelDeployments{nodes{name}}')}}}"
    operation = Operations(Views(graph.schema.core), Limits()).find(query, None)
    data = (await operation.execute({}, graph.context()))["data"]
    assert [node["name"] for node in data.pop("modelDeployments")["nodes"]] == ["chat"]
    [cursor] = data.values()
    told = await graph.get(NAMES, after=cursor)
    assert told["events"]["nodes"] == [{"name": "d1"}]


async def test_a_cursor_that_the_log_does_not_know_is_never_a_silent_gap(graph: Graph) -> None:
    await graph.house.a_folder()
    for after in ("garbage", "é", "", Cursor("other", 0).encode()):
        assert (await graph.ask(EVENTS, after=after)).codes == ["CURSOR_UNKNOWN"]
    epoch = (await graph.house.store.log.head()).epoch
    assert (await graph.ask(EVENTS, after=Cursor(epoch, 99).encode())).codes == ["CURSOR_UNKNOWN"]
    old = Cursor(epoch, 0).encode()
    graph.house.clock.forward(days=91)
    await graph.house.store.sweep(graph.house.clock())
    answer = await graph.ask(EVENTS, after=old)
    assert answer.codes == ["CURSOR_EXPIRED"]
    oldest = answer.errors[0]["extensions"]["oldestCursor"]
    assert await kinds(graph, after=oldest) == []


async def test_a_page_of_events_has_a_limit(graph: Graph) -> None:
    assert (await graph.ask(EVENTS, first=101)).codes == ["INVALID_VALUE"]
