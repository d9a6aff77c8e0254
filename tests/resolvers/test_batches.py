"""Batch jobs through the API."""

from datetime import timedelta
from typing import Any

import pytest

from domain.batches.batch import (
    BatchReason,
    BatchStatus,
    InputError,
    Place,
    Retry,
    TargetKind,
    Terms,
    Usage,
)
from domain.listing import Listing, Page
from schema.relay import global_id
from tests.support.batches import a_profile, an_external_endpoint
from tests.support.batching import CHAT, Jobs, answered, line
from tests.support.graph import Graph

ALL = """query($id: ID!) { batchJob(id: $id) {
  id openaiId status statusSince reason message endpoint model completionWindow expiresAt
  outputExpiresAfter priority maxConcurrency requestTimeout replicas keepAlive createdAt createdBy
  inProgressAt finalizingAt completedAt failedAt expiredAt cancellingAt cancelledAt pausedAt
  metadata { key value } retry { attempts first longest } counts { total completed failed }
  usage { inputTokens cachedTokens outputTokens reasoningTokens totalTokens }
  errors { code message param line } target targetReason revisionNumber
  project { name } inputFile { id } outputFile { id } errorFile { id } deployment { name }
  externalEndpoint { name } template { name } profile { name } retryOf { id } } }"""
LIST = """query($first: Int! = 20, $after: String, $filter: BatchJobFilter, $orderBy: BatchJobOrder) {
  batchJobs(first: $first, after: $after, filter: $filter, orderBy: $orderBy) {
    totalCount nodes { id status } pageInfo { hasNextPage endCursor } } }"""
RESULTS = """query($id: ID!, $first: Int! = 100, $after: String) { batchJob(id: $id) {
  results(first: $first, after: $after) {
    nodes { id customId isError response { statusCode requestId body revision replica }
      error { code message } }
    edges { cursor node { customId } } pageInfo { hasNextPage endCursor } } } }"""
PREVIEW = """query($input: CreateBatchJobInput!) { previewBatchJob(input: $input) {
  total model errors { code line param } target targetReason deployment { name }
  externalEndpoint { name } userErrors { code path } } }"""
NOON = "2026-11-21T12:00:00Z"


@pytest.fixture
def jobs(graph: Graph) -> Jobs:
    return Jobs(graph.house)


def of(own: str) -> str:
    return global_id("BatchJob", own)


async def listed(graph: Graph, **said: Any) -> list[str]:
    return [node["id"] for node in (await graph.get(LIST, **said))["batchJobs"]["nodes"]]


async def test_a_job_is_made_of_a_file_and_shown_whole(graph: Graph, jobs: Jobs) -> None:
    file = await jobs.uploaded()
    said = {
        "inputFileId": global_id("File", file.id),
        "endpoint": CHAT,
        "completionWindow": "90m",
        "metadata": [{"key": "team", "value": "search"}],
        "outputExpiresAfter": "P2D",
        "target": "ECHO",
        "priority": 7,
        "maxConcurrency": 4,
        "requestTimeout": "PT30S",
        "retry": {"attempts": 2},
    }
    answer = await graph.change("createBatchJob", said, "batchJob { id }")
    made = answer["batchJob"]
    assert answer["userErrors"] == []
    within = {"project_id": graph.house.store.default.id}
    [kept] = (await graph.house.store.reads.batches.page(Listing(first=2, within=within))).items
    assert kept.wish.target is TargetKind.ECHO
    assert (await graph.get(ALL, id=made["id"]))["batchJob"] == {
        "id": of(kept.id),
        "openaiId": f"batch_{kept.id}",
        "status": "VALIDATING",
        "statusSince": NOON,
        "reason": None,
        "message": "",
        "endpoint": CHAT,
        "model": None,
        "completionWindow": "90m",
        "expiresAt": "2026-11-21T13:30:00Z",
        "outputExpiresAfter": "PT48H",
        "priority": 7,
        "maxConcurrency": 4,
        "requestTimeout": "PT30S",
        "replicas": None,
        "keepAlive": "PT0S",
        "createdAt": NOON,
        "createdBy": "key:tester",
        **dict.fromkeys(
            ("inProgressAt", "finalizingAt", "completedAt", "failedAt", "expiredAt",
             "cancellingAt", "cancelledAt", "pausedAt", "target", "targetReason", "revisionNumber",
             "outputFile", "errorFile", "deployment", "externalEndpoint", "template", "profile",
             "retryOf")
        ),
        "metadata": [{"key": "team", "value": "search"}],
        "retry": {"attempts": 2, "first": "PT0.5S", "longest": "PT30S"},
        "counts": {"total": 0, "completed": 0, "failed": 0},
        "usage": dict.fromkeys(
            ("inputTokens", "cachedTokens", "outputTokens", "reasoningTokens", "totalTokens"), 0
        ),
        "errors": [],
        "project": {"name": "default"},
        "inputFile": {"id": global_id("File", file.id)},
    }  # fmt: skip


