"""Replicas that somebody else passes requests on to, because nobody here reaches their own addresses.

What speaks HTTP to replicas asks a `Proxy` how to speak to one, and what its answer means.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from ssl import SSLContext
from typing import Protocol

REFUSAL_LIMIT = 16 * 1024  # bytes: whatever is longer is the replica's own answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """POST to `url` and a path, with these headers and none besides. They say who we are, and are good for
    one request: `security` is for that url alone, and so is `server_name`, which its certificate bears
    where that is not the url's host."""

    url: str
    headers: Mapping[str, str] = field(repr=False)
    security: SSLContext | None
    server_name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NotPassedOn:
    """The proxy's own answer. `is_unbegun`: the replica heard nothing of the request, so that another may
    be asked. `is_unknown`: the proxy does not know us, or no longer."""

    problem: str
    is_unbegun: bool
    is_unknown: bool = False


class Proxy(Protocol):
    async def way(self, pod: str, port: int, headers: Mapping[str, str]) -> Way:
        """To a replica with a request that has these headers: what the proxy would take as meant for
        itself is not among the way's. Raises Unreachable."""

    async def renew(self) -> None:
        """Say anew who we are, after an answer that `is_unknown`. Raises Unreachable."""

    def refusal(self, status: int, body: bytes) -> NotPassedOn | None:
        """None: it is the replica's answer."""

    def answered(self, headers: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
        """The replica's own of an answer's headers."""
