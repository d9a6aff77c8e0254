"""/v1/batches as the stock `openai` client and plain requests see it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import httpx
import openai
import pytest
from openai import AsyncOpenAI
from openai.types import Batch as OpenAIBatch

from domain.access.access import Role
from domain.batches.batch import (
    Batch,
    BatchReason,
    BatchStatus,
    InputError,
    Place,
    TargetKind,
    Usage,
)
from domain.batches.shard import Entry, Progress
from domain.clock import MonotonicTimer
from domain.ids import new_id
from infra.http.openai.admission import Admission
from infra.http.openai.batches import BatchRoutes
from infra.http.openai.body import LIMIT, NESTING_LIMIT
from tests.support.batches import a_shard, bits
from tests.support.builders import a_project, fresh
from tests.support.office import Office, pieces
from tests.support.server import ToyApp, serving

CHAT = "/v1/chat/completions"
UNKNOWN = "0123456789abcdef" * 2  # what workers of a run of tests collect has one name


@dataclass
class Site:
    app: ToyApp
    office: Office
    openai: AsyncOpenAI
    http: httpx.AsyncClient

    async def create(self, **said: Any) -> OpenAIBatch:
        if "input_file_id" not in said:
            said["input_file_id"] = f"file-{(await self.office.an_input()).id}"
        whole = {"endpoint": CHAT, "completion_window": "24h", **said}
        return await self.openai.batches.create(**whole)

    async def body(self, **said: Any) -> dict[str, Any]:
        """What a client sends to make a batch of a new file."""
        file_id = f"file-{(await self.office.an_input()).id}"
        whole = {"input_file_id": file_id, "endpoint": CHAT, "completion_window": "24h"}
        return {**whole, **said}

    async def kept(self, shown: OpenAIBatch) -> Batch:
        return await self.office.kept(shown.id.removeprefix("batch_"))


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    async with serving(ToyApp()) as app:
        office = Office(given=app.store)
        routes = BatchRoutes(
            admission=Admission(gate=app.gate, timer=MonotonicTimer(), new_id=new_id),
            batches=office.batches,
            reads=app.store.reads,
            results=office.results,
        ).routes
        app.asgi.router.routes.extend(routes)
        url, key = f"{app.url}/v1", await app.key()
        auth = {"Authorization": f"Bearer {key}"}
        async with (
            AsyncOpenAI(base_url=url, api_key=key, max_retries=0) as client,
            httpx.AsyncClient(base_url=url, headers=auth, timeout=30) as http,
        ):
            yield Site(app, office, client, http)


def refusal(response: httpx.Response) -> tuple[int, str, str | None]:
    """Status, code and param of an error in OpenAI's shape."""
    error = response.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["message"]
    return response.status_code, error["code"], error["param"]


async def test_a_new_batch_is_as_openais(site: Site) -> None:
    shown = await site.create(
        metadata={"team": "search"}, output_expires_after={"anchor": "created_at", "seconds": 3600}
    )
    batch = await site.kept(shown)
    now = int(site.office.clock.now.timestamp())
    assert shown.to_dict() == {
        "id": f"batch_{batch.id}",
        "object": "batch",
        "endpoint": CHAT,
        "model": None,
        "errors": None,
        "input_file_id": f"file-{batch.input_file_id}",
        "completion_window": "24h",
        "status": "validating",
        "output_file_id": None,
        "error_file_id": None,
        "created_at": now,
        "in_progress_at": None,
        "expires_at": now + 86_400,
        "finalizing_at": None,
        "completed_at": None,
        "failed_at": None,
        "expired_at": None,
        "cancelling_at": None,
        "cancelled_at": None,
        "request_counts": {"total": 0, "completed": 0, "failed": 0},
        "usage": {
            "input_tokens": 0,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": 0,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": 0,
        },
        "metadata": {"team": "search"},
        "modelyard": {
            "target": None,
            "target_reason": None,
            "reason": None,
            "message": "",
            "deployment": None,
            "revision": None,
            "endpoint": None,
            "profile": None,
            "priority": 5,
            "paused_at": None,
            "retry_of": None,
        },
    }
    assert batch.output_expires_after == 3600
    assert await site.openai.batches.retrieve(shown.id) == shown