async def test_a_job_shows_where_it_runs_and_what_came_of_it(graph: Graph, jobs: Jobs) -> None:
    house = graph.house
    deployment = await house.a_deployment()
    profile = a_profile(house.store.default, name="nightly")
    endpoint = an_external_endpoint(house.store.default, name="spare")
    async with house.store.start_work("ada", "request:1") as work:
        await work.batch_profiles.add(profile)
        await work.external_endpoints.add(endpoint)
    first = await jobs.running()
    here = Place(
        target=TargetKind.DEPLOYMENT, why="It serves it.", deployment_id=deployment.id, revision_number=2
    )  # fmt: skip
    job = await jobs.running(
        place=here,
        profile_id=profile.id,
        retry_of=first.id,
        completed=3,
        failed=1,
        usage=Usage(input_tokens=5_000_000_000, total_tokens=5_000_000_001),
        terms=Terms(retry=Retry(attempts=9)),
        reason=BatchReason.ONLINE_FIRST,
        message="All is taken.",
    )
    shown = (await graph.get(ALL, id=of(job.id)))["batchJob"]
    assert (shown["target"], shown["targetReason"]) == ("DEPLOYMENT", "It serves it.")
    assert (shown["deployment"], shown["revisionNumber"]) == ({"name": "chat"}, 2)
    assert shown["profile"] == {"name": "nightly"}
    assert shown["retryOf"] == {"id": of(first.id)}
    assert shown["counts"] == {"total": 10, "completed": 3, "failed": 1}
    assert shown["usage"]["inputTokens"] == 5_000_000_000
    assert (shown["reason"], shown["message"]) == ("ONLINE_FIRST", "All is taken.")
    there = Place(target=TargetKind.EXTERNAL, why="x", external_endpoint_id=endpoint.id)
    shown = (await graph.get(ALL, id=of((await jobs.running(place=there)).id)))["batchJob"]
    assert shown["externalEndpoint"] == {"name": "spare"}


async def test_a_refused_input_is_told_line_by_line(graph: Graph, jobs: Jobs) -> None:
    wrong = InputError(code="invalid_body", message="No.", param="body", line=7)
    none = InputError(code="empty_file", message="Nothing.")
    status, now = BatchStatus.FAILED, graph.house.clock()
    job = await jobs.kept(status=status, failed_at=now, errors=(wrong, none))
    assert (await graph.get(ALL, id=of(job.id)))["batchJob"]["errors"] == [
        {"code": "invalid_body", "message": "No.", "param": "body", "line": 7},
        {"code": "empty_file", "message": "Nothing.", "param": None, "line": None},
    ]


