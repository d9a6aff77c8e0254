"""What a hand-written endpoint would be: it knows its one query, and writes its answer directly.

Starlette, SQLAlchemy Core and orjson, on the same engine and tables, with the same key checked and
the same bytes sent.
"""

from binascii import b2a_base64
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import orjson
from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from domain.deployments.deployment import FINAL
from domain.deployments.replica import ReplicaStatus
from infra.db.access import KEYS, PROJECTS
from infra.db.deployments import DEPLOYMENTS, REVISIONS
from infra.db.engine import Engines
from infra.db.replicas import REPLICAS
from schema import relay
from schema.scalars import show_datetime

KEY, PROJECT = KEYS.table.c, PROJECTS.table.c
D, R, P = DEPLOYMENTS.table.c, REVISIONS.table.c, REPLICAS.table.c
URL_SAFE = bytes.maketrans(b"+/", b"-_")
Answer = Callable[[AsyncConnection, str, dict[str, Any]], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Reference:
    engines: Engines

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/page", self._endpoint(page), methods=["POST"]),
                Route("/tiny", self._endpoint(tiny), methods=["POST"]),
            ]
        )

    def _endpoint(self, answer: Answer) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            token = request.headers["authorization"].removeprefix("Bearer ")
            said = orjson.loads(await request.body())
            async with self.engines.read.connect() as connection:
                project = await caller(connection, token)
                data = await answer(connection, project, said["variables"])
            return Response(orjson.dumps({"data": data}), media_type="application/json")

        return endpoint


async def caller(connection: AsyncConnection, token: str) -> str:
    """The id of the project that a valid key works in."""
    digest = sha256(token.encode()).hexdigest()
    found = await rows(connection, select(KEY.id, KEY.revoked_at).where(KEY.digest == digest))
    assert found
    assert found[0].revoked_at is None
    project = await rows(connection, select(PROJECT.id).where(PROJECT.name == "default"))
    return str(project[0].id)


async def tiny(connection: AsyncConnection, project: str, said: dict[str, Any]) -> Any:
    own = select(D.id, D.name, D.status).where(D.id == plain(said["id"]), D.project_id == project)
    found = await rows(connection, own)
    return {
        "modelDeployment": {
            "id": said["id"],
            "name": found[0].name,
            "status": found[0].status.name,
        }
    }


async def page(connection: AsyncConnection, project: str, said: dict[str, Any]) -> Any:
    first = said["first"]
    listed = (
        select(D.id, D.name, D.status, D.desired_replicas, D.created_at, D.active_revision_id)
        .where(D.project_id == project, D.status.not_in(FINAL))
        .order_by(D.created_at, D.id)
        .limit(first + 1)
    )
    found = await rows(connection, listed)
    shown = found[:first]
    ids = [row.id for row in shown]
    numbers = func.row_number().over(partition_by=R.deployment_id, order_by=(R.created_at, R.id))
    ranked = (
        select(R.id, R.deployment_id, R.number, R.digest, R.note, R.variant, R.created_at)
        .add_columns(numbers.label("rank"))
        .where(R.deployment_id.in_(ids))
        .subquery()
    )
    few = select(ranked).where(ranked.c.rank <= 4).order_by(ranked.c.rank)
    revisions = defaultdict(list)
    for row in await rows(connection, few):
        revisions[row.deployment_id].append(row)
    shown_ids = [row.id for each in revisions.values() for row in each[:3]]
    running = await replicas(connection, shown_ids)
    active_ids = [row.active_revision_id for row in shown]
    chosen = select(R.id, R.number, R.digest).where(R.id.in_(active_ids))
    active = {
        row.id: {
            "id": global_id("ModelRevision", row.id),
            "number": row.number,
            "digest": row.digest,
        }
        for row in await rows(connection, chosen)
    }
    cursors = [cursor(row) for row in shown]
    return {
        "modelDeployments": {
            "edges": [
                {
                    "cursor": place,
                    "node": {
                        "id": global_id("ModelDeployment", row.id),
                        "name": row.name,
                        "status": row.status.name,
                        "desiredReplicas": row.desired_replicas,
                        "createdAt": show_datetime(row.created_at),
                        "activeRevision": active.get(row.active_revision_id),
                        "revisions": three(revisions[row.id], running),
                    },
                }
                for place, row in zip(cursors, shown, strict=True)
            ],
            "pageInfo": {"hasNextPage": len(found) > first, "endCursor": cursors[-1]},
        }
    }


def three(found: Sequence[Any], running: Mapping[str, Sequence[Any]]) -> Any:
    return {
        "edges": [
            {
                "node": {
                    "id": global_id("ModelRevision", row.id),
                    "number": row.number,
                    "digest": row.digest,
                    "note": row.note,
                    "runtimeVariant": row.variant.name,
                    "createdAt": show_datetime(row.created_at),
                    "replicas": four(running[row.id]),
                }
            }
            for row in found[:3]
        ],
        "pageInfo": {
            "hasNextPage": len(found) > 3,
            "endCursor": cursor(found[:3][-1]),
        },
    }


async def replicas(
    connection: AsyncConnection, revision_ids: Sequence[str]
) -> Mapping[str, Sequence[Any]]:
    numbers = func.row_number().over(partition_by=P.revision_id, order_by=(P.created_at, P.id))
    ranked = (
        select(P.id, P.revision_id, P.status, P.status_since, P.reason, P.message, P.created_at)
        .add_columns(numbers.label("rank"))
        .where(P.revision_id.in_(revision_ids), P.status != ReplicaStatus.EXITED)
        .subquery()
    )
    few = select(ranked).where(ranked.c.rank <= 5).order_by(ranked.c.rank)
    found = defaultdict(list)
    for row in await rows(connection, few):
        found[row.revision_id].append(row)
    return found


def four(found: Sequence[Any]) -> Any:
    return {
        "edges": [
            {
                "node": {
                    "id": global_id("ModelReplica", row.id),
                    "status": row.status.name,
                    "statusSince": show_datetime(row.status_since),
                    "statusReason": None if row.reason is None else row.reason.name,
                    "statusMessage": row.message,
                    "createdAt": show_datetime(row.created_at),
                }
            }
            for row in found[:4]
        ],
        "pageInfo": {"hasNextPage": len(found) > 4},
    }


async def rows(connection: AsyncConnection, statement: Select[Any]) -> Sequence[Any]:
    found: Sequence[Any] = (await connection.execute(statement)).all()
    return found


def global_id(kind: str, own: str) -> str:
    return encoded(f"{kind}:{own}")


def cursor(row: Any) -> str:
    return encoded(f'["created_at","{row.created_at.isoformat()}","{row.id}"]')


def encoded(text: str) -> str:
    return b2a_base64(text.encode(), newline=False).translate(URL_SAFE).rstrip(b"=").decode()


def plain(shown: str) -> str:
    found = relay.parse_id(shown)
    assert found is not None
    return found[1]
