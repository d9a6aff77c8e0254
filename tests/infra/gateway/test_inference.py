import asyncio
import gzip
import json
from collections import Counter
from typing import Any

import httpx
import pytest

from domain.access.access import Role
from domain.deployments.deployment import DeploymentStatus
from domain.deployments.reason import Reason
from domain.deployments.replica import Endpoint
from tests.support.builders import a_project
from tests.support.server import ToyApp
from tests.support.serving import a_served, engine, listening, nobody_listens
from tests.support.watching import Told, happens, known


def a_chat(model: str = "chat", **said: Any) -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": "hello"}], **said}


async def test_a_replica_answers_in_the_deployments_name(
    app: ToyApp, client: httpx.AsyncClient
) -> None:
    async with engine() as port:
        served = await a_served(app.store, "chat", [port])
        await known(app)
        answer = await client.post("/chat/completions", json=a_chat())
    assert answer.status_code == 200
    said = answer.json()
    assert said["model"] == "chat"
    assert said["choices"][0]["message"]["content"] == "Echo from echo-model: hello"
    assert answer.headers["x-modelyard-revision"] == "1"
    assert answer.headers["x-modelyard-replica"] == served.ids[0]


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("completions", {"prompt": "hello"}),
        ("embeddings", {"input": ["hello"]}),
        ("responses", {"input": "hello"}),
        ("rerank", {"query": "hello", "documents": ["hello you", "bye"]}),
        ("moderations", {"input": "hello"}),
    ],
)
async def test_every_endpoint_is_passed_on(
    app: ToyApp, client: httpx.AsyncClient, path: str, said: dict[str, Any]
) -> None:
    async with engine() as port:
        await a_served(app.store, "chat", [port])
        await known(app)
        answer = await client.post(f"/{path}", json={"model": "chat", **said})
    assert answer.status_code == 200
    assert answer.json()["model"] == "chat"


async def test_a_replica_gets_its_own_name_and_no_key_of_ours(app: ToyApp) -> None:
    told, token = Told(), await app.key()
    headers = {
        "authorization": f"Bearer {token}",
        "cookie": "a=b",
        "x-request-id": "mine",
        "connection": "close, x-hop",
        "x-hop": "1",
        "x-custom": "kept",
    }
    async with listening(told) as port, httpx.AsyncClient(base_url=app.url) as client:
        await a_served(app.store, "chat", [port])
        await known(app)
        answer = await client.post("/v1/chat/completions", json=a_chat(), headers=headers)
    assert answer.json() == {"model": "chat", "ok": True}
    assert told.requests == [a_chat("echo-model")]
    got = told.heads[0]
    assert {"authorization", "cookie", "x-hop", "accept-encoding"} & set(got) == set()
    assert (got["x-request-id"], got["x-custom"]) == ("mine", "kept")
    assert got["host"] == f"127.0.0.1:{port}"


async def test_headers_that_are_for_us_go_no_further(
    app: ToyApp, client: httpx.AsyncClient
) -> None:
    told = Told(
        headers={"set-cookie": "a=b", "strict-transport-security": "max-age=9", "x-own": "1"}
    )
    headers = {
        "x-modelyard-project": "default",
        "x-modelyard-replica": "mine",
        "connection": "content-type",
    }
    async with listening(told) as port:
        await a_served(app.store, "chat", [port])
        await known(app)
        answer = await client.post("/chat/completions", json=a_chat(), headers=headers)
    got = told.heads[0]
    assert {name for name in got if name.startswith("x-modelyard")} == set()
    assert got["content-type"] == "application/json"
    assert answer.headers["x-own"] == "1"
    assert {"set-cookie", "strict-transport-security"} & set(answer.headers) == set()


async def test_another_model_of_the_deployment_is_asked_by_its_name(
    app: ToyApp, client: httpx.AsyncClient
) -> None:
    first, judge = Told(), Told()
    async with listening(first) as one, listening(judge) as two:
        served = await a_served(app.store, "chat", [one])
        endpoints = (
            Endpoint(model="main", host="127.0.0.1", port=one),
            Endpoint(model="meta/judge", host="127.0.0.1", port=two),
        )
        replica = served.replicas[0]
        await served.becomes(replica, replica.status, endpoints=endpoints)
        await known(app)
        answer = await client.post("/chat/completions", json=a_chat("chat@1/meta/judge"))
        missing = await client.post("/chat/completions", json=a_chat("chat/nobody"))
    assert answer.json()["model"] == "chat@1/meta/judge"
    assert judge.requests == [a_chat("meta/judge")]
    assert first.requests == []
    assert missing.status_code == 404


async def test_weights_share_requests_and_numbers_pin_them(
    app: ToyApp, client: httpx.AsyncClient
) -> None:
    async with engine() as one, engine() as two:
        served = await a_served(app.store, "chat", [])
        await served.revision(2, [one], weight=100)
        await served.revision(3, [two], weight=0)
        await known(app)
        by_name = [await client.post("/chat/completions", json=a_chat()) for _ in range(20)]
        pinned = await client.post("/chat/completions", json=a_chat("chat@3"))
    assert Counter(a.headers["x-modelyard-revision"] for a in by_name) == {"2": 20}
    assert pinned.headers["x-modelyard-revision"] == "3"
    assert pinned.json()["model"] == "chat@3"