async def test_the_extension_is_read_and_shown(site: Site) -> None:
    await site.office.a_profile("night")
    endpoint = await site.office.an_endpoint("cloud")
    wish = {"endpoint": "cloud", "profile": "night", "priority": 9, "requestTimeout": "2m"}
    shown = await site.create(extra_body={"modelyard": wish})
    batch = await site.kept(shown)
    assert (batch.terms.priority, batch.terms.request_timeout) == (9, 120)
    place = Place(target=TargetKind.EXTERNAL, why="asked", external_endpoint_id=endpoint.id)
    await site.office.running(batch, place=place, reason=BatchReason.ENGINE_BUSY, message="429")
    extension = (await site.openai.batches.retrieve(shown.id)).to_dict()["modelyard"]
    assert extension == {
        "target": "EXTERNAL",
        "target_reason": "asked",
        "reason": "ENGINE_BUSY",
        "message": "429",
        "deployment": None,
        "revision": None,
        "endpoint": "cloud",
        "profile": "night",
        "priority": 9,
        "paused_at": None,
        "retry_of": None,
    }


async def test_a_batch_that_ran_shows_its_counts_files_and_times(site: Site) -> None:
    office = site.office
    shown = await site.create()
    batch = await office.running(await site.kept(shown), total=3)
    office.clock.forward(seconds=90)
    output, errors = fresh(), fresh()
    usage = Usage(
        input_tokens=5, cached_tokens=1, output_tokens=7, reasoning_tokens=2, total_tokens=12
    )
    ended = await office.ended(
        batch,
        BatchStatus.COMPLETED,
        completed=2,
        failed=1,
        output_file_id=output,
        error_file_id=errors,
        usage=usage,
    )
    shown = await site.openai.batches.retrieve(shown.id)
    assert (shown.status, shown.model) == ("completed", "echo")
    assert (shown.output_file_id, shown.error_file_id) == (f"file-{output}", f"file-{errors}")
    assert shown.request_counts is not None
    assert shown.request_counts.to_dict() == {"total": 3, "completed": 2, "failed": 1}
    assert shown.usage is not None
    assert shown.usage.to_dict() == {
        "input_tokens": 5,
        "input_tokens_details": {"cached_tokens": 1},
        "output_tokens": 7,
        "output_tokens_details": {"reasoning_tokens": 2},
        "total_tokens": 12,
    }
    assert ended.completed_at is not None
    assert shown.completed_at == int(ended.completed_at.timestamp())


async def test_a_failed_batch_lists_its_errors(site: Site) -> None:
    shown = await site.create()
    error = InputError(code="invalid_url", message="no such", param="url", line=7)
    whole = InputError(code="empty_file", message="empty")
    batch = await site.kept(shown)
    await site.office.ended(batch, BatchStatus.FAILED, errors=(error, whole))
    shown = await site.openai.batches.retrieve(shown.id)
    assert shown.errors is not None
    assert shown.errors.to_dict() == {
        "object": "list",
        "data": [
            {"code": "invalid_url", "message": "no such", "param": "url", "line": 7},
            {"code": "empty_file", "message": "empty", "param": None, "line": None},
        ],
    }


async def test_cancelling(site: Site) -> None:
    shown = await site.create()
    cancelled = await site.openai.batches.cancel(shown.id)
    assert (cancelled.status, cancelled.cancelling_at) == (
        "cancelling",
        int(site.office.clock.now.timestamp()),
    )
    assert await site.openai.batches.cancel(shown.id) == cancelled
    await site.office.ended(await site.kept(shown), BatchStatus.CANCELLED)
    with pytest.raises(openai.ConflictError) as conflict:
        await site.openai.batches.cancel(shown.id)
    assert (conflict.value.code, conflict.value.param) == ("batch_not_cancellable", None)
    assert conflict.value.response.headers["x-should-retry"] == "false"


