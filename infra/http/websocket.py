"""GraphQL over WebSocket: the protocol graphql-transport-ws, and no other.

Strawberry's implementation keeps the protocol's rules; what is here is who may talk, what is
executed, and when a socket has to end.
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import ExitStack, aclosing, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, cast

import orjson
import structlog
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState
from strawberry.exceptions import ConnectionRejectionError
from strawberry.http.async_base_view import AsyncWebSocketAdapter
from strawberry.http.exceptions import (
    NonJsonMessageReceived,
    NonTextMessageReceived,
    WebSocketDisconnected,
)
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL as PROTOCOL
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import (
    BaseGraphQLTransportWSHandler,
)
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import (
    Operation as Running,
)

from domain.access.access import Caller
from domain.errors import ModelyardError
from infra.http import payloads, requests
from infra.http.gate import Credentials, is_same_origin
from infra.http.graphql import Endpoint
from infra.http.live import Ending, Stream
from infra.http.ports import Operation as Found
from infra.http.refusals import RequestRefused, masked, shown
from infra.http.requests import Said

DOCUMENT = ("query", "documentId", "extensions")  # one of these says it
REASON_BYTES = 123
GOODBYE_SECONDS = 1.0  # what a client may take to be told
GOING_AWAY = (1001, "Going away")

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sockets:
    endpoint: Endpoint

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        socket = WebSocket(scope, receive, send)
        try:
            await self.endpoint.gate.check_page(socket.headers)
        except ModelyardError as error:
            log.info("socket refused", code=error.code)
            await socket.close()  # before it is accepted: the handshake's answer is a 403
            return
        if not is_same_origin(socket.headers):
            log.info("socket refused", code="FOREIGN_ORIGIN")
            await socket.close()
        elif PROTOCOL not in socket.scope["subprotocols"]:
            await socket.accept()
            await socket.close(4406, f"The subprotocol is {PROTOCOL}")
        else:
            await socket.accept(PROTOCOL)
            await self._talk(socket)

    async def _talk(self, socket: WebSocket) -> None:
        try:
            await Conversation(self.endpoint, socket).handle()
        except Exception as error:  # noqa: BLE001 - the socket's outermost edge; `masked` logs it
            with suppress(RuntimeError, WebSocketDisconnect):  # it may be closed by now
                await socket.close(
                    1011, f"Internal error {masked(error)['extensions']['reference']}"
                )


class Frames(AsyncWebSocketAdapter):
    """Messages as JSON in text frames, over Starlette's socket."""

    def __init__(self, socket: WebSocket) -> None:
        self._socket = socket

    async def iter_json(
        self, *, ignore_parsing_errors: bool = False
    ) -> AsyncGenerator[object, None]:
        while self._socket.application_state is not WebSocketState.DISCONNECTED:
            message = await self._socket.receive()
            if message["type"] == "websocket.disconnect":
                return
            if message.get("text") is None:
                raise NonTextMessageReceived
            try:
                said = orjson.loads(message["text"])
            except orjson.JSONDecodeError as error:
                raise NonJsonMessageReceived from error
            yield said

    async def send_json(self, message: Mapping[str, object]) -> None:
        if self._socket.application_state is WebSocketState.DISCONNECTED:
            raise WebSocketDisconnected
        try:
            await self._socket.send_text(orjson.dumps(message).decode())
        except WebSocketDisconnect as error:
            raise WebSocketDisconnected from error

    async def close(self, code: int, reason: str) -> None:
        if self._socket.application_state is not WebSocketState.DISCONNECTED:
            with suppress(WebSocketDisconnect):
                await self._socket.close(code, reason)