async def test_an_id_of_the_openai_compatible_api_is_one_here_too(graph: Graph, jobs: Jobs) -> None:
    job, file = await jobs.running(), await jobs.uploaded()
    found = await graph.get("query($id: ID!) { batchJob(id: $id) { id } }", id=f"batch_{job.id}")
    assert found["batchJob"]["id"] == of(job.id)
    query = "query($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }"
    nodes = (await graph.get(query, ids=[f"batch_{job.id}", f"file-{file.id}"]))["nodes"]
    assert [node["__typename"] for node in nodes] == ["BatchJob", "File"]
    said = {"inputFileId": f"file-{file.id}", "endpoint": CHAT, "target": "ECHO"}
    made = await graph.change("createBatchJob", said, "batchJob { inputFile { id } }")
    assert made["batchJob"]["inputFile"] == {"id": global_id("File", file.id)}
    for wrong in ("batch_", f"batch_{job.id[1:]}", f"file_{job.id}", f"batch_{job.id.upper()}x"):
        assert (await graph.get("query($id: ID!) { batchJob(id: $id) { id } }", id=wrong)) == {
            "batchJob": None
        }


async def test_jobs_are_listed_newest_first_and_filtered(graph: Graph, jobs: Jobs) -> None:
    house = graph.house
    old = await jobs.kept(endpoint="/v1/embeddings", created_at=house.clock())
    house.clock.forward(hours=1)
    done = await jobs.completed(created_at=house.clock())
    house.clock.forward(hours=1)
    new = await jobs.running(
        model="llama", reason=BatchReason.QUEUED, retry_of=done.id, created_at=house.clock()
    )
    ids = [of(each.id) for each in (new, done, old)]
    assert await listed(graph) == ids
    assert await listed(graph, orderBy={"field": "CREATED_AT"}) == ids[::-1]
    for said, wanted in (
        ({"status": {"in": ["COMPLETED", "FAILED"]}}, [done]),
        ({"reason": {"eq": "QUEUED"}}, [new]),
        ({"endpoint": {"eq": "/v1/embeddings"}}, [old]),
        ({"model": {"startsWith": "LLA"}}, [new]),
        ({"createdAt": {"gt": NOON}}, [new, done]),
        ({"inputFileId": {"eq": global_id("File", old.input_file_id)}}, [old]),
        ({"retryOf": {"eq": of(done.id)}}, [new]),
        ({"id": {"eq": f"batch_{done.id}"}}, [done]),
        ({"not": {"status": {"eq": "VALIDATING"}}}, [new, done]),
    ):
        assert await listed(graph, filter=said) == [of(each.id) for each in wanted], said


async def test_a_list_goes_on_behind_its_cursor_in_every_order(graph: Graph, jobs: Jobs) -> None:
    for _ in range(3):
        await jobs.running()
    for order in (None, {"field": "STATUS"}, {"field": "EXPIRES_AT", "direction": "DESC"}):
        whole = await listed(graph, orderBy=order)
        first = (await graph.get(LIST, first=2, orderBy=order))["batchJobs"]
        assert (first["totalCount"], first["pageInfo"]["hasNextPage"]) == (3, True)
        after = first["pageInfo"]["endCursor"]
        rest = await listed(graph, after=after, orderBy=order)
        assert [node["id"] for node in first["nodes"]] + rest == whole


