"""Requests straight into an ASGI application: no socket, and no client's CPU."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

import orjson
from starlette.types import ASGIApp, Message


@dataclass(frozen=True, slots=True, eq=False)
class Call:
    """One POST, again and again; calling it gives the body of the answer."""

    app: ASGIApp
    path: str
    token: str
    body: bytes
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)

    @classmethod
    def of(cls, app: ASGIApp, path: str, token: str, query: str, **variables: Any) -> "Call":
        body = orjson.dumps({"query": query, "variables": variables})
        headers = [
            (b"host", b"127.0.0.1:8400"),
            (b"accept", b"application/json"),
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            (b"authorization", f"Bearer {token}".encode()),
        ]
        return cls(app, path, token, body, headers)

    async def __call__(self) -> bytes:
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": "POST",
            "scheme": "http",
            "path": self.path,
            "raw_path": self.path.encode(),
            "query_string": b"",
            "root_path": "",
            "headers": self.headers,
            "client": ("127.0.0.1", 50_000),
            "server": ("127.0.0.1", 8_400),
        }
        sent: list[Message] = []

        said: list[Message] = [{"type": "http.request", "body": self.body, "more_body": False}]

        async def receive() -> Message:
            if not said:
                await asyncio.Event().wait()  # a client that stays
            return said.pop()

        async def send(message: Message) -> None:
            sent.append(message)

        await self.app(scope, receive, send)
        assert sent[0]["status"] == 200, sent
        return b"".join(message.get("body", b"") for message in sent)