async def test_batches_are_listed_newest_first_page_by_page(site: Site) -> None:
    made = []
    for n in range(5):
        made.append((await site.create()).id)
        if n % 2:  # ties too
            site.office.clock.forward(seconds=1)
    newest = [batch.id async for batch in site.openai.batches.list(limit=2)]
    assert sorted(newest) == sorted(made)
    times = [(await site.openai.batches.retrieve(id_)).created_at for id_ in newest]
    assert times == sorted(times, reverse=True)
    page = await site.openai.batches.list(limit=2)
    assert [batch.id for batch in page.data] == newest[:2]
    assert page.has_more
    whole = (await site.http.get("/batches")).json()
    assert {**whole, "data": len(whole["data"])} == {
        "object": "list",
        "data": 5,
        "first_id": newest[0],
        "last_id": newest[-1],
        "has_more": False,
    }


async def test_twenty_are_listed_unless_asked_otherwise(site: Site) -> None:
    for _ in range(21):
        await site.create()
    page = await site.openai.batches.list()
    assert (len(page.data), page.has_more) == (20, True)
    assert len((await site.openai.batches.list(limit=100)).data) == 21


@pytest.mark.parametrize(
    ("query", "code", "param"),
    [
        ("limit=0", "invalid_limit", "limit"),
        ("limit=101", "invalid_limit", "limit"),
        ("limit=x", "invalid_limit", "limit"),
        (f"after=batch_{UNKNOWN}", "invalid_after", "after"),
        ("after=file-1", "invalid_after", "after"),
    ],
)
async def test_a_list_that_can_not_be_is_refused(
    site: Site, query: str, code: str, param: str
) -> None:
    assert refusal(await site.http.get(f"/batches?{query}")) == (400, code, param)


@pytest.mark.parametrize("id_", [f"batch_{UNKNOWN}", "batch_x", UNKNOWN, "%00", "batch_" + "é" * 9])
async def test_a_batch_that_is_not_there_is_not_found(site: Site, id_: str) -> None:
    for response in (
        await site.http.get(f"/batches/{id_}"),
        await site.http.post(f"/batches/{id_}/cancel"),
        await site.http.get(f"/batches/{id_}/results"),
    ):
        assert refusal(response) == (404, "batch_not_found", None)
        assert response.headers["x-should-retry"] == "false"


async def test_what_is_missing_is_named_as_it_was_asked_for(site: Site) -> None:
    body = await site.body(input_file_id=f"file-{UNKNOWN}")
    told = await site.http.post("/batches", json=body)
    assert refusal(told) == (404, "file_not_found", "input_file_id")
    assert f"'file-{UNKNOWN}'" in told.json()["error"]["message"]


@pytest.mark.parametrize("path", ["/nothing", "/batches/batch_x/retry", "/batches/a/b/c"])
async def test_a_path_that_is_none_is_refused_as_all_else_is(site: Site, path: str) -> None:
    for method in ("GET", "POST"):
        response = await site.http.request(method, path)
        assert refusal(response) == (404, "unknown_url", None)
        assert response.headers["x-should-retry"] == "false"


async def test_another_projects_batches_are_not_there(site: Site) -> None:
    shown = await site.create()
    other = a_project(name="other")
    async with site.app.store.start_work("t", "t") as work:
        await work.projects.add(other)
    there = {"X-Modelyard-Project": "other"}
    for response in (
        await site.http.get(f"/batches/{shown.id}", headers=there),
        await site.http.post(f"/batches/{shown.id}/cancel", headers=there),
    ):
        assert refusal(response) == (404, "batch_not_found", None)
    listed = await site.http.get(f"/batches?after={shown.id}", headers=there)
    assert refusal(listed) == (400, "invalid_after", "after")
    assert (await site.http.get("/batches", headers=there)).json()["data"] == []
    body = await site.body()
    made = await site.http.post("/batches", json=body, headers=there)
    assert refusal(made) == (404, "file_not_found", "input_file_id")


