"""Every operation with every role, and with another project's key."""

from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any

import pytest

from domain.access.access import Caller, Role
from domain.autoscaling.rule import Metric
from domain.autoscaling.service import NewRule
from domain.batches.batch import BatchReason
from domain.batches.external_endpoints import NewExternalEndpoint
from domain.batches.profiles import NewProfile
from domain.definitions.variants import Variant
from domain.deployments.rollouts import Activation
from domain.deployments.strategy import BlueGreen
from domain.templates.service import NewTemplate
from domain.webhooks.service import NewWebhook
from schema.relay import global_id, parse_id
from tests.support.batching import CHAT, Jobs, incoming
from tests.support.build import a_caller, a_server_admin
from tests.support.graph import Graph
from tests.support.house import URI
from tests.support.playing import Player

UPLOAD = "@upload"  # a file of a form, anew each time
ADMIN, EDITOR, VIEWER = Role.ADMIN, Role.EDITOR, Role.VIEWER


@dataclass(frozen=True, kw_only=True)
class Operation:
    """`said` may hold names of things, as "@folder"; `needs` None is the server admin alone."""

    document: str
    needs: Role | None
    said: Mapping[str, Any]


def mutation(field: str, needs: Role | None, **said: Any) -> Operation:
    kind = f"{field[0].upper()}{field[1:]}Input"
    document = f"mutation($input: {kind}!) {{ {field}(input: $input) {{ userErrors {{ code }} }} }}"
    return Operation(document=document, needs=needs, said={"input": said})


