"""The gateway of a server that is outside of the cluster where its replicas are."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

import httpx
import pytest
from aiohttp import web

from domain.deployments.replica import Endpoint, ReplicaStatus
from infra.k8s.routing import ThroughApiServer
from tests.support.pod_proxy import (
    BROKE,
    FORBIDDEN,
    GONE,
    REFUSED,
    Behave,
    PodProxy,
    a_pod_proxy,
    says,
    status,
)
from tests.support.server import ToyApp, serving
from tests.support.serving import MODEL, a_served, listening
from tests.support.watching import Told, happens, known

CHAT = {"model": "chat", "messages": [{"role": "user", "content": "hello"}]}


@pytest.fixture
async def api_server() -> AsyncIterator[PodProxy]:
    async with a_pod_proxy() as server:
        yield server


@pytest.fixture
async def app(api_server: PodProxy) -> AsyncIterator[ToyApp]:
    proxy = ThroughApiServer(api_server.opened)
    async with serving(ToyApp(proxy=proxy)) as app:
        yield app
    await proxy.close()


async def a_deployment(app: ToyApp, pods: Sequence[str], port: int = 1) -> None:
    """Its replicas are pods of these names, which listen at that port."""
    served = await a_served(app.store, "chat", [port for _ in pods])
    for name, replica in zip(pods, list(served.replicas), strict=True):
        where = Endpoint(model=MODEL, host="10.0.0.7", port=port, pod=f"n/{name}")
        await served.becomes(replica, ReplicaStatus.HEALTHY, endpoints=(where,))
    await known(app)


async def ask(client: httpx.AsyncClient, **headers: str) -> httpx.Response:
    return await client.post("/chat/completions", json=CHAT, headers=headers)


@pytest.mark.parametrize("refusal", [GONE, REFUSED, FORBIDDEN])
async def test_a_pod_that_never_heard_of_the_request_costs_nobody_anything(
    app: ToyApp, client: httpx.AsyncClient, api_server: PodProxy, refusal: Behave
) -> None:
    told = Told()
    async with listening(told) as port:
        api_server.pods = {"gone": refusal}
        await a_deployment(app, ["gone", "here"], port)
        answers = [await ask(client) for _ in range(6)]
    assert [answer.status_code for answer in answers] == [200] * 6
    assert len(told.requests) == 6


async def test_where_no_pod_can_be_reached_the_request_fails(
    app: ToyApp, client: httpx.AsyncClient, api_server: PodProxy
) -> None:
    api_server.pods = {"a": GONE, "b": REFUSED}
    await a_deployment(app, ["a", "b"])
    answer = await ask(client)
    assert answer.status_code == 502
    assert answer.json()["error"]["code"] == "replica_unreachable"


async def test_a_pod_that_may_have_worked_on_a_request_is_not_followed_by_another(
    app: ToyApp, client: httpx.AsyncClient, api_server: PodProxy
) -> None:
    api_server.pods = {"a": BROKE, "b": BROKE}
    await a_deployment(app, ["a", "b"])
    answer = await ask(client)
    assert answer.status_code == 502
    assert answer.json()["error"]["code"] == "replica_failed"
    assert len(api_server.asked) == 1


@pytest.mark.parametrize("code", [404, 500, 502, 503])
@pytest.mark.parametrize("size", [1, 100_000])
async def test_an_engines_own_failure_reaches_the_client_as_it_is(
    app: ToyApp, client: httpx.AsyncClient, api_server: PodProxy, code: int, size: int
) -> None:
    body: dict[str, Any] = {"error": {"message": "x" * size}}
    api_server.pods = {"a": says(code, body)}
    await a_deployment(app, ["a"])
    answer = await ask(client)
    assert (answer.status_code, answer.json()) == (code, body)


async def test_a_token_that_has_run_out_is_renewed_and_the_request_answered(
    app: ToyApp, client: httpx.AsyncClient, api_server: PodProxy
) -> None:
    api_server.token = "second"
    async with listening(Told()) as port:
        await a_deployment(app, ["a"], port)
        answer = await ask(client)
    assert (answer.status_code, api_server.renewals) == (200, 1)


async def test_who_stays_unknown_asks_no_more_than_twice(
    app: ToyApp, client: httpx.AsyncClient, api_server: PodProxy
) -> None:
    api_server.pods = {"a": says(401, status(401, "Unauthorized"))}
    await a_deployment(app, ["a"])
    answer = await ask(client)
    assert (answer.status_code, len(api_server.asked)) == (502, 2)


async def test_neither_side_sees_the_others_credentials(
    app: ToyApp, client: httpx.AsyncClient, api_server: PodProxy
) -> None:
    token = await app.key()
    heard: list[web.BaseRequest] = []

    async def here(request: web.Request) -> web.Response:
        heard.append(request)
        return web.json_response({"model": MODEL}, headers={"audit-id": "1", "x-own": "2"})

    api_server.pods = {"a": here}
    await a_deployment(app, ["a"])
    answer = await ask(client, authorization=f"Bearer {token}", **{"Impersonate-User": "admin"})
    assert answer.status_code == 200
    assert (answer.headers["x-own"], "audit-id" in answer.headers) == ("2", False)
    [request] = heard
    assert request.headers.getall("authorization") == ["Bearer first"]
    assert token not in str(request.headers)
    assert "impersonate-user" not in request.headers


async def test_an_event_arrives_before_the_next_is_made_and_a_hang_up_reaches_the_engine(
    app: ToyApp, client: httpx.AsyncClient
) -> None:
    told = Told(events=[b'data: {"model":"echo-model","n":%d}\n\n' % n for n in range(3)])
    told.go.put_nowait(None)
    async with listening(told) as port:
        await a_deployment(app, ["a"], port)
        async with client.stream("POST", "/chat/completions", json=CHAT) as answer:
            pieces = answer.aiter_raw()
            assert b'"n":0' in await anext(pieces)
            told.go.put_nowait(None)
            assert b'"n":1' in await anext(pieces)
        await happens(told.left)