class Conversation(BaseGraphQLTransportWSHandler[Any, None]):
    """One client's socket. It is its own view: the view is what is asked who may connect."""

    def __init__(self, endpoint: Endpoint, socket: WebSocket) -> None:
        super().__init__(
            view=cast("Any", self),
            websocket=Frames(socket),
            context={},
            root_value=None,
            schema=cast("Any", None),  # `run_operation` executes
            connection_init_wait_timeout=timedelta(seconds=endpoint.rules.init_seconds),
        )
        self._endpoint = endpoint
        self._socket = socket
        self._headers = socket.headers
        self._caller: Caller | None = None
        self._version = ""
        self._open = ExitStack()
        self._watching: asyncio.Task[None] | None = None

    async def on_ws_connect(self, context: Mapping[str, Any]) -> dict[str, object]:
        said = context["connection_params"]
        try:
            self._version = await self._asked(said)
            credentials = Credentials(
                authorization=_text(said, "authorization"), project=_text(said, "project")
            )
            self._caller = await self._endpoint.gate.admit(self._headers, credentials)
        except ModelyardError as error:
            log.info("socket refused", code=error.code)
            raise ConnectionRejectionError from error
        stream = self._open.enter_context(self._endpoint.live.stream(self._caller.principal.key_id))
        self._watching = asyncio.create_task(self._end_with(stream))
        return {"apiVersion": self._version}

    async def handle_message(self, message: Any) -> None:
        if _is_well_formed(message):
            await super().handle_message(message)
        else:
            await self.handle_invalid_message("Failed to parse message")

    async def handle_subscribe(self, message: Any) -> None:
        """As the protocol has it, but that the document may be named by its hash."""
        id_, limit = message["id"], self._endpoint.rules.of_socket
        if not self.connection_acknowledged:
            await self.websocket.close(4401, "Unauthorized")
        elif id_ in self.operations:
            await self.websocket.close(4409, f"Subscriber for {id_} already exists")
        else:
            operation: Running[Any, None] = Running(self, id_, "", None, None)
            self.operations[id_] = operation
            if len(self.operations) > limit:
                await _refuse(operation, [shown(_too_many(limit))])
                return
            answering = self._answer(operation, message["payload"])
            operation.task = asyncio.create_task(answering)
            operation.task.add_done_callback(self._task_done)

    async def shutdown(self) -> None:
        if self._watching is not None:
            self._watching.cancel()
        self._open.close()
        await super().shutdown()

    async def _asked(self, said: Mapping[str, Any]) -> str:
        """The version that all of the socket's operations are served. Clients that are closed with 4400
        do not try again, as they would with 4403."""
        try:
            versions = self._endpoint.versions
            if said.get("apiVersion") is None:
                return versions.of(self._socket)
            return versions.chosen([_text(said, "apiVersion") or ""])
        except RequestRefused as error:
            await self.websocket.close(4400, _reason(error))
            raise

    async def _answer(self, operation: Running[Any, None], payload: Mapping[str, Any]) -> None:
        try:
            await self._run(operation, payload)
        except WebSocketDisconnected:
            return
        except ModelyardError as refused:
            await _refuse(operation, [shown(refused)])
        except Exception as error:  # noqa: BLE001 - the task's edge: nobody awaits it
            await _refuse(operation, [masked(error)])

    async def _run(self, operation: Running[Any, None], payload: Mapping[str, Any]) -> None:
        said, endpoint = requests.checked(payload), self._endpoint
        caller = endpoint.gate.again(cast("Caller", self._caller))
        found = endpoint.rules.find(endpoint.operations, said, caller, self._version)
        if found.errors:
            await _refuse(operation, found.errors)
            return
        if not found.is_subscription:
            await self._send_all(operation, found, said, caller)
            return
        with endpoint.rules.subscribers.place(caller.principal.key_id):
            await self._send_all(operation, found, said, caller)

    async def _send_all(
        self, operation: Running[Any, None], found: Found, said: Said, caller: Caller
    ) -> None:
        endpoint, version = self._endpoint, self._version
        context = endpoint.new_context(caller, version)
        results = payloads.stream(found, said, context, endpoint.seconds)
        measured = payloads.measured(results, endpoint.metrics, found.kind, version)
        async with aclosing(measured):
            async for payload in measured:
                await operation.send_operation_message(
                    {"id": operation.id, "type": "next", "payload": cast("Any", payload)}
                )
        await operation.send_operation_message({"id": operation.id, "type": "complete"})

    async def _end_with(self, stream: Stream) -> None:
        """Say goodbye when the key or the server ends; a client that does not listen is left.

        What a server's end cuts off is not complete: clients that are told so do not come back.
        """
        ending = await stream.ending
        for operation in list(self.operations.values()):
            if operation.task is not None:
                operation.task.cancel()
        revoked = ending is Ending.REVOKED
        with suppress(TimeoutError, WebSocketDisconnected):
            async with asyncio.timeout(GOODBYE_SECONDS):
                await self.websocket.close(*((4403, "Forbidden") if revoked else GOING_AWAY))


async def _refuse(operation: Running[Any, None], errors: Sequence[Mapping[str, Any]]) -> None:
    """Its last message, if anybody is there to get it."""
    said: Any = {"id": operation.id, "type": "error", "payload": list(errors)}
    with suppress(WebSocketDisconnected):
        await operation.send_operation_message(said)


def _too_many(limit: int) -> RequestRefused:
    return RequestRefused(
        kind="TOO_MANY_OPERATIONS_ON_SOCKET",
        status=429,
        problem=f"This socket has {limit} operations under way, and no more are served at once.",
        extensions={"limit": limit, "found": limit + 1},
    )


def _reason(error: ModelyardError) -> str:
    """What a close frame has room for."""
    return f"{error.code}: {error.message}".encode()[:REASON_BYTES].decode(errors="ignore")


def _text(said: Mapping[str, Any], name: str) -> str | None:
    value = said.get(name)
    if not isinstance(value, str | None):
        raise RequestRefused(kind="BAD_REQUEST", status=400, problem=f"{name!r} must be a string.")
    return value or None


def _is_well_formed(message: Any) -> bool:
    """Whether its members have the types that the protocol has."""
    if not isinstance(message, dict) or not isinstance(message.get("type"), str):
        return False
    if message["type"] in ("subscribe", "complete") and not isinstance(message.get("id"), str):
        return False
    payload = message.get("payload")
    return message["type"] != "subscribe" or (
        isinstance(payload, dict) and any(each in payload for each in DOCUMENT)
    )