async def test_requests_go_where_the_fewest_are(app: ToyApp, client: httpx.AsyncClient) -> None:
    engines = [Told(is_held=True), Told(is_held=True)]
    async with listening(engines[0]) as one, listening(engines[1]) as two:
        await a_served(app.store, "chat", [one, two])
        await known(app)
        asking = [
            asyncio.create_task(client.post("/chat/completions", json=a_chat())) for _ in range(2)
        ]
        for each in engines:
            await happens(each.came)
            each.go.put_nowait(None)
        answers = await asyncio.gather(*asking)
    assert [len(each.requests) for each in engines] == [1, 1]
    assert len({answer.headers["x-modelyard-replica"] for answer in answers}) == 2


async def test_10_megabytes_arrive_as_they_were_sent(
    app: ToyApp, client: httpx.AsyncClient
) -> None:
    told = Told()
    said = a_chat(image="x" * 10_000_000)
    async with listening(told) as port:
        await a_served(app.store, "chat", [port])
        await known(app)
        answer = await client.post("/chat/completions", json=said)
    assert answer.status_code == 200
    assert told.requests == [{**said, "model": "echo-model"}]


async def test_20_megabytes_come_back_as_they_were_answered(
    app: ToyApp, client: httpx.AsyncClient
) -> None:
    told = Told(answer=b'{"model":"echo-model","vectors":"' + b"x" * 20_000_000 + b'"}')
    async with listening(told) as port:
        await a_served(app.store, "chat", [port])
        await known(app)
        answer = await client.post("/embeddings", json=a_chat())
    assert answer.content == told.answer.replace(b"echo-model", b"chat")


async def test_an_answer_that_is_no_json_passes_untouched(
    app: ToyApp, client: httpx.AsyncClient
) -> None:
    raw = b'\x00\xff{"model":"echo-model"}'
    told = Told(answer=raw, media_type="audio/mpeg")
    async with listening(told) as port:
        await a_served(app.store, "chat", [port])
        await known(app)
        answer = await client.post("/chat/completions", json=a_chat())
        told.media_type = "application/json"
        broken = await client.post("/chat/completions", json=a_chat())
        told.answer, told.headers = raw, {"content-encoding": "x-unknown"}
        encoded = await client.post("/chat/completions", json=a_chat())
    assert (answer.content, answer.headers["content-type"]) == (raw, "audio/mpeg")
    assert broken.content == raw.replace(b"echo-model", b"chat")
    assert encoded.content == raw


async def test_an_engines_own_error_is_the_clients(app: ToyApp, client: httpx.AsyncClient) -> None:
    async with engine() as port:
        await a_served(app.store, "chat", [port])
        await known(app)
        answer = await client.post("/chat/completions", json={"model": "chat"})
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == "messages"


@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        (b"{", "invalid_json", None),
        (b"[]", "invalid_json", None),
        (b"", "invalid_json", None),
        (b"{}", "missing_required_parameter", "model"),
        (b'{"model":""}', "invalid_model", "model"),
        (b'{"model":7}', "invalid_model", "model"),
        (b'{"a":{"model":"chat"}}', "missing_required_parameter", "model"),
        (rb'{"model":"chat/\ud800"}', "invalid_json", None),
    ],
)
async def test_a_request_without_a_model_is_refused(
    client: httpx.AsyncClient, body: bytes, code: str, param: str | None
) -> None:
    answer = await client.post(
        "/chat/completions", content=body, headers={"content-type": "application/json"}
    )
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert (error["type"], error["code"], error["param"]) == ("invalid_request_error", code, param)


async def test_more_texts_than_can_be_looked_through_are_refused(client: httpx.AsyncClient) -> None:
    content = b'{"model":"chat","input":[' + b'"",' * 1_000_000 + b'""]}'
    headers = {"content-type": "application/json"}
    answer = await client.post("/embeddings", content=content, headers=headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "request_too_large")


async def test_encoded_content_is_refused(client: httpx.AsyncClient) -> None:
    headers = {"content-type": "application/json", "content-encoding": "gzip"}
    content = gzip.compress(json.dumps(a_chat()).encode())
    answer = await client.post("/chat/completions", content=content, headers=headers)
    assert answer.status_code == 415
    assert answer.json()["error"]["code"] == "unsupported_content_encoding"


async def test_other_content_is_refused(client: httpx.AsyncClient) -> None:
    answer = await client.post("/chat/completions", content=json.dumps(a_chat()))
    assert answer.status_code == 415


