"""addModelRevision with three layers, against a bare INSERT of the same rows."""

from dataclasses import dataclass
from itertools import count

from sqlalchemy import bindparam, insert, update

from benchmarks.calls import Call
from benchmarks.measure import Ratio, compared
from benchmarks.world import World, world
from domain.clock import utc_now
from domain.deployments.deployment import Deployment
from domain.deployments.facts import RevisionAdded
from domain.ids import new_id
from infra.db.deployments import DEPLOYMENTS, REVISIONS
from infra.db.events import EVENT_HEAD, EVENTS, to_rows
from schema.relay import global_id

ADD = """mutation Add($input: AddModelRevisionInput!) {
  addModelRevision(input: $input) {
    revision { id number digest }
    userErrors { code message path }
  }
}"""


async def add() -> Ratio:
    async with world() as server:
        ours = await server.deployment("ours", revisions=1)
        theirs = await server.deployment("theirs", revisions=1)
        asked = {
            "deploymentId": global_id("ModelDeployment", ours.id),
            "runtimeVariant": "VLLM",
            "modelFolder": {"folderId": global_id("ModelFolder", server.folder_id)},
            "enableModelDefinitionOverride": True,
            "modelDefinition": {
                "models": [{"service": {"port": 9000, "healthCheck": {"maxRetries": 3}}}]
            },
            "note": "fail sooner",
        }
        call = Call.of(server.asgi, "/graphql", server.token, ADD, input=asked)
        assert b'"userErrors":[]' in await call()
        bare = await Bare.of(server, theirs)
        return await compared(
            "add",
            "addModelRevision, three layers",
            call,
            bare.insert,
            bar=2.0,
            acts=10,
            rounds=15,
        )


@dataclass(frozen=True, slots=True, eq=False)
class Bare:
    """The rows that an added revision leaves, written with nothing decided and nothing resolved."""

    server: World
    deployment: Deployment
    row: dict[str, object]
    numbers: "count[int]"

    @classmethod
    async def of(cls, server: World, deployment: Deployment) -> "Bare":
        locked = await server.parts.store.reads.deployments.by_ids([deployment.id])
        found = locked[deployment.id]
        assert found.active_revision_id is not None
        held = await server.parts.store.reads.revisions.by_ids([found.active_revision_id])
        row = dict(REVISIONS.to_row(held[found.active_revision_id]))
        return cls(server, found, row, count(2))

    async def insert(self) -> None:
        number, own = next(self.numbers), new_id()
        fact = RevisionAdded(
            deployment_id=self.deployment.id,
            revision_id=own,
            number=number,
            digest=str(self.row["digest"]),
        )
        now, project_id = utc_now(), self.deployment.project_id
        async with self.server.engines.transaction() as transaction:
            await transaction.run(REVISIONS.insert, {**self.row, "id": own, "number": number})
            changed = {"row_id": self.deployment.id, "last": number, "now": now}
            await transaction.run(CHANGE, changed)
            head = (await transaction.run(ADVANCE)).scalar_one()
            rows = to_rows([(project_id, fact)], head, now, "bench", "bench")
            await transaction.run(APPEND, rows[0])


CHANGE = (
    update(DEPLOYMENTS.table)
    .values(
        last_revision=bindparam("last"),
        generation=DEPLOYMENTS.table.c.generation + 1,
        updated_at=bindparam("now"),
    )
    .where(DEPLOYMENTS.table.c.id == bindparam("row_id"))
)
ADVANCE = (
    update(EVENT_HEAD).values(position=EVENT_HEAD.c.position + 1).returning(EVENT_HEAD.c.position)
)
APPEND = insert(EVENTS)
