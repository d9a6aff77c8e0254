"""POST /v1/…: a request, and the replica that answers it."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.types import Receive, Scope, Send

from domain.access.access import Caller
from domain.clock import Clock
from domain.errors import ModelyardError, StorageUnavailable
from domain.gateway.choice import Choice, pick
from domain.gateway.naming import Wanted, parse
from domain.gateway.refusals import ModelNotFound, ModelNotReady
from domain.gateway.route import Route
from infra.http.gateway import requests
from infra.http.gateway.answers import Outgoing, pass_on
from infra.http.gateway.flights import Flights
from infra.http.gateway.goodbye import ended_by
from infra.http.gateway.holding import Holding
from infra.http.gateway.measures import Measured, Measures
from infra.http.gateway.ports import Upstream
from infra.http.gateway.refusals import TooSlow, Unreachable, Unreached, refused
from infra.http.gateway.requests import Said
from infra.http.gateway.standing import Standing
from infra.http.gateway.table import Table
from infra.http.live import Live
from infra.http.openai.admission import Admission

log = structlog.get_logger()

SHUNNED_SECONDS = 1.0
LOADED_SECONDS = 10.0  # how long a request waits for the table


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """`body` is in bytes, `seconds` what a request may take in all."""

    body: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Shunned:
    """Replicas that could not be reached a moment ago: with nothing outstanding they look the idlest."""

    until: dict[str, float] = field(default_factory=dict)

    def add(self, replica_id: str) -> None:
        self.until[replica_id] = asyncio.get_running_loop().time() + SHUNNED_SECONDS

    def now(self) -> set[str]:
        if not self.until:
            return set()
        now = asyncio.get_running_loop().time()
        for each in [each for each, until in self.until.items() if until <= now]:
            del self.until[each]
        return set(self.until)


@dataclass(frozen=True, slots=True)
class Asked:
    """One admitted request; `headers` are those for the replica, `tried` replicas did not get it."""

    caller: Caller
    wanted: Wanted
    said: Said
    path: str
    headers: Mapping[str, str]
    tried: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True, kw_only=True)
class Inference:
    """`upstream` gives the one that is open while the gateway runs."""

    admission: Admission
    live: Live
    table: Table
    standing: Standing
    flights: Flights
    holding: Holding
    measures: Measures
    upstream: Callable[[], Upstream]
    limits: Limits
    clock: Clock
    chance: Callable[[], float]
    shunned: Shunned = field(default_factory=Shunned)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        out = Outgoing(scope, receive, send)
        with self.measures.measured() as measured:
            try:
                async with asyncio.timeout(self.limits.seconds):
                    await self._serve(Request(scope, receive), out, measured)
            except ModelyardError as error:
                await out.fail(error, self.clock())
            except TimeoutError:
                await out.fail(TooSlow(seconds=self.limits.seconds), self.clock())
            finally:
                measured.code = out.status

    async def _serve(self, request: Request, out: Outgoing, measured: Measured) -> None:
        if request.method != "POST":
            problem = f"{request.url.path} is asked with POST."
            allowed = {"Allow": "POST"}
            raise refused(problem, "method_not_allowed", status=405, headers=allowed)
        caller = await self.admission.admit(request.headers)
        try:
            said = await requests.read(request, self.limits.body)
        except ClientDisconnect:
            return
        wanted = parse(said.model)
        if wanted is None:
            raise ModelNotFound(model=said.model)
        headers = dict(requests.passed_on(request.headers.items(), requests.OURS))
        headers.setdefault("x-request-id", caller.request_id)
        asked = Asked(caller, wanted, said, request.url.path, headers)
        await _while_somebody_listens(request.receive, self._answer(asked, out, measured))

    async def _answer(self, asked: Asked, out: Outgoing, measured: Measured) -> None:
        await self._loaded(asked)
        route = self._route(asked)
        measured.goes_to(route)
        self.flights.arrive(route.deployment_id)
        while True:
            await self._loaded(asked)
            choice = self._chosen(asked) or await self._awaited(asked, route)
            with self.flights.flight(choice.replica_id):
                try:
                    return await self._asked(choice, asked, out)
                except Unreached as error:
                    log.warning(
                        "a replica could not be reached",
                        replica=choice.replica_id,
                        problem=error.problem,
                    )
                    asked.tried.add(choice.replica_id)
                    self.shunned.add(choice.replica_id)

    async def _asked(self, choice: Choice, asked: Asked, out: Outgoing) -> None:
        body = asked.said.to(choice.endpoint.model)
        marks = {
            "x-request-id": asked.caller.request_id,
            "x-modelyard-revision": str(choice.revision_number),
            "x-modelyard-replica": choice.replica_id,
        }
        asking = self.upstream().ask(choice.endpoint, asked.path, asked.headers, body)
        async with asking as answer:
            await pass_on(answer, out, asked.said.model, marks, self._stream(asked))

    def _stream(self, asked: Asked) -> Callable[[], AbstractContextManager[object]]:
        return partial(ended_by, self.live, asked.caller.principal.key_id)

    def _route(self, asked: Asked) -> Route:
        route = self.table.named(asked.caller.project_id, asked.wanted.deployment)
        if route is None:
            raise ModelNotFound(model=asked.said.model)
        return route

    def _chosen(self, asked: Asked) -> Choice | None:
        """Nothing is awaited between the choice and the count of what is in flight: a gateway that
        says that it has nothing there will never send anything."""
        if not self._is_up_to_date:
            return None
        route, counts = self._route(asked), self.flights.in_flight
        shunned = self.shunned.now()
        return (
            pick(route, asked.wanted, counts, self.chance(), asked.tried | shunned)
            if shunned
            else None
        ) or pick(route, asked.wanted, counts, self.chance(), asked.tried)

    async def _awaited(self, asked: Asked, route: Route) -> Choice:
        if asked.tried:
            raise Unreachable(model=asked.said.model)
        if route.wakes:
            find, size = partial(self._chosen, asked), len(asked.said.body)
            found = await self.holding.held(
                route.deployment_id, asked.said.model, size, find, self._stream(asked)
            )
            if found is not None:
                return found
        raise ModelNotReady.of(self._route(asked), asked.said.model)

    async def _loaded(self, asked: Asked) -> None:
        """The table, in a server's first moments, or after it was gone for a while."""
        if self._is_up_to_date:
            return
        with ended_by(self.live, asked.caller.principal.key_id):
            try:
                async with asyncio.timeout(LOADED_SECONDS):
                    while not self._is_up_to_date:
                        await self.table.moved.wait()
            except TimeoutError as error:
                problem = "where requests may be sent could not be read"
                raise StorageUnavailable(where="the database", problem=problem) from error

    @property
    def _is_up_to_date(self) -> bool:
        return self.table.is_loaded and not self.standing.is_lost


async def _while_somebody_listens(receive: Receive, answering: Coroutine[Any, Any, None]) -> None:
    """A client that hangs up cancels whatever is done for it."""
    working = asyncio.create_task(answering)
    leaving = asyncio.create_task(_hung_up(receive))
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            await working
    finally:
        for task in (leaving, working):
            task.cancel()
        with suppress(asyncio.CancelledError, OSError, ModelyardError):
            await working


async def _hung_up(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