async def test_what_is_wrong_with_a_new_job_is_told_at_its_place(graph: Graph, jobs: Jobs) -> None:
    file = await jobs.uploaded()
    good = {"inputFileId": global_id("File", file.id), "endpoint": CHAT, "target": "ECHO"}
    pair = {"key": "a", "value": "b"}
    for said, code, path in (
        ({"inputFileId": "garbage"}, "NOT_FOUND", "inputFileId"),
        ({"inputFileId": of(file.id)}, "NOT_FOUND", "inputFileId"),
        ({"inputFileId": global_id("File", "f" * 32)}, "NOT_FOUND", "inputFileId"),
        ({"endpoint": "/v1/images"}, "INVALID_VALUE", "endpoint"),
        ({"completionWindow": "1y"}, "INVALID_VALUE", "completionWindow"),
        ({"metadata": [pair, pair]}, "INVALID_VALUE", "metadata.1.key"),
        ({"metadata": [{"key": "a", "value": "v" * 513}]}, "INVALID_VALUE", "metadata.a"),
        ({"outputExpiresAfter": 1}, "INVALID_VALUE", "outputExpiresAfter"),
        ({"priority": 11}, "INVALID_VALUE", "priority"),
        ({"maxConcurrency": 0}, "INVALID_VALUE", "maxConcurrency"),
        ({"requestTimeout": 0}, "INVALID_VALUE", "requestTimeout"),
        ({"retry": {"attempts": 0}}, "INVALID_VALUE", "retry.attempts"),
        ({"keepAlive": "P2D"}, "INVALID_VALUE", "keepAlive"),
        ({"profile": "nightly"}, "NOT_FOUND", "profile"),
        ({"target": "EXTERNAL", "externalEndpoint": "spare"}, "NOT_FOUND", "externalEndpoint"),
        ({"target": "DEPLOYMENT", "deployment": "chat"}, "NOT_FOUND", "deployment"),
        ({"target": "DEDICATED", "template": {"name": "t"}}, "NOT_FOUND", "template.name"),
        (
            {"target": "DEDICATED", "template": {"name": "t", "overrides": []}},
            "INVALID_VALUE",
            "template.overrides",
        ),
    ):
        error = await graph.refusal("createBatchJob", {**good, **said})
        assert (error["code"], ".".join(error["path"])) == (code, f"input.{path}"), said
    assert await listed(graph) == []


async def test_the_same_key_makes_one_job(graph: Graph, jobs: Jobs) -> None:
    file = await jobs.uploaded()
    said = {"inputFileId": global_id("File", file.id), "endpoint": CHAT, "target": "ECHO"}
    said["idempotencyKey"] = "k"
    first = await graph.change("createBatchJob", said, "batchJob { id }")
    assert await graph.change("createBatchJob", said, "batchJob { id }") == first
    error = await graph.refusal("createBatchJob", {**said, "priority": 2})
    assert error["code"] == "IDEMPOTENCY_KEY_REUSED"


async def test_a_preview_reads_the_file_and_makes_nothing(graph: Graph, jobs: Jobs) -> None:
    file = await jobs.uploaded(line(1), "", line(2))
    before = await graph.house.events()
    said = {"inputFileId": global_id("File", file.id), "endpoint": CHAT, "target": "ECHO"}
    shown = (await graph.get(PREVIEW, input=said))["previewBatchJob"]
    assert (shown["total"], shown["model"], shown["target"]) == (2, "chat", "ECHO")
    assert (shown["errors"], shown["userErrors"]) == ([], [])
    assert shown["targetReason"]
    broken = await jobs.uploaded(line(1), line(1), "{")
    said["inputFileId"] = global_id("File", broken.id)
    shown = (await graph.get(PREVIEW, input=said))["previewBatchJob"]
    assert [(e["code"], e["line"]) for e in shown["errors"]] == [
        ("duplicate_custom_id", 2),
        ("invalid_json_line", 3),
    ]
    assert (shown["target"], shown["deployment"]) == (None, None)
    refused = (await graph.get(PREVIEW, input={**said, "priority": 0}))["previewBatchJob"]
    assert refused["userErrors"] == [{"code": "INVALID_VALUE", "path": ["input", "priority"]}]
    assert len(await graph.house.events()) == len(before) + 1  # the upload of the second file


async def test_a_preview_names_what_it_would_run_at(graph: Graph, jobs: Jobs) -> None:
    endpoint = an_external_endpoint(graph.house.store.default, name="spare", models=("chat",))
    async with graph.house.store.start_work("ada", "request:1") as work:
        await work.external_endpoints.add(endpoint)
    file = await jobs.uploaded()
    said = {"inputFileId": global_id("File", file.id), "endpoint": CHAT}
    shown = (await graph.get(PREVIEW, input=said))["previewBatchJob"]
    assert (shown["target"], shown["externalEndpoint"]) == ("EXTERNAL", {"name": "spare"})


