"""Requests to a pod through a real API server, as a gateway and as a batch send them."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from domain.batches.ports import Reply
from domain.deployments.replica import Endpoint
from domain.errors import Interrupted, Unreachable
from infra.http.gateway.refusals import Broken, Unreached
from infra.http.gateway.upstream import Connections, connections
from infra.inference import engines, pods
from infra.inference.pods import WithPods
from infra.k8s.cluster import Cluster, opened
from infra.k8s.config import ClusterConfig
from infra.k8s.kinds import Kind
from infra.k8s.routing import ThroughApiServer
from tests.support.pod_flows import until

pytestmark = pytest.mark.kubernetes

SCRIPT = Path(__file__).parents[1] / "support" / "engines" / "plain.py"
JSON = {"content-type": "application/json"}
NOBODY = Endpoint(model="m", host="10.0.0.7", port=8000, pod="default/nobody")


@dataclass
class Yard:
    gateway: Connections
    batches: WithPods
    engine: Endpoint

    async def ask(self, path: str, at: Endpoint | None = None, **headers: str) -> Any:
        """Status, headers and body, as a gateway has them."""
        said = {**JSON, **{name.replace("_", "-"): value for name, value in headers.items()}}
        async with self.gateway.ask(at or self.engine, path, said, b"{}") as answer:
            return (
                answer.status,
                answer.headers,
                b"".join([piece async for piece in answer.pieces()]),
            )

    async def send(self, path: str, at: Endpoint | None = None) -> Reply:
        """As a batch does."""
        url = f"{pods.address(at or self.engine)}{path}"
        return await self.batches.ask(url, {}, b"{}", 60.0, 1 << 20)

    async def answers(self) -> bool:
        try:
            await self.send("/heard")
        except Unreachable:
            return False
        return True


@pytest.fixture
async def yard(kubeconfig: Path, cluster: Cluster, namespace: str) -> AsyncIterator[Yard]:
    await cluster.create(a_pod(namespace))
    async with reaching(kubeconfig) as (gateway, batches):
        where = Endpoint(model="m", host="10.0.0.7", port=8000, pod=f"{namespace}/engine")
        made = Yard(gateway, batches, where)
        await until(made.answers)
        yield made
    await cluster.delete(Kind.POD, namespace, "engine", grace=0)


@asynccontextmanager
async def reaching(kubeconfig: Path) -> AsyncIterator[tuple[Connections, WithPods]]:
    proxy = ThroughApiServer(lambda: opened(ClusterConfig(kubeconfig)))
    gateway = connections(proxy)
    async with engines.connections() as asked:
        yield gateway, WithPods(asked, asked, proxy)
    await gateway.close()
    await proxy.close()


def a_pod(namespace: str) -> Mapping[str, Any]:
    command = ["python3", "-c", SCRIPT.read_text()]
    container = {"name": "c", "image": "localhost/python:3.11", "command": command}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "engine", "namespace": namespace},
        "spec": {"terminationGracePeriodSeconds": 1, "containers": [container]},
    }


async def test_a_pod_hears_the_request_and_nobodys_credentials(yard: Yard) -> None:
    status, headers, head = await yard.ask(
        "/heard", x_request_id="r-1", Impersonate_User="nobody", user_agent="Mozilla/5.0"
    )
    reply = await yard.send("/heard")
    assert (status, reply.status) == (200, 200)
    names = {name.lower() for name, _ in headers}
    assert not names & {"audit-id", "cache-control"}
    assert b"r-1" in head
    for heard in (head.lower(), reply.body.lower()):
        assert heard.startswith(b"post /heard ")
        assert b"authorization" not in heard
        assert b"impersonate" not in heard


async def test_a_stream_comes_piece_by_piece_and_a_hang_up_reaches_the_engine(yard: Yard) -> None:
    async with yard.gateway.ask(yard.engine, "/stream", JSON, b"{}") as answer:
        pieces = answer.pieces()
        assert await anext(pieces) == b"data: 1\n\n"
        await yard.ask("/go")
        assert await anext(pieces) == b"data: 2\n\n"
    assert (await yard.ask("/left"))[0] == 200


async def test_the_api_servers_own_answers_are_not_the_engines(yard: Yard) -> None:
    closed = Endpoint(model="m", host="10.0.0.7", port=8001, pod=yard.engine.pod)
    for where, said in ((NOBODY, "not found"), (closed, "connection refused")):
        with pytest.raises(Unreached, match=said):
            await yard.ask("/heard", where)
        with pytest.raises(Unreachable, match=said):
            await yard.send("/heard", where)


@pytest.mark.parametrize("status", [404, 500, 502, 503])
async def test_an_engines_failure_is_its_own(yard: Yard, status: int) -> None:
    assert (await yard.ask(f"/says/{status}"))[::2] == (status, b"{}")
    reply = await yard.send(f"/says/{status}")
    assert (reply.status, reply.body) == (status, b"{}")


@pytest.mark.parametrize("path", ["/aborts", "/half"])
async def test_an_engine_that_breaks_off_may_have_worked(yard: Yard, path: str) -> None:
    with pytest.raises(Broken):
        await yard.ask(path)
    with pytest.raises(Interrupted):
        await yard.send(path)
