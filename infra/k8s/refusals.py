"""What an answer that is no success means."""

import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

import orjson

from domain.errors import ModelyardError
from infra.k8s.errors import ClusterUnavailable, Conflict, Expired, Gone, NotAllowed, Refused

BUSY = frozenset({408, 429})
EXCERPT = 300  # of an answer that is not the API's own
DENIED = re.compile(
    r'cannot (?P<verb>\S+) resource "(?P<resource>[^"]+)"'
    r'(?: in API group "(?P<group>[^"]*)")?(?: in the namespace "(?P<namespace>[^"]+)")?'
)
OWNER = re.compile(r'conflicts? with "([^"]+)"')
UNTYPED = re.compile("failed to create typed patch object|field not declared in schema")
"""A manifest's fault that older API servers (1.20) call their own, with status 500."""

TOO_LARGE = re.compile(r"etcdserver: request is too large|message larger than max")
"""An object of more than some 1.5 MB, which older API servers call their own fault too."""


def error_of(
    status: int, body: bytes, *, what: str, where: str, retry_after: float | None = None
) -> ModelyardError:
    said = _status(body)
    problem = str(said.get("message") or _excerpt(body) or f"HTTP {status}")
    details: Mapping[str, Any] = said.get("details") or {}
    if UNTYPED.search(problem) or TOO_LARGE.search(problem):
        return Refused(what=what, problem=problem, status=status)
    if status in BUSY or status >= 500:
        seconds = retry_after if retry_after is not None else details.get("retryAfterSeconds")
        return ClusterUnavailable(where=where, problem=problem, retry_after=seconds)
    if status == 404 and said.get("reason") == "NotFound" and details.get("name"):
        return _absent(what, problem, details)
    if status == 409:
        return _conflict(what, problem, details)
    if status == 410:
        return Expired(problem=problem)
    if status == 403 and (denied := DENIED.search(problem)):
        group = f".{denied['group']}" if denied["group"] else ""
        place = f"namespace {denied['namespace']}" if denied["namespace"] else "the whole cluster"
        return NotAllowed(
            what=what,
            problem=problem,
            status=status,
            verb=denied["verb"],
            resource=f"{denied['resource']}{group}",
            place=place,
        )
    return Refused(what=what, problem=problem, status=status)


def retry_after(said: str | None, now: datetime) -> float | None:
    """Seconds, of a header that names them, or a date."""
    if said is None:
        return None
    with suppress(ValueError, TypeError, OverflowError):
        if said.strip().isdecimal():
            return float(said)
        return max(0.0, (parsedate_to_datetime(said) - now).total_seconds())
    return None


def _absent(what: str, problem: str, details: Mapping[str, Any]) -> ModelyardError:
    """A namespace that an object should lie in is none that can be got again by asking."""
    if details.get("kind") == "namespaces" and not what.startswith("Namespace "):
        return Refused(what=what, problem=problem, status=404)
    return Gone(what=what)


def _conflict(what: str, problem: str, details: Mapping[str, Any]) -> Conflict:
    causes = [
        each for each in details.get("causes") or () if each.get("reason") == "FieldManagerConflict"
    ]
    owners = [found[1] for each in causes if (found := OWNER.search(each.get("message", "")))]
    return Conflict(
        what=what,
        problem=problem,
        others=tuple(dict.fromkeys(owners)),
        fields=tuple(each.get("field", "") for each in causes),
    )


def _status(body: bytes) -> Mapping[str, Any]:
    with suppress(orjson.JSONDecodeError):
        said = orjson.loads(body)
        if isinstance(said, dict) and said.get("kind") == "Status":
            return said
    return {}


def _excerpt(body: bytes) -> str:
    return body[:EXCERPT].decode(errors="replace").strip()