@pytest.mark.parametrize("announced", [True, False])
async def test_a_body_beyond_the_limit_is_refused(app: ToyApp, announced: bool) -> None:
    async def pieces() -> Any:
        for _ in range(app.inference.body // 1_000_000 + 2):
            yield b"x" * 1_000_000

    content = b"x" * (app.inference.body + 1) if announced else pieces()
    async with app.client() as client:
        answer = await client.post(
            "/v1/embeddings", content=content, headers={"content-type": "application/json"}
        )
    assert answer.status_code == 413
    assert answer.json()["error"]["code"] == "request_too_large"


@pytest.mark.parametrize("model", ["nobody", "No Name", "chat@7", "chat@x"])
async def test_a_model_that_is_not_there_is_not_found(
    app: ToyApp, client: httpx.AsyncClient, model: str
) -> None:
    with nobody_listens() as port:
        await a_served(app.store, "chat", [port])
        await known(app)
        answer = await client.post("/chat/completions", json=a_chat(model))
    assert answer.status_code == 404
    error = answer.json()["error"]
    assert (error["code"], error["param"]) == ("model_not_found", "model")
    assert repr(model) in error["message"]


async def test_a_renamed_deployment_answers_to_its_new_name_alone(
    app: ToyApp, client: httpx.AsyncClient
) -> None:
    async with engine() as port:
        served = await a_served(app.store, "chat", [port])
        await served.put(name="talk")
        await known(app)
        old = await client.post("/chat/completions", json=a_chat("chat"))
        new = await client.post("/chat/completions", json=a_chat("talk"))
    assert (old.status_code, new.status_code) == (404, 200)


async def test_while_nothing_is_ready_the_reason_is_told(
    app: ToyApp, client: httpx.AsyncClient
) -> None:
    served = await a_served(app.store, "chat", [])
    reason = {"reason": Reason.REPLICAS_FAILING, "message": "it ends with code 3"}
    await served.put(status=DeploymentStatus.DEGRADED, **reason)
    await known(app)
    answer = await client.post("/chat/completions", json=a_chat())
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "1"
    error = answer.json()["error"]
    assert error["code"] == "model_not_ready"
    assert "DEGRADED (REPLICAS_FAILING): it ends with code 3." in error["message"]


async def test_a_deleted_deployment_is_not_found(app: ToyApp, client: httpx.AsyncClient) -> None:
    async with engine() as port:
        served = await a_served(app.store, "chat", [port])
        await served.put(status=DeploymentStatus.STOPPING)
        await known(app)
        answer = await client.post("/chat/completions", json=a_chat())
    assert answer.status_code == 404


async def test_another_projects_deployment_is_not_found(app: ToyApp) -> None:
    theirs = a_project(name="theirs")
    async with app.store.start_work("test", "test") as work:
        await work.projects.add(theirs)
    mine = await app.key("mine", **{app.store.default.id: Role.VIEWER})
    their = await app.key("their", **{theirs.id: Role.VIEWER})
    async with engine() as port, httpx.AsyncClient(base_url=app.url) as client:
        await a_served(app.store, "chat", [port], theirs)
        await known(app)
        codes = [
            (
                await client.post(
                    "/v1/chat/completions",
                    json=a_chat(),
                    headers={"authorization": f"Bearer {token}", **project},
                )
            ).status_code
            for token, project in [
                (mine, {}),
                (their, {}),
                (mine, {"x-modelyard-project": "theirs"}),
                (their, {"openai-project": "theirs"}),
            ]
        ]
    assert codes == [404, 200, 404, 200]


async def test_a_bad_key_is_refused(app: ToyApp, client: httpx.AsyncClient) -> None:
    await app.key()
    for headers in ({}, {"authorization": "Bearer my_wrong"}):
        answer = await client.post("/chat/completions", json=a_chat(), headers=headers)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"
        assert answer.json()["error"]["code"] == "invalid_api_key"


async def test_a_page_of_another_site_is_refused(client: httpx.AsyncClient) -> None:
    headers = {"origin": "https://elsewhere.example"}
    answer = await client.post("/chat/completions", json=a_chat(), headers=headers)
    assert answer.status_code == 403
    assert answer.json()["error"]["code"] == "foreign_page"


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "OPTIONS"])
async def test_inference_is_asked_with_post(client: httpx.AsyncClient, method: str) -> None:
    answer = await client.request(method, "/chat/completions")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert answer.json()["error"]["code"] == "method_not_allowed"


async def test_requests_are_measured(app: ToyApp, client: httpx.AsyncClient) -> None:
    async with engine() as port:
        await a_served(app.store, "chat", [port])
        await known(app)
        await client.post("/chat/completions", json=a_chat())
    await client.post("/chat/completions", json=a_chat("nobody"))
    page = (await client.get(f"{app.url}/metrics")).text
    labels = f'deployment="chat",project="{app.store.default.id}"'
    assert f'modelyard_inference_requests_total{{code="200",{labels}}} 1.0' in page
    assert 'requests_total{code="404",deployment="",project=""} 1.0' in page
    assert f"modelyard_inference_in_flight{{{labels}}} 0.0" in page
    assert f'modelyard_inference_seconds_count{{code="200",{labels}}} 1.0' in page