async def test_a_job_is_paused_resumed_and_cancelled(graph: Graph, jobs: Jobs) -> None:
    job = await jobs.running()
    said, shown = {"batchJobId": of(job.id)}, "batchJob { status reason pausedAt cancellingAt }"
    paused = (await graph.change("pauseBatchJob", said, shown))["batchJob"]
    assert (paused["status"], paused["reason"], paused["pausedAt"]) == (
        "IN_PROGRESS",
        "PAUSED",
        NOON,
    )
    resumed = (await graph.change("resumeBatchJob", said, shown))["batchJob"]
    assert (resumed["reason"], resumed["pausedAt"]) == ("QUEUED", None)
    cancelled = (await graph.change("cancelBatchJob", said, shown))["batchJob"]
    assert (cancelled["status"], cancelled["cancellingAt"]) == ("CANCELLING", NOON)
    assert (await graph.change("cancelBatchJob", said, shown))["batchJob"] == cancelled
    assert (await graph.refusal("pauseBatchJob", said))["code"] == "BATCH_NOT_PAUSABLE"


@pytest.mark.parametrize(
    ("verb", "code"),
    [
        ("cancel", "BATCH_NOT_CANCELLABLE"),
        ("pause", "BATCH_NOT_PAUSABLE"),
        ("resume", "BATCH_NOT_PAUSABLE"),
        ("retry", "NOTHING_TO_RETRY"),
    ],
)
async def test_what_can_not_be_decided_of_a_job_is_said(
    graph: Graph, jobs: Jobs, verb: str, code: str
) -> None:
    job = await jobs.completed()
    error = await graph.refusal(f"{verb}BatchJob", {"batchJobId": of(job.id)})
    assert (error["code"], error["path"]) == (code, ["input", "batchJobId"])
    for missing in ("garbage", of("f" * 32), global_id("File", job.id)):
        error = await graph.refusal(f"{verb}BatchJob", {"batchJobId": missing})
        assert (error["code"], error["path"]) == ("NOT_FOUND", ["input", "batchJobId"])


async def test_results_come_in_the_order_of_their_commits(graph: Graph, jobs: Jobs) -> None:
    job = await jobs.running()
    empty = (await graph.get(RESULTS, id=of(job.id)))["batchJob"]["results"]
    assert empty == {
        "nodes": [],
        "edges": [],
        "pageInfo": {"hasNextPage": False, "endCursor": None},
    }
    await jobs.committed(job, answered(2), answered(1))
    gone = {"code": "request_timeout", "message": "No answer within 30 s."}
    await jobs.committed(job, answered(3, response=None, error=gone))
    found = (await graph.get(RESULTS, id=of(job.id)))["batchJob"]["results"]
    assert [node["customId"] for node in found["nodes"]] == ["r2", "r1", "r3"]
    assert found["nodes"][0] == {
        "id": "batch_req_2",
        "customId": "r2",
        "isError": False,
        "response": {
            "statusCode": 200,
            "requestId": "q2",
            "body": {"choices": [{"message": {"content": "answer 2"}}]},
            "revision": 3,
            "replica": "abc",
        },
        "error": None,
    }
    assert found["nodes"][2]["error"] == gone
    assert (found["nodes"][2]["isError"], found["nodes"][2]["response"]) == (True, None)
    first = (await graph.get(RESULTS, id=of(job.id), first=2))["batchJob"]["results"]
    assert first["pageInfo"]["hasNextPage"]
    assert first["pageInfo"]["endCursor"] == first["edges"][1]["cursor"]
    after = first["pageInfo"]["endCursor"]
    rest = (await graph.get(RESULTS, id=of(job.id), after=after))["batchJob"]["results"]
    assert [node["customId"] for node in rest["nodes"]] == ["r3"]
    end = rest["pageInfo"]["endCursor"]
    none = (await graph.get(RESULTS, id=of(job.id), after=end))["batchJob"]["results"]
    assert none["pageInfo"] == {"hasNextPage": False, "endCursor": end}
    await jobs.committed(job, answered(4))
    news = (await graph.get(RESULTS, id=of(job.id), after=end))["batchJob"]["results"]
    assert [node["customId"] for node in news["nodes"]] == ["r4"]


