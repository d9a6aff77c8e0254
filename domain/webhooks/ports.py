from collections.abc import Mapping
from typing import Protocol


class Sender(Protocol):
    async def send(self, url: str, headers: Mapping[str, str], body: bytes) -> int:
        """POST it; the status code of the answer, of which nothing else is read. Redirections are
        answers like any other.

        Raises Unreachable, Interrupted, RequestTimeout.
        """
