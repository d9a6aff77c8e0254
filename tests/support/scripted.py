"""A server that answers as a test has written, on a real socket, in a thread of its own.

with scripted({"modelDeployments": {"nodes": [...]}}, deploymentEvents=[[event, DROP], [event]]) as server:
    modelyard("ls", "--server", server.url, cwd=tmp_path)

It executes what it is sent against schema.graphql: a document that the schema has not, or an answer
of another shape, is an error here as it would be there.
"""

import asyncio
import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Any

from aiohttp import WSMsgType, web
from graphql import (
    ExecutionResult,
    FieldNode,
    GraphQLSchema,
    OperationDefinitionNode,
    build_schema,
    execute,
    parse,
    validate,
)

from tests.support.batch_answers import Files

ROOT = Path(__file__).parents[2]
PROTOCOL = "graphql-transport-ws"


class Step(Enum):
    DROP = "the connection ends without a word"
    GO_AWAY = "the server stops: complete, then 1001"
    REVOKE = "the key is revoked: 4403"
    COMPLETE = "the subscription ends"


@dataclass(frozen=True)
class Until:
    """Go on when a script of that field has said all it has."""

    field: str


DROP, GO_AWAY, REVOKE, COMPLETE = Step
Script = Sequence[Any]  # what a subscription gets: a field's values, and steps; then silence


@cache
def schema() -> GraphQLSchema:
    return build_schema((ROOT / "schema.graphql").read_text())


@dataclass(kw_only=True)
class Scripted:
    """`scripts` has what each subscription to a field gets, one after the other; `silent` is set when
    one has nothing more to say."""

    answers: Mapping[str, Any]
    scripts: Mapping[str, list[Script]]
    url: str = ""
    asked: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)
    headers: list[Mapping[str, str]] = field(default_factory=list)
    greetings: list[Mapping[str, Any]] = field(default_factory=list)
    over: dict[str, asyncio.Event] = field(default_factory=dict)
    silent: threading.Event = field(default_factory=threading.Event)

    def said(self, operation: str) -> list[Mapping[str, Any]]:
        """The variables that an operation was sent with, each time."""
        return [variables for name, variables in self.asked if name == operation]

    async def post(self, request: web.Request) -> web.Response:
        self.headers.append({name.lower(): value for name, value in request.headers.items()})
        said = await request.json()
        self._note(said)
        return web.json_response(self._answer(said, self.answers))

    async def socket(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(protocols=[PROTOCOL])
        await socket.prepare(request)
        tasks = set()
        async for message in socket:
            if message.type is not WSMsgType.TEXT:
                continue
            said = json.loads(message.data)
            if said["type"] == "connection_init":
                self.greetings.append(said.get("payload", {}))
                await socket.send_json({"type": "connection_ack"})
            elif said["type"] == "subscribe":
                tasks.add(asyncio.create_task(self._play(request, socket, said)))
        for task in tasks:
            task.cancel()
        return socket

    async def _play(
        self, request: web.Request, socket: web.WebSocketResponse, said: Mapping[str, Any]
    ) -> None:
        (name,) = self._note(said["payload"])
        for step in self.scripts[name].pop(0):
            match step:
                case Step.DROP:
                    assert request.transport is not None
                    request.transport.abort()
                    return
                case Step.GO_AWAY:
                    await socket.send_json({"type": "complete", "id": said["id"]})
                    await socket.close(code=1001)
                    return
                case Step.REVOKE:
                    await socket.close(code=4403, message=b"Forbidden")
                    return
                case Step.COMPLETE:
                    await socket.send_json({"type": "complete", "id": said["id"]})
                    return
                case Until(field=other):
                    await self._over(other).wait()
                case _:
                    payload = self._answer(said["payload"], {name: step})
                    frame = {"type": "next", "id": said["id"], "payload": payload}
                    await socket.send_json(frame)
        self._over(name).set()
        self.silent.set()

    def _over(self, name: str) -> asyncio.Event:
        return self.over.setdefault(name, asyncio.Event())

    def _note(self, said: Mapping[str, Any]) -> list[str]:
        """The names of the fields that are asked for."""
        operation = parse(said["query"]).definitions[0]
        assert isinstance(operation, OperationDefinitionNode)
        assert operation.name is not None
        self.asked.append((operation.name.value, said.get("variables") or {}))
        selections = operation.selection_set.selections
        return [each.name.value for each in selections if isinstance(each, FieldNode)]

    def _answer(self, said: Mapping[str, Any], root: Mapping[str, Any]) -> dict[str, Any]:
        document = parse(said["query"])
        problems = validate(schema(), document)
        assert problems == [], problems
        result = execute(schema(), document, root_value=root, variable_values=said.get("variables"))
        assert isinstance(result, ExecutionResult)
        return dict(result.formatted)


@contextmanager
def scripted(
    answers: Mapping[str, Any] | None = None,
    files: Files | None = None,
    **scripts: Sequence[Script],
) -> Iterator[Scripted]:
    said = {name: list(each) for name, each in scripts.items()}
    server = Scripted(answers=answers or {}, scripts=said)
    app = web.Application()
    app.router.add_post("/graphql", server.post)
    app.router.add_get("/graphql", server.socket)
    if files is not None:
        files.routes(app)
    with serving(app) as url:
        server.url = url
        yield server


@contextmanager
def serving(app: web.Application) -> Iterator[str]:
    """On a free port, in a thread of its own; yields the URL."""
    loop, started, port = asyncio.new_event_loop(), threading.Event(), [0]
    ending = asyncio.Event()

    async def run() -> None:
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port[0] = runner.addresses[0][1]
        started.set()
        await ending.wait()
        await runner.cleanup()

    thread = threading.Thread(target=lambda: loop.run_until_complete(run()))
    thread.start()
    started.wait(10)
    try:
        yield f"http://127.0.0.1:{port[0]}"
    finally:
        loop.call_soon_threadsafe(ending.set)
        thread.join()
        loop.close()