MUTATIONS = {
    "createProject": mutation("createProject", None, name="fresh"),
    "createSecret": mutation("createSecret", ADMIN, name="fresh", value="v"),
    "deleteSecret": mutation("deleteSecret", ADMIN, secretId="@secret"),
    "createWebhook": mutation("createWebhook", ADMIN, name="fresh", url="https://a.test"),
    "deleteWebhook": mutation("deleteWebhook", ADMIN, webhookId="@webhook"),
    "createModelFolder": mutation("createModelFolder", EDITOR, name="fresh", uri=URI),
    "updateModelFolder": mutation("updateModelFolder", EDITOR, folderId="@folder", name="x"),
    "deleteModelFolder": mutation("deleteModelFolder", EDITOR, folderId="@folder"),
    "createDeploymentTemplate": mutation(
        "createDeploymentTemplate", EDITOR, name="fresh", runtimeVariant="ECHO", spec={}
    ),
    "updateDeploymentTemplate": mutation(
        "updateDeploymentTemplate", EDITOR, templateId="@template", description="x"
    ),
    "deleteDeploymentTemplate": mutation(
        "deleteDeploymentTemplate", EDITOR, templateId="@template"
    ),
    "createModelDeployment": mutation("createModelDeployment", EDITOR, name="fresh"),
    "updateModelDeployment": mutation(
        "updateModelDeployment", EDITOR, deploymentId="@deployment", tags=["x"]
    ),
    "deleteModelDeployment": mutation("deleteModelDeployment", EDITOR, deploymentId="@deployment"),
    "scaleModelDeployment": mutation(
        "scaleModelDeployment", EDITOR, deploymentId="@deployment", desiredReplicas=3
    ),
    "addModelRevision": mutation(
        "addModelRevision", EDITOR, deploymentId="@deployment", runtimeVariant="ECHO"
    ),
    "activateModelRevision": mutation("activateModelRevision", EDITOR, revisionId="@revision"),
    "rollBackModelDeployment": mutation(
        "rollBackModelDeployment", EDITOR, deploymentId="@deployment", toRevisionId="@revision"
    ),
    "pauseRollout": mutation("pauseRollout", EDITOR, deploymentId="@deployment"),
    "resumeRollout": mutation("resumeRollout", EDITOR, deploymentId="@paused"),
    "abortRollout": mutation("abortRollout", EDITOR, deploymentId="@deployment"),
    "promoteRollout": mutation("promoteRollout", EDITOR, deploymentId="@deployment"),
    "createAutoscalingRule": mutation(
        "createAutoscalingRule",
        EDITOR,
        deploymentId="@deployment",
        metric="REQUEST_RATE",
        target=2.5,
        maxReplicas=4,
    ),
    "updateAutoscalingRule": mutation(
        "updateAutoscalingRule", EDITOR, ruleId="@rule", maxReplicas=9
    ),
    "deleteAutoscalingRule": mutation("deleteAutoscalingRule", EDITOR, ruleId="@rule"),
    "uploadFile": mutation("uploadFile", EDITOR, file=UPLOAD, purpose="BATCH"),
    "deleteFile": mutation("deleteFile", EDITOR, fileId="@file"),
    "createBatchJob": mutation(
        "createBatchJob", EDITOR, inputFileId="@input", endpoint=CHAT, target="ECHO"
    ),
    "cancelBatchJob": mutation("cancelBatchJob", EDITOR, batchJobId="@job"),
    "pauseBatchJob": mutation("pauseBatchJob", EDITOR, batchJobId="@job"),
    "resumeBatchJob": mutation("resumeBatchJob", EDITOR, batchJobId="@held"),
    "retryBatchJob": mutation("retryBatchJob", EDITOR, batchJobId="@ended"),
    "createBatchProfile": mutation("createBatchProfile", ADMIN, name="fresh"),
    "updateBatchProfile": mutation(
        "updateBatchProfile", ADMIN, batchProfileId="@profile", priority=2
    ),
    "deleteBatchProfile": mutation("deleteBatchProfile", ADMIN, batchProfileId="@profile"),
    "createExternalEndpoint": mutation(
        "createExternalEndpoint", ADMIN, name="fresh", baseUrl="https://host/v1", models=["m"]
    ),
    "updateExternalEndpoint": mutation(
        "updateExternalEndpoint", ADMIN, externalEndpointId="@endpoint", models=["x"]
    ),
    "deleteExternalEndpoint": mutation(
        "deleteExternalEndpoint", ADMIN, externalEndpointId="@endpoint"
    ),
}
OF_THE_PROJECT = {  # what these act on has no id: the selected project is what is checked
    "createSecret",
    "createWebhook",
    "createModelFolder",
    "createDeploymentTemplate",
    "createModelDeployment",
    "uploadFile",
    "createBatchProfile",
    "createExternalEndpoint",
}
BY_ID = {
    "modelDeployment": "@deployment",
    "modelRevision": "@revision",
    "modelFolder": "@folder",
    "deploymentTemplate": "@template",
    "rollout": "@rollout",
    "modelReplica": "@replica",
    "file": "@file",
    "batchJob": "@job",
    "batchProfile": "@profile",
    "externalEndpoint": "@endpoint",
    "node": "@deployment",
}
LISTS = (
    "modelDeployments",
    "modelRevisions",
    "modelFolders",
    "deploymentTemplates",
    "secrets",
    "webhooks",
    "events",
    "files",
    "batchJobs",
    "batchProfiles",
    "externalEndpoints",
)
OTHERWISE = {  # each has a test of its own below
    "apiVersion",
    "apiVersions",
    "compareModelRevisions",
    "eventCursor",
    "nodes",
    "previewBatchJob",
    "previewModelRevision",
    "projects",
    "runtimeVariants",
    "schemaChanges",
    "schemaElement",
    "viewer",
}


