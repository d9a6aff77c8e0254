"""A WebSocket to the server: the protocol graphql-transport-ws, several subscriptions at once.

with connected(server) as socket:
    socket.subscribe("1", document, {"after": cursor})
    frame = socket.receive()
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, NoReturn

from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidMessage, InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from infra.client.errors import ConnectionLost, NotAServer, RequestFailed, Unreachable, failed
from infra.client.server import Server, problem

PROTOCOL = Subprotocol("graphql-transport-ws")
OPEN_SECONDS = 10.0
REFUSALS = range(4400, 4500)  # the protocol's close codes: the same again would end the same way
LARGEST = 16 * 1024 * 1024  # bytes of a message


@dataclass(frozen=True, slots=True)
class Frame:
    """What came of the subscription `id`; `data` is None where it is complete."""

    id: str
    data: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Socket:
    """Its methods raise ConnectionLost where another try may do, RequestFailed where it won't."""

    server: Server
    connection: ClientConnection

    def subscribe(self, id: str, document: str, variables: Mapping[str, Any]) -> None:
        payload = {"query": document, "variables": variables}
        self._send({"type": "subscribe", "id": id, "payload": payload})

    def unsubscribe(self, id: str) -> None:
        self._send({"type": "complete", "id": id})

    def receive(self, seconds: float | None = None) -> Frame | None:
        """The next frame; None where none came in time."""
        while True:
            try:
                message = self._message(seconds)
            except TimeoutError:
                return None
            match message["type"]:
                case "ping":
                    self._send({"type": "pong"})
                case "next":
                    payload = message["payload"]
                    if payload.get("errors"):
                        raise failed(payload["errors"])
                    return Frame(message["id"], payload["data"])
                case "complete":
                    return Frame(message["id"], None)
                case "error":
                    raise failed(message["payload"])

    def greet(self) -> None:
        self._send({"type": "connection_init", "payload": self.server.credentials})
        try:
            message = self._message(OPEN_SECONDS)
        except TimeoutError as error:
            raise ConnectionLost(url=self.server.url, problem="no answer in time") from error
        if message["type"] != "connection_ack":
            raise NotAServer(url=self.server.url, problem="it speaks another protocol")

    def _message(self, seconds: float | None) -> dict[str, Any]:
        try:
            message: dict[str, Any] = json.loads(self.connection.recv(seconds))
        except ConnectionClosed as closed:
            self._ended(closed)
        return message

    def _send(self, message: Mapping[str, Any]) -> None:
        try:
            self.connection.send(json.dumps(message))
        except ConnectionClosed as closed:
            self._ended(closed)

    def _ended(self, closed: ConnectionClosed) -> NoReturn:
        end = closed.rcvd
        if end is not None and end.code == 4403:
            raise RequestFailed(kind="UNAUTHENTICATED", problem="The server refuses the key.")
        if end is not None and end.code in REFUSALS:
            raise RequestFailed(kind="SOCKET_REFUSED", problem=f"{end.reason} ({end.code}).")
        why = "it is going away" if end is not None and end.code == 1001 else "no goodbye"
        raise ConnectionLost(url=self.server.url, problem=why) from closed


@contextmanager
def connected(server: Server) -> Iterator[Socket]:
    """Raises Unreachable where nobody answers, NotAServer, and what Socket's methods raise."""
    with _opened(server) as connection:
        socket = Socket(server, connection)
        socket.greet()
        yield socket


@contextmanager
def _opened(server: Server) -> Iterator[ClientConnection]:
    try:
        connection = connect(
            server.socket_url,
            subprotocols=[PROTOCOL],
            compression=None,
            proxy=None,
            open_timeout=OPEN_SECONDS,
            close_timeout=1.0,
            max_size=LARGEST,
        )
    except InvalidStatus as error:
        status = error.response.status_code
        if status >= 500:
            raise Unreachable(url=server.url, problem=f"HTTP {status}") from error
        raise NotAServer(url=server.url, problem=f"HTTP {status} for a WebSocket") from error
    except InvalidMessage as error:  # it ended before it answered
        raise Unreachable(url=server.url, problem="it hung up") from error
    except InvalidHandshake as error:
        raise NotAServer(url=server.url, problem=str(error)) from error
    except OSError as error:
        raise Unreachable(url=server.url, problem=problem(error)) from error
    try:
        yield connection
    finally:
        with suppress(ConnectionClosed):
            connection.close()
