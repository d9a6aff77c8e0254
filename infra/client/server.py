"""A server of the GraphQL API, asked over HTTP."""

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

from domain.errors import InvalidValue
from infra.client.errors import ChangeRefused, ConnectionLost, NotAServer, Unreachable, failed

SECONDS = 60.0  # for an answer; the server gives up before that
PIECE = 1024 * 1024  # bytes
CONNECTIONS = {"http": HTTPConnection, "https": HTTPSConnection}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Its methods raise ConnectionLost."""

    url: str
    response: HTTPResponse

    @property
    def status(self) -> int:
        return self.response.status

    def header(self, name: str) -> str | None:
        return self.response.getheader(name)

    def read(self) -> bytes:
        return b"".join(self.pieces())

    def pieces(self) -> Iterator[bytes]:
        """At most a MiB each."""
        while piece := self._piece():
            yield piece

    def _piece(self) -> bytes:
        try:
            piece = self.response.read(PIECE)
        except (OSError, HTTPException) as error:
            raise ConnectionLost(url=self.url, problem=problem(error)) from error
        if not piece and self.response.length:  # fewer bytes than were promised
            raise ConnectionLost(url=self.url, problem="it ended before its end")
        return piece


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """Where it is and who asks. Answers are plain JSON values, as GraphQL has them."""

    url: str
    key: str | None = None
    project: str | None = None
    seconds: float = SECONDS

    def __post_init__(self) -> None:
        try:
            parts = urlsplit(self.url)
            _ = parts.port  # raises ValueError for what is no port
        except ValueError as error:
            raise _no_address(self.url) from error
        if parts.scheme not in CONNECTIONS or not parts.hostname:
            raise _no_address(self.url)

    @property
    def socket_url(self) -> str:
        return self.url.rstrip("/").replace("http", "ws", 1) + "/graphql"

    @property
    def credentials(self) -> dict[str, str]:
        """As `connection_init` takes them."""
        said = {"authorization": self.key and f"Bearer {self.key}", "project": self.project}
        return {name: value for name, value in said.items() if value}

    def ask(self, document: str, **variables: Any) -> dict[str, Any]:
        """The answer's data; raises RequestFailed, Unreachable, ConnectionLost, NotAServer."""
        status, body = self._post(json.dumps({"query": document, "variables": variables}))
        try:
            answer = json.loads(body)
            data, errors = answer.get("data"), answer.get("errors")
        except (ValueError, AttributeError) as error:
            raise NotAServer(url=self.url, problem=f"HTTP {status}, no JSON") from error
        if errors:
            raise failed(errors)
        if not isinstance(data, dict):
            raise NotAServer(url=self.url, problem=f"HTTP {status}, no data")
        return data

    def change(self, document: str, said: Mapping[str, Any]) -> dict[str, Any]:
        """The payload of the document's one mutation; raises ChangeRefused for its user errors."""
        (payload,) = self.ask(document, input=said).values()
        if payload["userErrors"]:
            raise ChangeRefused(errors=payload.pop("userErrors"))
        return dict(payload)

    @contextmanager
    def call(
        self,
        method: str,
        path: str,
        body: str | Iterable[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Iterator["Answer"]:
        """One HTTP request; raises Unreachable, ConnectionLost. A body without a Content-Length among
        the headers goes up in chunks."""
        parts = urlsplit(self.url)
        kind = CONNECTIONS[parts.scheme]
        connection = kind(parts.hostname or "", parts.port, timeout=self.seconds)
        said = {**self._headers(), **(headers or {})}
        whole = f"{parts.path.rstrip('/')}{path}"
        try:
            connection.connect()
        except OSError as error:
            raise Unreachable(url=self.url, problem=problem(error)) from error
        try:
            yield Answer(
                url=self.url, response=_answered(self.url, connection, method, whole, body, said)
            )
        finally:
            connection.close()

    def _post(self, body: str) -> tuple[int, bytes]:
        headers = {"Content-Type": "application/json"}
        with self.call("POST", "/graphql", body, headers) as answer:
            return answer.status, answer.read()

    def _headers(self) -> dict[str, str]:
        headers = {"Accept": "application/json"}
        if self.key:
            headers["Authorization"] = f"Bearer {self.key}"
        if self.project:
            headers["X-Modelyard-Project"] = self.project
        return headers


def _answered(
    url: str,
    connection: HTTPConnection,
    method: str,
    path: str,
    body: str | Iterable[bytes] | None,
    headers: Mapping[str, str],
) -> HTTPResponse:
    """A server that refuses may do so before it has read all, and hang up: its answer counts."""
    in_chunks = not (body is None or isinstance(body, str) or "Content-Length" in headers)
    said = {**headers, "Transfer-Encoding": "chunked"} if in_chunks else dict(headers)
    cut: OSError | None = None
    try:
        try:
            connection.request(method, path, body, said, encode_chunked=in_chunks)
        except (BrokenPipeError, ConnectionResetError) as error:
            cut = error
        return connection.getresponse()
    except (OSError, HTTPException) as error:
        raise ConnectionLost(url=url, problem=problem(cut or error)) from error


def problem(error: Exception) -> str:
    """What the system says of it, without its number."""
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def _no_address(url: str) -> InvalidValue:
    return InvalidValue(problem=f"{url!r} is no server's address: write http://HOST:PORT.")