async def test_who_may_only_read_makes_and_cancels_nothing(site: Site) -> None:
    shown = await site.create()
    key = await site.app.key("reader", **{site.app.store.default.id: Role.VIEWER})
    auth = {"Authorization": f"Bearer {key}"}
    assert (await site.http.get(f"/batches/{shown.id}", headers=auth)).is_success
    body = await site.body()
    for response in (
        await site.http.post("/batches", json=body, headers=auth),
        await site.http.post(f"/batches/{shown.id}/cancel", headers=auth),
    ):
        assert refusal(response)[:2] == (403, "forbidden")
    nobody = await site.http.get("/batches", headers={"Authorization": "Bearer nobody"})
    assert refusal(nobody)[:2] == (401, "invalid_api_key")


async def test_a_key_makes_one_batch(site: Site) -> None:
    body = await site.body()
    headers = {"Idempotency-Key": "k"}
    first = await site.http.post("/batches", json=body, headers=headers)
    again = await site.http.post("/batches", json=body, headers=headers)
    assert first.status_code == again.status_code == 200
    assert first.json() == again.json()
    other = await site.http.post("/batches", json={**body, "metadata": {"a": "b"}}, headers=headers)
    assert refusal(other) == (409, "idempotency_key_reused", "Idempotency-Key")
    assert other.headers["x-should-retry"] == "false"
    long = await site.http.post("/batches", json=body, headers={"Idempotency-Key": "k" * 256})
    assert refusal(long) == (400, "invalid_value", "Idempotency-Key")


async def test_a_quota_is_not_asked_again_by_itself(site: Site) -> None:
    await site.office.a_profile("day", is_default=True, max_active=1)
    await site.create()
    with pytest.raises(openai.RateLimitError) as limited:
        await site.create()
    assert limited.value.code == "quota_exceeded"
    assert limited.value.response.headers["x-should-retry"] == "false"


@pytest.mark.parametrize(
    ("said", "status", "code", "param"),
    [
        ({"input_file_id": f"file-{UNKNOWN}"}, 404, "file_not_found", "input_file_id"),
        ({"input_file_id": "file-x"}, 404, "file_not_found", "input_file_id"),
        ({"input_file_id": None}, 400, "missing_required_parameter", "input_file_id"),
        ({"foo": 1}, 400, "unknown_parameter", "foo"),
        ({"modelyard": {"foo": 1}}, 400, "unknown_parameter", "modelyard.foo"),
        ({"endpoint": "/v1/images"}, 400, "invalid_value", "endpoint"),
        ({"completion_window": "1w"}, 400, "invalid_value", "completion_window"),
        ({"metadata": {"a": 1}}, 400, "invalid_type", "metadata.a"),
        ({"modelyard": {"keepAlive": "2d"}}, 400, "invalid_value", "modelyard.keepAlive"),
        ({"modelyard": {"profile": "no"}}, 400, "profile_not_found", "modelyard.profile"),
        ({"modelyard": {"deployment": "no"}}, 400, "deployment_not_found", "modelyard.deployment"),
        ({"modelyard": {"endpoint": "no"}}, 400, "endpoint_not_found", "modelyard.endpoint"),
        (
            {"modelyard": {"template": {"name": "no"}}},
            400,
            "template_not_found",
            "modelyard.template.name",
        ),
        ({"modelyard": {"target": "KUBERNETES_JOB"}}, 400, "no_kubernetes", "modelyard.target"),
    ],
)
async def test_what_is_refused_at_once(
    site: Site, said: dict[str, Any], status: int, code: str, param: str
) -> None:
    response = await site.http.post("/batches", json=await site.body(**said))
    assert refusal(response) == (status, code, param)
    assert response.headers["x-should-retry"] == "false"
    assert (await site.http.get("/batches")).json()["data"] == []


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"nan",
        b"\xff",
        b'{"metadata": NaN}',
        b'{"metadata": {"a": "1", "a": "2"}}',
        b'{"endpoint": "a", "endpoint": "a"}',
        b'{"modelyard": {"priority": ' + b"9" * 30 + b"}}",
        b'{"modelyard": {"priority": ' + b"9" * 10_000 + b"}}",
        b'{"modelyard": {"keepAlive": 1e999}}',
        b'{"a": ' * (NESTING_LIMIT + 1) + b"1" + b"}" * (NESTING_LIMIT + 1),
        b"[" * 100_000,
        b"[" * 900 + b"]" * 900,
    ],
)
async def test_a_body_that_means_nothing_or_two_things_is_refused(
    site: Site, content: bytes
) -> None:
    response = await site.http.post("/batches", content=content)
    assert refusal(response) == (400, "invalid_json", None)


