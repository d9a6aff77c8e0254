"""What the gateway needs of whoever speaks HTTP to replicas."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from domain.deployments.replica import Endpoint


class Answer(Protocol):
    """The head of an answer is there; `media_type` is in lower case, without parameters."""

    @property
    def status(self) -> int: ...

    @property
    def headers(self) -> list[tuple[str, str]]: ...

    @property
    def media_type(self) -> str: ...

    def pieces(self) -> AsyncGenerator[bytes, None]:
        """The body as it comes in. Raises Broken."""


class Upstream(Protocol):
    def ask(
        self, endpoint: Endpoint, path: str, headers: Mapping[str, str], body: bytes
    ) -> AbstractAsyncContextManager[Answer]:
        """POST it, and leave what was not read of the answer unread.

        Raises Unreached where another replica may be asked, Broken where nobody knows what was done.
        """

    async def close(self) -> None: ...
