"""Through the API server's proxy of pods: whose headers are whose, and whose an answer is. Pure.

The API server answers for itself where it has no such pod, can't reach it, or breaks down over it, always
with a document of kind Status.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from domain.deployments.proxy import NotPassedOn

MEANT_FOR_IT = ("impersonate-", "x-remote-")
"""Beginnings of headers that it heeds: who asks, in whose name. It would do as a client of ours says."""
ITS_OWN = frozenset({"audit-id", "authorization"})
OTHER_KINDS = ("yaml", "kubernetes", "cbor")  # of documents: it writes a Status as it is asked to
MARKS = ("audit-id", "x-kubernetes-pf-")  # of its answers, also of those that it passes on
CACHE = ("cache-control", "no-cache, private")
REACHING = "error trying to reach service"
UNBEGUN = ("dial ", "server closed idle connection")
"""In what it says of a connection over which nothing was sent."""
UNAUTHORIZED = 401
FIRST_FAILURE = 400


def asked(headers: Mapping[str, str], own: Mapping[str, str]) -> dict[str, str]:
    """A request's, and what says who we are; that has the last word."""
    kept = {n: v for n, v in headers.items() if not _is_for_it(n.lower(), v.lower())}
    said = {name.lower() for name in own}
    return {**{n: v for n, v in kept.items() if n.lower() not in said}, **own}


def answered(headers: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Those of the pod's answer. Of two alike the first is the API server's: it is there before."""
    theirs = [(n, v) for n, v in headers if not n.lower().startswith(MARKS)]
    its_own = next((at for at, (n, v) in enumerate(theirs) if (n.lower(), v) == CACHE), None)
    return theirs if its_own is None else theirs[:its_own] + theirs[its_own + 1 :]


def refusal(status: int, body: bytes) -> NotPassedOn | None:
    """None: a pod's answer."""
    said = _status(body) if status >= FIRST_FAILURE else None
    if said is None:
        return None
    problem = str(said.get("message") or f"HTTP status {status}")
    tried = REACHING in problem
    return NotPassedOn(
        problem=f"the cluster's API server says: {problem}",
        is_unbegun=not tried or any(each in problem for each in UNBEGUN),
        is_unknown=status == UNAUTHORIZED,
    )


def _is_for_it(name: str, value: str) -> bool:
    if name == "accept":
        return any(each in value for each in OTHER_KINDS)
    return name in ITS_OWN or name.startswith(MEANT_FOR_IT)


def _status(body: bytes) -> Mapping[str, Any] | None:
    if b'"Status"' not in body:
        return None
    try:
        said = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(said, dict) or said.get("status") != "Failure":
        return None
    is_status = (said.get("kind"), said.get("apiVersion")) == ("Status", "v1")
    return said if is_status else None
