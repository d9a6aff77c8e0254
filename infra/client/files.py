"""Files and results over the OpenAI-compatible API: what is large goes through piece by piece."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode
from uuid import uuid4

from infra.client.errors import NotAServer, RequestFailed
from infra.client.server import Answer, Server

OK = range(200, 300)
CURSOR = "X-Next-Cursor"


@dataclass(frozen=True, slots=True)
class Files:
    """Its methods raise RequestFailed, Unreachable, ConnectionLost, NotAServer."""

    server: Server

    def upload(
        self,
        name: str,
        content: Iterable[bytes],
        size: int | None = None,
        expires_after: int | None = None,
    ) -> str:
        """The id of the new file, of purpose batch. `size` in bytes, where it is known before;
        `expires_after` in seconds, else as the server has it."""
        boundary = uuid4().hex
        fields = {"purpose": "batch"}
        if expires_after is not None:
            fields["expires_after[anchor]"] = "created_at"
            fields["expires_after[seconds]"] = str(expires_after)
        head, tail = _around(boundary, fields, name)
        headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
        if size is not None:
            headers["Content-Length"] = str(len(head) + size + len(tail))
        with self.server.call("POST", "/v1/files", _joined(head, content, tail), headers) as answer:
            return str(self._said(answer)["id"])

    def delete(self, id: str) -> None:
        with self.server.call("DELETE", f"/v1/files/{quote(id)}") as answer:
            self._said(answer)

    def content(self, id: str) -> Iterator[bytes]:
        with self.server.call("GET", f"/v1/files/{quote(id)}/content") as answer:
            self._check(answer)
            yield from answer.pieces()

    def results(self, batch_id: str, after: str | None) -> tuple[bytes, str | None]:
        """Some of what is committed behind the cursor, whole lines, and the cursor behind them."""
        wanted = urlencode({} if after is None else {"after": after})
        path = f"/v1/batches/{quote(batch_id)}/results?{wanted}"
        with self.server.call("GET", path.rstrip("?")) as answer:
            self._check(answer)
            return answer.read(), answer.header(CURSOR)

    def _said(self, answer: Answer) -> Mapping[str, Any]:
        self._check(answer)
        said = _object(answer.read())
        if said is None:
            raise NotAServer(url=self.server.url, problem=f"HTTP {answer.status}, no JSON")
        return said

    def _check(self, answer: Answer) -> None:
        if answer.status in OK:
            return
        error = (_object(answer.read()) or {}).get("error")
        if not isinstance(error, dict):
            raise NotAServer(url=self.server.url, problem=f"HTTP {answer.status}")
        code = str(error.get("code") or "refused").upper()
        kind = "UNAUTHENTICATED" if answer.status == 401 else code
        raise RequestFailed(kind=kind, problem=str(error.get("message", "")))


def _object(body: bytes) -> dict[str, Any] | None:
    try:
        said = json.loads(body)
    except ValueError:
        return None
    return said if isinstance(said, dict) else None


def _around(boundary: str, fields: Mapping[str, str], name: str) -> tuple[bytes, bytes]:
    """What stands before and behind the file's bytes in a form of several parts."""
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{field}"\r\n\r\n{value}\r\n'
        for field, value in fields.items()
    ]
    safe = name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
    parts.append(
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{safe}"\r\n'
        "Content-Type: application/jsonl\r\n\r\n"
    )
    return "".join(parts).encode(), f"\r\n--{boundary}--\r\n".encode()


def _joined(head: bytes, content: Iterable[bytes], tail: bytes) -> Iterator[bytes]:
    yield head
    yield from content
    yield tail