@pytest.fixture
async def things(graph: Graph) -> dict[str, str]:
    """One of each noun in the default project, by name."""
    house = graph.house
    player = Player(house)
    deployment, (revision, other) = await player.deployed(2, strategy=BlueGreen())
    begun = await house.rollouts.activate(house.caller, Activation(revision_id=other.id))
    assert begun.rollout is not None
    replica = await player.start(other)
    paused, (third,) = await player.deployed()
    await house.rollouts.activate(house.caller, Activation(revision_id=third.id))
    await house.rollouts.pause(house.caller, paused.id)
    new = NewTemplate(name="llama", variant=Variant.ECHO, spec={})
    template = await house.templates.create(house.caller, new)
    secret = await house.secrets.create(house.caller, "token", "value")
    hook = NewWebhook(name="hook", url="https://a.test")
    webhook, _ = await house.webhooks.create(house.caller, hook)
    folder = await house.a_folder()
    scaled = NewRule(deployment_id=deployment.id, metric=Metric.IN_FLIGHT, target=4, max_replicas=4)
    rule = await house.autoscaling.create(house.caller, scaled)
    jobs = Jobs(house)
    spare, taken = await jobs.uploaded(), await jobs.uploaded()
    ended = await jobs.ended(taken)
    profile = await house.batch_profiles.create(house.caller, NewProfile(name="nightly"))
    remote = NewExternalEndpoint(name="spare", base_url="https://host/v1", models=("m",))
    endpoint = await house.external_endpoints.create(house.caller, remote)
    held = await jobs.running(paused_at=house.clock(), reason=BatchReason.PAUSED)
    return {
        "@file": global_id("File", spare.id),
        "@input": global_id("File", taken.id),
        "@job": global_id("BatchJob", (await jobs.running()).id),
        "@held": global_id("BatchJob", held.id),
        "@ended": global_id("BatchJob", ended.id),
        "@profile": global_id("BatchProfile", profile.id),
        "@endpoint": global_id("ExternalEndpoint", endpoint.id),
        "@deployment": global_id("ModelDeployment", deployment.id),
        "@revision": global_id("ModelRevision", revision.id),
        "@template": global_id("DeploymentTemplate", template.id),
        "@secret": global_id("Secret", secret.id),
        "@webhook": global_id("Webhook", webhook.id),
        "@folder": global_id("ModelFolder", folder.id),
        "@rollout": global_id("Rollout", begun.rollout.id),
        "@replica": global_id("ModelReplica", replica.id),
        "@group": global_id("ReplicaGroup", replica.group_id),
        "@rule": global_id("AutoscalingRule", rule.id),
        "@paused": global_id("ModelDeployment", paused.id),
    }


def filled(said: Any, things: Mapping[str, str]) -> Any:
    if isinstance(said, Mapping):
        return {key: filled(value, things) for key, value in said.items()}
    if said == UPLOAD:
        return incoming()
    return things.get(said, said) if isinstance(said, str) else said


def stranger(graph: Graph, *, selecting: str = "elsewhere") -> Caller:
    """An admin of another project, who may select this one or their own."""
    return replace(a_caller("elsewhere", ADMIN), project_id=selecting)


async def outcome(graph: Graph, name: str, things: Mapping[str, str], caller: Caller) -> list[str]:
    """The codes of what went wrong: empty where it was done."""
    operation = MUTATIONS[name]
    answer = await graph.ask(operation.document, caller, **filled(operation.said, things))
    payload = (answer.data or {}).get(name) or {"userErrors": []}
    return [*answer.codes, *(error["code"] for error in payload["userErrors"])]


def test_every_operation_is_in_a_table(graph: Graph) -> None:
    core = graph.schema.core
    assert core.mutation_type is not None
    assert core.query_type is not None
    assert core.subscription_type is not None
    assert set(core.mutation_type.fields) == set(MUTATIONS)
    assert set(core.query_type.fields) == set(BY_ID) | set(LISTS) | OTHERWISE
    assert set(core.subscription_type.fields) == {
        "deploymentEvents",
        "events",
        "deploymentStatusChanged",
        "replicaStatusChanged",
        "replicaLogs",
        "batchJobEvents",
        "batchJobProgress",
    }


@pytest.mark.parametrize("name", MUTATIONS)
@pytest.mark.parametrize("role", Role)
async def test_a_mutation_is_done_from_its_role_on(
    graph: Graph, things: dict[str, str], name: str, role: Role
) -> None:
    needs = MUTATIONS[name].needs
    before = await graph.house.events()
    caller = a_caller(graph.house.store.default.id, role)
    may = needs is not None and role.covers(needs)
    assert await outcome(graph, name, things, caller) == ([] if may else ["FORBIDDEN"])
    assert (len(await graph.house.events()) > len(before)) is may


