"""What can go wrong between a client and its server.

ModelyardError
├── Unreachable      no server answers
├── ConnectionLost   it answered, then the connection ended; worth another try
├── NotAServer       what answers is no Modelyard server
├── RequestFailed    it refused the operation, or failed at it
└── ChangeRefused    a mutation's user errors
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from domain.errors import ModelyardError


@dataclass(eq=False, kw_only=True)
class Unreachable(ModelyardError):
    """No server answers at {url} ({problem}). Start one with `modelyard serve`, or name another with
    --server or MODELYARD_SERVER."""

    url: str
    problem: str


@dataclass(eq=False, kw_only=True)
class ConnectionLost(ModelyardError):
    """The server at {url} hung up ({problem}). What was asked of it may have been done."""

    url: str
    problem: str


@dataclass(eq=False, kw_only=True)
class NotAServer(ModelyardError):
    """What answers at {url} is no Modelyard server ({problem}). Name one with --server or
    MODELYARD_SERVER."""

    url: str
    problem: str


@dataclass(eq=False, kw_only=True)
class RequestFailed(ModelyardError):
    """The server refused the operation, or failed at it."""

    kind: str
    problem: str

    @property
    def code(self) -> str:
        return self.kind

    @property
    def message(self) -> str:
        return f"{self.kind}: {self.problem}{HINTS.get(self.kind, '')}"


@dataclass(eq=False, kw_only=True)
class ChangeRefused(ModelyardError):
    """One user error after the other: its code, its message and its path."""

    errors: Sequence[Mapping[str, Any]]

    @property
    def message(self) -> str:
        return " ".join(_shown(each) for each in self.errors)


HINTS = {
    "UNAUTHENTICATED": " Give a key with --key or MODELYARD_API_KEY; `modelyard key create` makes one.",
}


def failed(errors: Sequence[Mapping[str, Any]]) -> RequestFailed:
    """GraphQL's errors at the top of an answer; the first tells enough."""
    first = errors[0]
    code = (first.get("extensions") or {}).get("code") or "REFUSED"
    return RequestFailed(kind=code, problem=first.get("message", ""))


def _shown(error: Mapping[str, Any]) -> str:
    path = ".".join(str(part) for part in error["path"])
    return f"{error['code']}: {error['message']}" + (f" (at {path})" if path else "")
