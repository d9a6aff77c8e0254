"""Calls of a worker in a pod to its server. What can't be had now is asked for again by who wants it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import orjson

from domain.errors import NotFound, ObjectMissing, StorageFull, StorageUnavailable
from infra import pods_wire as wire

UNANSWERED = (aiohttp.ClientError, OSError, TimeoutError)
LIMITS = aiohttp.ClientTimeout(total=130.0, sock_connect=5.0, sock_read=60.0)
FULL, UNKNOWN, REFUSED = 507, 404, 401


@dataclass(slots=True)
class Token:
    """The newest of what the server said and what is in the file, which the kubelet renews."""

    file: Path
    said: str | None = None

    def now(self) -> str:
        """Raises StorageUnavailable."""
        return self.said or self._written()

    def refuse(self, token: str) -> bool:
        """Whether there is another one to try: said meanwhile, or written."""
        if self.said == token:
            self.said = None
        return self.now() != token

    def _written(self) -> str:
        try:
            return self.file.read_text().strip()
        except OSError as error:
            raise StorageUnavailable(where=str(self.file), problem=str(error)) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Calls:
    """`server` is its base URL, without a slash at its end."""

    session: aiohttp.ClientSession
    server: str
    batch_id: str
    token: Token
    _root: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_root", f"{self.server}{wire.ROOT}/{self.batch_id}")

    async def ask(self, name: str, **said: Any) -> Mapping[str, Any]:
        """Raises StorageUnavailable, StorageFull, NotFound."""
        return self._read(await self._sent("POST", f"/{name}", orjson.dumps(said)))

    async def seen(self) -> Mapping[str, Any] | None:
        """The batch, and what of it is there to do; None where it is gone. Raises StorageUnavailable."""
        try:
            return self._read(await self._sent("GET", "", None))
        except NotFound:
            return None

    async def get(self, key: str, start: int, end: int) -> bytes:
        """Raises StorageUnavailable, ObjectMissing."""
        path = f"/objects/{key}?start={start}&end={end}"
        content = await self._sent("GET", path, None, key=key)
        if len(content) != end - start:
            raise ObjectMissing(key=key)
        return content

    async def put(self, key: str, content: bytes) -> None:
        """Raises StorageUnavailable, StorageFull."""
        await self._sent("PUT", f"/objects/{key}", content, key=key)

    async def _sent(self, method: str, path: str, content: bytes | None, key: str = "") -> bytes:
        """Once more with another token, where there is one."""
        token = self.token.now()
        status, body = await self._tried(method, path, content, token)
        if status == REFUSED and self.token.refuse(token):
            status, body = await self._tried(method, path, content, self.token.now())
        if status < 300:
            return body
        raise self._error(status, body, key)

    async def _tried(
        self, method: str, path: str, content: bytes | None, token: str
    ) -> tuple[int, bytes]:
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        url = f"{self._root}{path}"
        try:
            async with self.session.request(
                method, url, data=content, headers=headers, timeout=LIMITS, allow_redirects=False
            ) as response:
                return response.status, await response.read()
        except UNANSWERED as error:
            problem = str(error) or type(error).__name__
            raise StorageUnavailable(where=self.server, problem=problem) from error

    def _error(self, status: int, body: bytes, key: str) -> Exception:
        code, message = _said(body)
        problem = f"HTTP status {status}: {message}"
        if status == UNKNOWN and code == wire.OBJECT_MISSING:
            return ObjectMissing(key=key)
        if status == UNKNOWN and code == "batch_job_not_found" and not key:
            return NotFound(kind="batch job", id=self.batch_id)
        if status == FULL:
            return StorageFull(where=self.server, problem=problem)
        return StorageUnavailable(where=self.server, problem=problem)

    def _read(self, body: bytes) -> Mapping[str, Any]:
        try:
            said: Mapping[str, Any] = orjson.loads(body)
        except ValueError as error:
            problem = "what it said is no JSON"
            raise StorageUnavailable(where=self.server, problem=problem) from error
        return said


def _said(body: bytes) -> tuple[str, str]:
    """The code and the message of a refusal."""
    try:
        error = orjson.loads(body)["error"]
        return str(error["code"]), str(error["message"])
    except (ValueError, KeyError, TypeError):
        return "", body[:200].decode(errors="replace")