async def test_a_cursor_of_another_jobs_results_is_none_here(graph: Graph, jobs: Jobs) -> None:
    one, other = await jobs.running(), await jobs.running()
    await jobs.committed(one, answered(1))
    found = (await graph.get(RESULTS, id=of(one.id)))["batchJob"]["results"]
    for after in (found["pageInfo"]["endCursor"], "garbage"):
        assert (await graph.ask(RESULTS, id=of(other.id), after=after)).codes == ["CURSOR_INVALID"]
    assert (await graph.ask(RESULTS, id=of(one.id), first=101)).codes == ["INVALID_VALUE"]


async def test_one_jobs_deleted_results_take_no_other_jobs_with_them(
    graph: Graph, jobs: Jobs
) -> None:
    gone, there = await jobs.completed(output_file_id="f" * 32), await jobs.running()
    await jobs.committed(there, answered(1))
    answer = await graph.ask("{ batchJobs { nodes { id results { nodes { customId } } } } }")
    assert answer.codes == ["RESULTS_DELETED"]
    found = {node["id"]: node["results"] for node in answer.data["batchJobs"]["nodes"]}
    assert found == {of(gone.id): None, of(there.id): {"nodes": [{"customId": "r1"}]}}


async def test_a_first_wait_alone_moves_the_longest(graph: Graph, jobs: Jobs) -> None:
    file = await jobs.uploaded()
    said = {"inputFileId": global_id("File", file.id), "endpoint": CHAT, "target": "ECHO"}
    wanted = "batchJob { retry { first longest } }"
    made = await graph.change("createBatchJob", {**said, "retry": {"first": 60}}, wanted)
    assert made["batchJob"]["retry"] == {"first": "PT1M", "longest": "PT1M"}


async def test_a_page_of_jobs_reads_each_kind_of_thing_once(graph: Graph, jobs: Jobs) -> None:
    """However many jobs there are; tests/flows counts the statements."""
    house = graph.house
    deployment = await house.a_deployment()
    here = Place(target=TargetKind.DEPLOYMENT, why="x", deployment_id=deployment.id)
    files = [await jobs.uploaded() for _ in range(3)]
    for file in files:
        await jobs.running(place=here, input_file_id=file.id)
    reads: Any = house.store.reads
    asked: list[str] = []

    class Counted:
        def __init__(self, name: str, lists: Any) -> None:
            self.name, self.lists = name, lists

        async def by_ids(self, ids: list[str]) -> Any:
            asked.append(self.name)
            return await self.lists.by_ids(ids)

        async def page(self, listing: Listing) -> Page[Any]:
            asked.append(self.name)
            found: Page[Any] = await self.lists.page(listing)
            return found

    for name in ("batches", "deployments", "files", "projects"):
        setattr(reads, name, Counted(name, getattr(reads, name)))
    query = "{ batchJobs { nodes { project { name } deployment { name } inputFile { id } } } }"
    nodes = (await graph.get(query))["batchJobs"]["nodes"]
    assert len({node["inputFile"]["id"] for node in nodes}) == 3
    assert sorted(asked) == ["batches", "deployments", "files", "projects"]


async def test_a_window_that_closed_shows_in_what_is_listed(graph: Graph, jobs: Jobs) -> None:
    soon = graph.house.clock() + timedelta(minutes=1)
    job = await jobs.running(expires_at=soon)
    await jobs.running(expires_at=soon + timedelta(seconds=1))
    wanted = {"expiresAt": {"lte": "2026-11-21T12:01:00Z"}}
    assert await listed(graph, filter=wanted) == [of(job.id)]
