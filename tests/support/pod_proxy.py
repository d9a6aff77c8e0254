"""An API server as far as it passes requests on to pods, over real sockets.

async with a_pod_proxy() as server: proxy = ThroughApiServer(server.opened)
"""

import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiohttp import web

from infra.k8s.cluster import Proxied
from infra.k8s.errors import ClusterUnavailable

HOP = {"host", "authorization", "transfer-encoding", "content-length", "connection"}
PATH = "/api/v1/namespaces/{namespace}/pods/{name}:{port}/proxy/{path:.*}"

Behave = Callable[[web.Request], Awaitable[web.StreamResponse]]


def status(code: int, message: str, reason: str = "") -> dict[str, Any]:
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": message,
        "reason": reason,
        "code": code,
    }


def says(code: int, body: Any) -> Behave:
    async def said(request: web.Request) -> web.Response:
        return web.json_response(body, status=code)

    return said


GONE = says(404, status(404, 'pods "a" not found', "NotFound"))
REFUSED = says(
    500,
    status(
        500, "error trying to reach service: dial tcp 10.0.0.7:8000: connect: connection refused"
    ),
)
BROKE = says(500, status(500, "error trying to reach service: EOF"))
FORBIDDEN = says(403, status(403, 'pods "a" is forbidden: cannot create pods/proxy', "Forbidden"))


@dataclass
class PodProxy:
    """`pods` says by name what becomes of a request; to others it is passed on, at their port of this
    host. It knows who comes with `token`; `given` is what clients of the cluster have."""

    url: str = ""
    token: str = "first"
    given: str = "first"
    is_away: bool = False
    openings: int = 0
    renewals: int = 0
    pods: dict[str, Behave] = field(default_factory=dict)
    asked: list[tuple[str, Mapping[str, str]]] = field(default_factory=list)

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Any]:
        self.openings += 1
        if self.is_away:
            raise ClusterUnavailable(where=self.url, problem="it is away")
        yield self

    async def pod_proxy(self, namespace: str, pod: str, port: int) -> Proxied:
        url = f"{self.url}/api/v1/namespaces/{namespace}/pods/{pod}:{port}/proxy"
        headers = {"authorization": f"Bearer {self.given}", "User-Agent": "modelyard"}
        return Proxied(url, headers, ssl.create_default_context())

    async def renew(self) -> None:
        self.renewals += 1
        self.given = self.token

    async def answer(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["name"]
        self.asked.append((name, request.headers))
        if request.headers.get("authorization") != f"Bearer {self.token}":
            return web.json_response(status(401, "Unauthorized", "Unauthorized"), status=401)
        behave = self.pods.get(name, self._passed_on)
        return await behave(request)

    async def _passed_on(self, request: web.Request) -> web.StreamResponse:
        where = f"http://127.0.0.1:{request.match_info['port']}/{request.match_info['path']}"
        headers = {n: v for n, v in request.headers.items() if n.lower() not in HOP}
        async with (
            aiohttp.ClientSession(auto_decompress=False) as session,
            session.post(where, data=await request.read(), headers=headers) as response,
        ):
            theirs = [(n, v) for n, v in response.headers.items() if n.lower() not in HOP]
            passed = web.StreamResponse(status=response.status, headers={"audit-id": "4711"})
            for name, value in theirs:
                passed.headers.add(name, value)
            await passed.prepare(request)
            async for piece in response.content.iter_any():
                await passed.write(piece)
            await passed.write_eof()
            return passed


@asynccontextmanager
async def a_pod_proxy() -> AsyncIterator[PodProxy]:
    server = PodProxy()
    app = web.Application()
    app.router.add_post(PATH, server.answer)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=1.0)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield server
    finally:
        await runner.cleanup()
