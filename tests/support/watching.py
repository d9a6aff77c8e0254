"""Waiting for what a gateway does, and engines that do what a test tells them."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import orjson
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from domain.deployments.ports import GatewayReport, Gateways
from tests.support.server import ToyApp

WAIT = 30.0  # seconds until a test gives up


async def happens(event: asyncio.Event) -> None:
    async with asyncio.timeout(WAIT):
        await event.wait()


async def known(app: ToyApp) -> None:
    """The gateway's table is of now."""
    head = await app.store.log.head()
    async with asyncio.timeout(WAIT):
        while app.gateway.watch.following.table.position < head.position:
            await app.gateway.watch.following.table.moved.wait()


@dataclass
class Reports:
    """A gateway's reports as they are made, passed on to whoever keeps them."""

    kept: Gateways
    made: list[GatewayReport] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    problems: list[Exception] = field(default_factory=list)
    _came: asyncio.Event = field(default_factory=asyncio.Event)

    async def report(self, report: GatewayReport) -> None:
        if self.problems:
            raise self.problems.pop(0)
        self.made.append(report)
        await self.kept.report(report)
        self._came.set()
        self._came = asyncio.Event()

    async def living(self, now: Any) -> Any:
        return await self.kept.living(now)

    async def leave(self, gateway: str) -> None:
        self.left.append(gateway)
        await self.kept.leave(gateway)

    async def comes(self, wanted: Callable[[GatewayReport], bool]) -> GatewayReport:
        """The first that is as wanted, of those that are made from now on or is the last one."""
        async with asyncio.timeout(WAIT):
            while not (self.made and wanted(self.made[-1])):
                await self._came.wait()
        return self.made[-1]


def reported(app: ToyApp) -> Reports:
    """What the app's gateway reports; asked for before the gateway runs."""
    reports = Reports(app.store.gateways)
    reporting = replace(app.gateway.watch.reporting, gateways=reports)
    app.gateway = replace(app.gateway, watch=replace(app.gateway.watch, reporting=reporting))
    return reports


@dataclass
class Told:
    """An engine that notes what it gets, and goes on when it is told to.

    `events` are streamed, each after `go` was set once more; `answer` is what it says otherwise.
    """

    events: list[bytes] = field(default_factory=list)
    answer: bytes = b'{"model":"echo-model","ok":true}'
    headers: Mapping[str, str] = field(default_factory=dict)
    media_type: str = "application/json"
    is_held: bool = False
    requests: list[dict[str, Any]] = field(default_factory=list)
    heads: list[Mapping[str, str]] = field(default_factory=list)
    came: asyncio.Event = field(default_factory=asyncio.Event)
    left: asyncio.Event = field(default_factory=asyncio.Event)
    go: "asyncio.Queue[None]" = field(default_factory=asyncio.Queue)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            body = await request.body()
        except ClientDisconnect:
            self.left.set()
            return
        self.requests.append(orjson.loads(body))
        self.heads.append(dict(request.headers))
        self.came.set()
        leaving = asyncio.create_task(self._watch(receive))
        working = asyncio.create_task(self._response()(scope, receive_nothing, send))
        try:
            await asyncio.wait({leaving, working}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            leaving.cancel()
            working.cancel()
            await asyncio.wait({leaving, working})

    def _response(self) -> Response:
        if self.events:
            return StreamingResponse(self._told(), media_type="text/event-stream")
        if self.is_held:
            return StreamingResponse(self._one(), media_type=self.media_type)
        return Response(self.answer, media_type=self.media_type, headers=dict(self.headers))

    async def _told(self) -> AsyncIterator[bytes]:
        for event in self.events:
            await self.go.get()
            yield event

    async def _one(self) -> AsyncIterator[bytes]:
        await self.go.get()
        yield self.answer

    async def _watch(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self.left.set()


async def receive_nothing() -> Any:
    await asyncio.Event().wait()
