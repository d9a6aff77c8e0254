"""An API server that keeps ConfigMaps, speaks real HTTP, and fails as it is told.

async with api_server() as server: ...      # server.config is for infra.k8s.cluster.opened
"""

import asyncio
import json
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from aiohttp import web

from infra.k8s.config import ClusterConfig
from infra.k8s.kinds import Kind, Object

PLACE = "/api/v1/namespaces/{namespace}/configmaps"
NAMESPACE = "shop"
WITHIN = 20.0
Event = Mapping[str, Any]


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Any

    @property
    def is_watch(self) -> bool:
        return self.query.get("watch") == "1"

    @property
    def is_list(self) -> bool:
        return self.method == "GET" and self.path.endswith("/configmaps") and not self.is_watch


@dataclass(frozen=True)
class Refusal:
    status: int
    message: str = "no"
    headers: Mapping[str, str] = field(default_factory=dict)
    details: Mapping[str, Any] = field(default_factory=dict)
    reason: str = ""
    text: str | None = None  # instead of the API's own kind of answer

    @property
    def answer(self) -> web.Response:
        if self.text is not None:
            return web.Response(status=self.status, text=self.text, headers=self.headers)
        said = status(self.status, self.message, self.reason, self.details)
        return web.json_response(said, status=self.status, headers=self.headers)


@dataclass(eq=False)
class Watched:
    """A watch that a client has open. `live`: it is told what happens."""

    request: web.Request
    response: web.StreamResponse
    position: int
    live: bool
    nudged: asyncio.Event = field(default_factory=asyncio.Event)
    over: bool = False
    closed: asyncio.Event = field(default_factory=asyncio.Event)

    async def send(self, *events: Event) -> None:
        await self.write(b"".join(json.dumps(event).encode() + b"\n" for event in events))

    async def write(self, content: bytes) -> None:
        await self.response.write(content)

    def end(self) -> None:
        self.over = True
        self.nudged.set()

    def drop(self) -> None:
        assert self.request.transport is not None
        self.request.transport.abort()
        self.end()