@pytest.mark.parametrize("name", MUTATIONS)
async def test_a_server_admin_may_do_everything(
    graph: Graph, things: dict[str, str], name: str
) -> None:
    caller = a_server_admin(graph.house.store.default.id)
    assert await outcome(graph, name, things, caller) == []


@pytest.mark.parametrize("name", MUTATIONS)
async def test_another_projects_admin_finds_nothing_to_change(
    graph: Graph, things: dict[str, str], name: str
) -> None:
    before = await graph.house.events()
    selecting = graph.house.store.default.id if name in OF_THE_PROJECT else "elsewhere"
    expected = ["FORBIDDEN"] if MUTATIONS[name].needs is None else ["NOT_FOUND"]
    caller = stranger(graph, selecting=selecting)
    assert await outcome(graph, name, things, caller) == expected
    assert await graph.house.events() == before


@pytest.mark.parametrize("field", BY_ID)
@pytest.mark.parametrize("role", Role)
async def test_what_has_an_id_is_read_by_every_role_of_its_project_alone(
    graph: Graph, things: dict[str, str], field: str, role: Role
) -> None:
    query = f"query($id: ID!) {{ {field}(id: $id) {{ id }} }}"
    wanted = things[BY_ID[field]]
    ours = a_caller(graph.house.store.default.id, role)
    assert (await graph.get(query, ours, id=wanted))[field] == {"id": wanted}
    for selecting in ("elsewhere", graph.house.store.default.id):
        theirs = stranger(graph, selecting=selecting)
        assert (await graph.get(query, theirs, id=wanted))[field] is None


@pytest.mark.parametrize("field", LISTS)
@pytest.mark.parametrize("role", Role)
async def test_lists_show_the_project_to_every_role_of_it_alone(
    graph: Graph, things: dict[str, str], field: str, role: Role
) -> None:
    query = f"{{ {field}(first: 5) {{ edges {{ cursor }} }} }}"
    ours = a_caller(graph.house.store.default.id, role)
    assert (await graph.get(query, ours))[field]["edges"]
    answer = await graph.ask(query, stranger(graph))
    assert answer.data is None or answer.data[field]["edges"] == []
    answer = await graph.ask(query, stranger(graph, selecting=graph.house.store.default.id))
    assert answer.codes == ["NOT_FOUND"]


async def test_nodes_of_another_project_are_null(graph: Graph, things: dict[str, str]) -> None:
    query = "query($ids: [ID!]!) { nodes(ids: $ids) { id } }"
    found = await graph.get(query, stranger(graph), ids=list(things.values()))
    assert found == {"nodes": [None] * len(things)}
    ours = await graph.get(query, ids=list(things.values()))
    assert [node["id"] for node in ours["nodes"]] == list(things.values())


async def test_a_preview_and_a_comparison_are_for_readers_of_the_project(
    graph: Graph, things: dict[str, str]
) -> None:
    preview = """query($id: ID!) { previewModelRevision(
        input: {deploymentId: $id, runtimeVariant: ECHO}) { digest userErrors { code } } }"""
    compare = "query($r: ID!) { compareModelRevisions(a: $r, b: $r) { differences { pointer } } }"
    viewer = graph.house.viewer()
    shown = await graph.get(preview, viewer, id=things["@deployment"])
    assert shown["previewModelRevision"]["userErrors"] == []
    same = await graph.get(compare, viewer, r=things["@revision"])
    assert same == {"compareModelRevisions": {"differences": []}}
    refused = await graph.get(preview, stranger(graph), id=things["@deployment"])
    assert refused["previewModelRevision"]["userErrors"] == [{"code": "NOT_FOUND"}]
    hidden = await graph.get(compare, stranger(graph), r=things["@revision"])
    assert hidden == {"compareModelRevisions": None}


