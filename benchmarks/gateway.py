"""What the gateway adds to a request: against a bare pass-through proxy, in front of the same engine.

The engine is a process of its own, so that its CPU is nobody's here; both proxies are asked without a
socket, by a caller that costs nothing, and reach the engine with the same client.
"""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from time import perf_counter
from typing import Any

import aiohttp
import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from benchmarks.calls import Call
from benchmarks.measure import Measured, Ratio, compared
from benchmarks.world import World, world
from domain.deployments.deployment import Deployment
from domain.deployments.facts import ReplicaBecameHealthy
from domain.deployments.replica import Endpoint, Replica, ReplicaGroup, ReplicaStatus
from domain.ids import new_id
from infra import app
from infra.http.gateway.table import Table

ENGINE = """
import asyncio, sys
WHOLE = b'{"id":"chatcmpl-1","object":"chat.completion","model":"chat","choices":[{"index":0,'
WHOLE += b'"message":{"role":"assistant","content":"hello"},"finish_reason":"stop"}]}'
EVENT = b'data: {"id":"chatcmpl-1","object":"chat.completion.chunk","model":"chat","choices":[]}\\n\\n'
HEAD = b"HTTP/1.1 200 OK\\r\\ncontent-type: %s\\r\\n%s\\r\\n\\r\\n"
ANSWER = HEAD % (b"application/json", b"content-length: %d" % len(WHOLE)) + WHOLE
STREAM = HEAD % (b"text/event-stream", b"transfer-encoding: chunked")

async def serve(reader, writer):
    try:
        while True:
            head = await reader.readuntil(b"\\r\\n\\r\\n")
            length = int(head.lower().partition(b"content-length:")[2].partition(b"\\r")[0])
            if b"stream" in await reader.readexactly(length):
                writer.write(STREAM)
                for _ in range(100):
                    writer.write(b"%x\\r\\n%s\\r\\n" % (len(EVENT), EVENT))
                    await asyncio.sleep(0)
                writer.write(b"0\\r\\n\\r\\n")
            else:
                writer.write(ANSWER)
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()

async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()

asyncio.run(main())
"""
PATH = "/v1/chat/completions"
TINY = {"model": "chat", "messages": [{"role": "user", "content": "hello"}]}
AT_ONCE, REQUESTS = 32, 2_000
WITHIN = 30.0


async def gateway() -> Sequence[Ratio | Measured]:
    async with _engine() as port, world() as server, aiohttp.ClientSession() as session:
        built = app.build(server.parts)
        deployment = await server.deployment("chat", revisions=1)
        await _serves(server, deployment, port)
        async with built.gateway.running():
            await _known(built.gateway.watch.following.table, deployment)
            ours = _call(built.asgi, server.token)
            bare = _call(_bare(session, port), server.token)
            streamed = [replace(each, body=_body(stream=True)) for each in (ours, bare)]
            return [
                await _compared("gateway", "a tiny answer", ours, bare, acts=50),
                await _compared("", "a stream of 100 events", *streamed, acts=5),
                *[await _rate(what, each) for what, each in (("ours", ours), ("bare", bare))],
            ]


async def _compared(name: str, what: str, ours: Call, bare: Call, *, acts: int) -> Ratio:
    return await compared(name, what, ours, bare, bar=None, acts=acts, rounds=30)


async def _rate(what: str, call: Call) -> Measured:
    async def ask() -> None:
        for _ in range(REQUESTS // AT_ONCE):
            await call()

    began = perf_counter()
    await asyncio.gather(*(ask() for _ in range(AT_ONCE)))
    rate = REQUESTS // AT_ONCE * AT_ONCE / (perf_counter() - began)
    return Measured(name="", what=f"{what}: requests/s, {AT_ONCE} at a time", value=rate, bar=None)


def _call(asgi: Callable[..., Awaitable[None]], token: str) -> Call:
    return replace(Call.of(asgi, PATH, token, ""), body=_body())


def _body(**said: object) -> bytes:
    return orjson.dumps({**TINY, **said})


def _bare(session: aiohttp.ClientSession, port: int) -> Starlette:
    """Passes on what it gets, and looks at nothing."""
    url = f"http://127.0.0.1:{port}{PATH}"

    async def ask(request: Request) -> Response:
        body, headers = await request.body(), {"content-type": "application/json"}
        answer = await session.post(url, data=body, headers=headers)
        if answer.content_type == "application/json":
            return Response(await answer.read(), answer.status, media_type=answer.content_type)
        pieces = answer.content.iter_any()
        return StreamingResponse(pieces, answer.status, media_type=answer.content_type)

    return Starlette(routes=[Route(PATH, ask, methods=["POST"])])


async def _serves(server: World, deployment: Deployment, port: int) -> None:
    """A healthy replica of the active revision there."""
    assert deployment.active_revision_id is not None
    at, own = deployment.created_at, deployment.id
    of: dict[str, Any] = {"project_id": deployment.project_id, "deployment_id": own}
    of |= {"revision_id": deployment.active_revision_id, "revision_number": 1, "created_at": at}
    group = ReplicaGroup(id=new_id(), **of, weight=100, desired_replicas=1)
    replica = Replica(
        id=new_id(),
        **of,
        group_id=group.id,
        status=ReplicaStatus.HEALTHY,
        status_since=at,
        endpoints=(Endpoint(model="chat-model", host="127.0.0.1", port=port),),
    )
    async with server.parts.store.start_work("bench", "bench") as work:
        await work.groups.add(group)
        await work.replicas.add(replica)
        fact = ReplicaBecameHealthy(deployment_id=deployment.id, replica_id=replica.id, number=1)
        work.record(deployment.project_id, fact)


async def _known(table: Table, deployment: Deployment) -> None:
    async with asyncio.timeout(WITHIN):
        while True:
            moved = table.moved
            route = table.named(deployment.project_id, deployment.name)
            if route and any(route.targets):
                return
            await moved.wait()


@asynccontextmanager
async def _engine() -> AsyncIterator[int]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", ENGINE, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        yield int(await process.stdout.readline())
    finally:
        process.kill()
        await process.wait()
