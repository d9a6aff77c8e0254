"""A watch: what changes, as the API server tells it."""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import orjson

from infra.k8s import refusals
from infra.k8s.api import Api, Call
from infra.k8s.errors import ClusterUnavailable
from infra.k8s.kinds import Kind
from infra.k8s.lines import lines

Event = Mapping[str, Any]
"""The API's: `type` (ADDED, MODIFIED, DELETED, BOOKMARK) and `object`."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Which objects; namespace None: those of all."""

    kind: Kind
    namespace: str | None = None
    labels: str = ""
    fields: str = ""

    @property
    def query(self) -> dict[str, str]:
        said = {"labelSelector": self.labels, "fieldSelector": self.fields}
        return {name: value for name, value in said.items() if value}


@asynccontextmanager
async def watching(
    api: Api, scope: Scope, version: str, seconds: int
) -> AsyncIterator[AsyncGenerator[Event, None]]:
    """What changes after that version. The server ends it after so many seconds; where that end does not
    come, the connection is a dead one. Raises Expired, also in its midst."""
    query = {
        **scope.query,
        "watch": "1",
        "allowWatchBookmarks": "true",
        "resourceVersion": version,
        "timeoutSeconds": str(seconds),
    }
    call = Call("GET", scope.kind.path(scope.namespace), _what(scope), query)
    read = seconds + api.patience.overdue
    async with (
        api.stream(call, answers=api.patience.call, read=read) as pieces,
        aclosing(_events(api, scope, pieces)) as events,
    ):
        yield events


async def _events(
    api: Api, scope: Scope, pieces: AsyncIterator[bytes]
) -> AsyncGenerator[Event, None]:
    async with aclosing(lines(pieces)) as found:
        async for line in found:
            try:
                event: Event = orjson.loads(line)
            except orjson.JSONDecodeError as error:
                problem = "a watch broke off in the midst of an event"
                raise ClusterUnavailable(where=api.host, problem=problem) from error
            if event["type"] == "ERROR":
                status = event["object"]
                said = orjson.dumps(status)
                code = status.get("code", 500)
                raise refusals.error_of(code, said, what=_what(scope), where=api.host)
            yield event


def _what(scope: Scope) -> str:
    return f"a watch of {scope.kind.plural}"
