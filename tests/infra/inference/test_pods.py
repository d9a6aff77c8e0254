"""Requests of batches to pods, by way of a proxy, over real sockets."""

from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from domain.batches.ports import Reply
from domain.deployments.replica import Endpoint
from domain.errors import Interrupted, Unreachable
from infra.inference import pods
from infra.inference.engines import connections
from infra.inference.pods import WithPods
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

POD = Endpoint(model="m", host="10.0.0.7", port=8000, pod="n/a")
PATH = "/v1/chat/completions"
BODY = b'{"model":"m"}'


@pytest.fixture
async def server() -> AsyncIterator[PodProxy]:
    async with a_pod_proxy() as server:
        yield server


@pytest.fixture
async def inference(server: PodProxy) -> AsyncIterator[WithPods]:
    proxy = ThroughApiServer(server.opened)
    async with connections() as engines:
        yield WithPods(engines, engines, proxy)
    await proxy.close()


async def ask(inference: WithPods, endpoint: Endpoint = POD) -> Reply:
    return await inference.ask(f"{pods.address(endpoint)}{PATH}", {}, BODY, 20.0, 1 << 20)


def test_a_pod_goes_by_its_name_and_whatever_else_by_its_address() -> None:
    assert pods.address(POD) == "pod://n/a:8000"
    assert pods.address(Endpoint(model="m", host="::1", port=9)) == "http://[::1]:9"


async def test_a_pod_answers_at_the_path_that_was_asked_for(
    inference: WithPods, server: PodProxy
) -> None:
    heard: list[web.BaseRequest] = []

    async def here(request: web.Request) -> web.Response:
        heard.append(request)
        assert await request.read() == BODY
        return web.json_response({"ok": True}, headers={"x-request-id": "r"})

    server.pods = {"a": here}
    reply = await ask(inference)
    assert (reply.status, reply.body, reply.request_id) == (200, b'{"ok": true}', "r")
    [request] = heard
    assert request.path.endswith(f"/namespaces/n/pods/a:8000/proxy{PATH}")
    assert request.headers["content-type"] == "application/json"


@pytest.mark.parametrize("refusal", [GONE, REFUSED, FORBIDDEN])
async def test_a_pod_that_never_heard_of_the_request_is_unreachable(
    inference: WithPods, server: PodProxy, refusal: Behave
) -> None:
    server.pods = {"a": refusal}
    with pytest.raises(Unreachable, match="pod://n/a:8000"):
        await ask(inference)


async def test_a_connection_that_broke_behind_the_proxy_is_an_interruption(
    inference: WithPods, server: PodProxy
) -> None:
    server.pods = {"a": BROKE}
    with pytest.raises(Interrupted, match="EOF"):
        await ask(inference)


@pytest.mark.parametrize("code", [404, 429, 500, 503])
async def test_an_engines_own_failure_is_its_answer(
    inference: WithPods, server: PodProxy, code: int
) -> None:
    server.pods = {"a": says(code, {"error": "no"})}
    assert (await ask(inference)).status == code


async def test_a_token_that_has_run_out_is_renewed_once(
    inference: WithPods, server: PodProxy
) -> None:
    server.token, server.pods = "second", {"a": says(200, {})}
    assert (await ask(inference)).status == 200
    server.pods = {"a": says(401, status(401, "Unauthorized"))}
    with pytest.raises(Unreachable, match="Unauthorized"):
        await ask(inference)
    assert (server.renewals, len(server.asked)) == (2, 4)


async def test_a_cluster_that_is_away_makes_its_pods_unreachable(
    inference: WithPods, server: PodProxy
) -> None:
    server.is_away = True
    with pytest.raises(Unreachable, match="it is away"):
        await ask(inference)


async def test_whatever_is_no_pod_is_dialled_and_hears_nothing_of_the_clusters_token(
    inference: WithPods, server: PodProxy
) -> None:
    where = server.url.rpartition(":")[2]
    with pytest.raises(Unreachable):
        await ask(inference, Endpoint(model="m", host="127.0.0.1", port=1))
    direct = Endpoint(model="m", host="127.0.0.1", port=int(where))
    assert (await ask(inference, direct)).status == 404
    assert (server.asked, server.openings) == ([], 0)