async def test_a_body_has_to_be_an_object(site: Site) -> None:
    for content in (b"[]", b"1", b"null", b'"a"'):
        response = await site.http.post("/batches", content=content)
        assert refusal(response) == (400, "invalid_type", None)


async def test_a_large_body_is_refused_announced_or_not(site: Site) -> None:
    large = b" " * (LIMIT + 1)
    announced = await site.http.post("/batches", content=large)
    assert refusal(announced) == (413, "body_too_large", None)
    streamed = await site.http.post("/batches", content=pieces(large[:LIMIT], large[:99]))
    assert refusal(streamed) == (413, "body_too_large", None)


async def test_other_methods_are_told_what_is_asked(site: Site) -> None:
    shown = await site.create()
    for method, path, allowed in (
        ("PUT", "/batches", "GET, POST"),
        ("DELETE", f"/batches/{shown.id}", "GET"),
        ("GET", f"/batches/{shown.id}/cancel", "POST"),
        ("POST", f"/batches/{shown.id}/results", "GET"),
    ):
        response = await site.http.request(method, path)
        assert refusal(response) == (405, "method_not_allowed", None)
        assert response.headers["allow"] == allowed


async def test_results_come_as_they_are_stored(site: Site) -> None:
    office = site.office
    shown = await site.create()
    path = f"/batches/{shown.id}/results"
    nothing = await site.http.get(path)
    assert (nothing.status_code, nothing.content) == (200, b"")
    assert "x-next-cursor" not in nothing.headers
    batch = await office.running(await site.kept(shown), total=3)
    await store_lines(office, batch, [b'{"n":2}', b'{"n":0}', b'{"n":1}'])
    first = await site.http.get(path, params={"limit": 2})
    assert first.headers["content-type"].startswith("text/jsonl")
    assert first.content == b'{"n":2}\n{"n":0}\n'
    rest = await site.http.get(path, params={"after": first.headers["x-next-cursor"]})
    assert rest.content == b'{"n":1}\n'
    on = rest.headers["x-next-cursor"]
    more = await site.http.get(path, params={"after": on})
    assert (more.content, more.headers["x-next-cursor"]) == (b"", on)
    await office.ended(await site.kept(shown), BatchStatus.COMPLETED, completed=3, failed=0)
    over = await site.http.get(path, params={"after": on})
    assert over.content == b""
    assert "x-next-cursor" not in over.headers


async def test_results_behind_no_cursor_or_too_many_are_refused(site: Site) -> None:
    path = f"/batches/{(await site.create()).id}/results"
    assert refusal(await site.http.get(f"{path}?after=x")) == (400, "invalid_after", "after")
    for limit in ("0", "1001", "all"):
        response = await site.http.get(f"{path}?limit={limit}")
        assert refusal(response) == (400, "invalid_limit", "limit")


async def store_lines(office: Office, batch: Batch, content: list[bytes]) -> None:
    """As a worker commits them: one segment, in the order in which they came."""
    shard = a_shard(batch, lines=len(content))
    async with office.store.start_work("worker", "test") as work:
        await work.batch_shards.add([shard])
    now = office.clock.now
    (mine,) = await office.store.shard_claims.take(
        batch.id, "w", now, now + timedelta(seconds=15), 1
    )
    key = f"batches/{batch.id}/segments/{fresh()}"
    await office.objects.put_bytes(key, b"\n".join(content))
    entries, at = [], 0
    for line, text in enumerate(content):
        entries.append(Entry(line, False, at, at + len(text)))
        at += len(text) + 1
    done = replace(mine, done=bits(len(content), *range(len(content))))
    async with office.store.start_work("worker", "test") as work:
        assert await work.batches.lock(batch.id)
        assert await work.batch_shards.store(Progress(done, key, tuple(entries), Usage()))