async def test_projects_are_those_of_the_caller(graph: Graph) -> None:
    query = "{ projects { edges { node { name } } } }"
    for role in Role:
        caller = a_caller(graph.house.store.default.id, role)
        edges = (await graph.get(query, caller))["projects"]["edges"]
        assert edges == [{"node": {"name": "default"}}]
    assert (await graph.get(query, stranger(graph)))["projects"]["edges"] == []


@pytest.mark.parametrize(
    "field", ["deploymentEvents", "deploymentStatusChanged", "replicaStatusChanged"]
)
async def test_another_projects_deployment_can_not_be_followed(
    graph: Graph, things: dict[str, str], field: str
) -> None:
    query = f"subscription($id: ID!) {{ {field}(deploymentId: $id) {{ __typename }} }}"
    answers = [a async for a in graph.follow(query, stranger(graph), id=things["@deployment"])]
    assert [answer.codes for answer in answers] == [["NOT_FOUND"]]


async def test_another_projects_replicas_logs_can_not_be_followed(
    graph: Graph, things: dict[str, str]
) -> None:
    query = "subscription($id: ID!) { replicaLogs(replicaId: $id) { text } }"
    answers = [a async for a in graph.follow(query, stranger(graph), id=things["@replica"])]
    assert [answer.codes for answer in answers] == [["NOT_FOUND"]]


async def test_a_viewer_follows_what_runs(graph: Graph, things: dict[str, str]) -> None:
    logs = "subscription($id: ID!) { replicaLogs(replicaId: $id) { text } }"
    status = "subscription($id: ID!) { replicaStatusChanged(deploymentId: $id) { id } }"
    viewer = graph.house.viewer()
    own = parse_id(things["@replica"])
    assert own is not None
    graph.house.written.write(own[1], "hello")
    async with aclosing(graph.follow(logs, viewer, id=things["@replica"])) as stream:
        assert (await anext(stream)).data == {"replicaLogs": {"text": "hello"}}
    async with aclosing(graph.follow(status, viewer, id=things["@deployment"])) as stream:
        assert (await anext(stream)).data == {"replicaStatusChanged": {"id": things["@replica"]}}


@pytest.mark.parametrize("field", ["batchJobEvents", "batchJobProgress"])
async def test_another_projects_job_can_not_be_followed(
    graph: Graph, things: dict[str, str], field: str
) -> None:
    query = f"subscription($id: ID!) {{ {field}(batchJobId: $id) {{ __typename }} }}"
    answers = [a async for a in graph.follow(query, stranger(graph), id=things["@job"])]
    assert [answer.codes for answer in answers] == [["NOT_FOUND"]]


async def test_a_viewer_previews_and_follows_jobs(graph: Graph, things: dict[str, str]) -> None:
    preview = """query($input: CreateBatchJobInput!) { previewBatchJob(input: $input) {
        total userErrors { code } } }"""
    said = {"inputFileId": things["@input"], "endpoint": CHAT, "target": "ECHO"}
    shown = await graph.get(preview, graph.house.viewer(), input=said)
    assert shown == {"previewBatchJob": {"total": 2, "userErrors": []}}
    refused = await graph.get(preview, stranger(graph), input=said)
    assert refused["previewBatchJob"]["userErrors"] == [{"code": "NOT_FOUND"}]
    query = "subscription($id: ID!) { batchJobProgress(batchJobId: $id) { id } }"
    viewer = graph.house.viewer()
    async with aclosing(graph.follow(query, viewer, id=things["@job"])) as stream:
        assert (await anext(stream)).data == {"batchJobProgress": {"id": things["@job"]}}


async def test_another_projects_events_can_not_be_followed(graph: Graph) -> None:
    query = "subscription { events { __typename } }"
    selecting = graph.house.store.default.id
    answers = [a async for a in graph.follow(query, stranger(graph, selecting=selecting))]
    assert [answer.codes for answer in answers] == [["NOT_FOUND"]]