@dataclass
class ApiServer:
    live: bool = True
    expires_by_event: bool = True
    version: int = 100
    objects: dict[tuple[str, str], Object] = field(default_factory=dict)
    history: list[tuple[int, Event]] = field(default_factory=list)
    compacted: int = 0
    asked: list[Asked] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)  # of whatever is asked next
    watch_refusals: list[Refusal] = field(default_factory=list)
    list_refusals: list[Refusal] = field(default_factory=list)
    hanging: bool = False  # it takes requests, and answers none
    watches: "asyncio.Queue[Watched]" = field(default_factory=asyncio.Queue)
    config: ClusterConfig = field(default_factory=ClusterConfig)
    token: str = "first"
    _open: set[Watched] = field(default_factory=set)
    _more: asyncio.Event = field(default_factory=asyncio.Event)
    _uids: "count[int]" = field(default_factory=count)

    def put(self, name: str, text: str = "", namespace: str = NAMESPACE) -> Event:
        old = self.objects.get((namespace, name))
        self.version += 1
        metadata = {"name": name, "namespace": namespace, "resourceVersion": str(self.version)}
        metadata["uid"] = old["metadata"]["uid"] if old else f"uid-{next(self._uids)}"
        self.objects[namespace, name] = {
            "kind": "ConfigMap",
            "apiVersion": "v1",
            "metadata": metadata,
            "data": {"text": text},
        }
        return self._happened("MODIFIED" if old else "ADDED", self.objects[namespace, name])

    def remove(self, name: str, namespace: str = NAMESPACE) -> Event:
        old = self.objects.pop((namespace, name))
        self.version += 1
        metadata = {**old["metadata"], "resourceVersion": str(self.version)}
        return self._happened("DELETED", {**old, "metadata": metadata})

    def compact(self) -> None:
        """Forget what happened: who watches from before must list anew."""
        self.compacted = self.version

    def bookmark(self) -> Event:
        metadata = {"resourceVersion": str(self.version)}
        return {"type": "BOOKMARK", "object": {"kind": "ConfigMap", "metadata": metadata}}

    async def watched(self) -> Watched:
        """The next watch that a client opens."""
        async with asyncio.timeout(WITHIN):
            return await self.watches.get()

    async def heard(self, count: int, method: str = "") -> None:
        """Until so many requests have come."""
        async with asyncio.timeout(WITHIN):
            while len([each for each in self.asked if method in ("", each.method)]) < count:
                self._more.clear()
                await self._more.wait()

    def lists(self) -> list[Asked]:
        return [each for each in self.asked if each.is_list]

    def stop(self) -> None:
        for watched in list(self._open):
            watched.drop()

    def _happened(self, type: str, object: Object) -> Event:
        event = {"type": type, "object": object}
        self.history.append((self.version, event))
        for watched in self._open:
            watched.nudged.set()
        return event

    @web.middleware
    async def _noted(self, request: web.Request, handler: Any) -> web.StreamResponse:
        body = await request.json() if request.body_exists else None
        asked = Asked(
            request.method, request.path, dict(request.query), dict(request.headers), body
        )
        self.asked.append(asked)
        self._more.set()
        if self.hanging:
            await asyncio.Event().wait()
        if request.headers.get("Authorization") != f"Bearer {self.token}":
            return Refusal(401, "Unauthorized").answer
        for refusals, wanted in (
            (self.refusals, request.path != "/version"),
            (self.watch_refusals, asked.is_watch),
            (self.list_refusals, asked.is_list),
        ):
            if wanted and refusals:
                return refusals.pop(0).answer
        answer: web.StreamResponse = await handler(request)
        return answer

    async def _list(self, request: web.Request) -> web.StreamResponse:
        if request.query.get("watch"):
            return await self._watch(request)
        inside = request.match_info["namespace"]
        found = [each for (place, _), each in sorted(self.objects.items()) if place == inside]
        at, version = 0, self.version
        if token := request.query.get("continue"):
            at, version = (int(each) for each in token.split("-"))
            if version < self.compacted:
                return Refusal(410, "the continue token is too old", reason="Expired").answer
        limit = int(request.query["limit"])
        metadata = {"resourceVersion": str(version)}
        if at + limit < len(found):
            metadata["continue"] = f"{at + limit}-{version}"
        items = [{k: v for k, v in each.items() if k != "kind"} for each in found[at : at + limit]]
        return web.json_response(
            {"kind": "ConfigMapList", "apiVersion": "v1", "metadata": metadata, "items": items}
        )

    async def _watch(self, request: web.Request) -> web.StreamResponse:
        version = int(request.query["resourceVersion"])
        expired = status(410, f"too old resource version: {version}", "Expired", {})
        if version < self.compacted and not self.expires_by_event:
            return web.json_response(expired, status=410)
        response = web.StreamResponse()
        await response.prepare(request)
        watched = Watched(request, response, version, self.live)
        if version < self.compacted:
            await watched.send({"type": "ERROR", "object": expired})
            return response
        self._open.add(watched)
        self.watches.put_nowait(watched)
        try:
            with suppress(ConnectionError):
                await self._told(watched, request.match_info["namespace"])
        finally:
            self._open.discard(watched)
            watched.closed.set()
        return response

    async def _told(self, watched: Watched, namespace: str) -> None:
        while not watched.over:
            watched.nudged.clear()
            for version, event in self.history if watched.live else ():
                if version > watched.position:
                    watched.position = version
                    if event["object"]["metadata"]["namespace"] == namespace:
                        await watched.send(event)
            await watched.nudged.wait()

    async def _one(self, request: web.Request) -> web.StreamResponse:
        at = request.match_info["namespace"], request.match_info["name"]
        if (found := self.objects.get(at)) is None:
            details = {"name": at[1], "kind": "configmaps"}
            return Refusal(404, "not found", details=details, reason="NotFound").answer
        if request.method == "DELETE":
            said = await request.json()
            wanted = said.get("preconditions", {})
            if any(found["metadata"][key] != value for key, value in wanted.items()):
                return Refusal(409, "Precondition failed", reason="Conflict").answer
            self.remove(at[1], at[0])
            return web.json_response(status(200, "", "", {}))
        return web.json_response(found)

    async def _create(self, request: web.Request) -> web.StreamResponse:
        said = await request.json()
        at = request.match_info["namespace"], said["metadata"]["name"]
        if at in self.objects:
            return Refusal(409, "already exists", reason="AlreadyExists").answer
        self.put(at[1], said.get("data", {}).get("text", ""), at[0])
        return web.json_response(self.objects[at], status=201)

    async def _version(self, request: web.Request) -> web.StreamResponse:
        return web.json_response({"major": "1", "minor": "27+"})

    def app(self) -> web.Application:
        app = web.Application(middlewares=[self._noted])
        app.router.add_get("/version", self._version)
        app.router.add_get(PLACE, self._list)
        app.router.add_post(PLACE, self._create)
        app.router.add_route("*", PLACE + "/{name}", self._one)
        return app


@asynccontextmanager
async def api_server() -> AsyncIterator[ApiServer]:
    server = ApiServer()
    runner = web.AppRunner(server.app(), shutdown_timeout=0.0, handler_cancellation=True)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    with tempfile.TemporaryDirectory() as folder:
        token = Path(folder, "token")
        token.write_text(server.token)
        server.config = ClusterConfig(kubeconfig(Path(folder), f"http://{host}:{port}", token))
        try:
            yield server
        finally:
            server.stop()
            await runner.cleanup()


def kubeconfig(folder: Path, url: str, token: Path) -> Path:
    file = folder / "kubeconfig"
    file.write_text(
        json.dumps(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "clusters": [{"name": "here", "cluster": {"server": url}}],
                "users": [{"name": "me", "user": {"tokenFile": str(token)}}],
                "contexts": [{"name": "it", "context": {"cluster": "here", "user": "me"}}],
                "current-context": "it",
            }
        )
    )
    return file


def status(code: int, message: str, reason: str, details: Mapping[str, Any]) -> dict[str, Any]:
    said = {"kind": "Status", "apiVersion": "v1", "code": code, "message": message}
    return {**said, "reason": reason, "details": dict(details)}


def config_map(name: str, text: str, namespace: str = NAMESPACE) -> Object:
    metadata = {"name": name, "namespace": namespace}
    kind = Kind.CONFIG_MAP
    return {
        "apiVersion": kind.version,
        "kind": kind.kind,
        "metadata": metadata,
        "data": {"text": text},
    }
