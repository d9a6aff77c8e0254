"""Replicas, and the groups of those that run the same revision."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, Annotated, TypeAlias, cast

import strawberry

from domain.deployments import replica
from domain.listing import Compare, Condition, Listing, Op, Or, names, replaced
from schema import lists, versions
from schema.context import Info
from schema.enums import Reason, ReplicaStatus
from schema.lists import BooleanFilter, DateTimeFilter, IDFilter, IntFilter, OrderDirection
from schema.relay import Node, global_id

if TYPE_CHECKING:
    from schema.deployments import ModelDeployment
    from schema.revisions import ModelRevision

DEFAULT_TAIL = 100
MOST_TAIL = 1_000
IS_EXITED = "is_exited"
Tail: TypeAlias = Annotated[
    int, versions.argument(f"How many of the last lines, from 0 to {MOST_TAIL}.")
]
IncludeExited: TypeAlias = Annotated[
    bool,
    versions.argument(
        "Whether those that have exited are listed too, as far as they are kept.",
        deprecated="0.3.0",
        use="ModelReplicaFilter.isExited",
        removal="0.5.0",
    ),
]


@versions.type(added="0.1.0")
class ReplicaEndpoint:
    """Where one model of a replica answers, for who may reach it; clients go through the gateway."""

    model: str = versions.field(description="The model's own name, as its engine knows it.")
    url: str = versions.field(description="Scheme, host and port, without a path.")

    @classmethod
    def of(cls, value: replica.Endpoint) -> "ReplicaEndpoint":
        return cls(model=value.model, url=value.url)


@versions.type(added="0.1.0")
class ModelReplica(Node):
    """One running copy of a revision: it serves every model of the definition that has a service."""

    status: ReplicaStatus
    status_since: datetime = versions.field(description="When it came to that status.")
    status_reason: Reason | None = versions.field(
        description="Why it is what it is; null where nothing went wrong and nobody decided."
    )
    status_message: str = versions.field(description="The reason in words; may be empty.")
    created_at: datetime
    first_healthy_at: datetime | None = versions.field(
        description="When it first was healthy; null before."
    )
    exited_at: datetime | None = versions.field(description="Null while something of it is left.")
    exit_code: int | None = versions.field(
        description="Negative: the signal that ended it. Null also where nobody could see it."
    )
    held: strawberry.Private[replica.Replica]

    @versions.field
    def endpoints(self) -> list[ReplicaEndpoint]:
        """Where it answers, in the order of the definition's models; empty before that is known."""
        return [ReplicaEndpoint.of(each) for each in self.held.endpoints]

    @versions.field
    def log_tail(self) -> list[str]:
        """Its last lines, kept when something went wrong; else empty, see `logs`."""
        return cast("list[str]", self.held.log_tail)

    @versions.load
    async def deployment(
        self, info: Info
    ) -> Annotated["ModelDeployment", strawberry.lazy("schema.deployments")] | None:
        from schema.deployments import ModelDeployment

        found = await info.context.loads.deployment(self.held.deployment_id)
        return None if found is None else ModelDeployment.of(found)

    @versions.load
    async def revision(
        self, info: Info
    ) -> Annotated["ModelRevision", strawberry.lazy("schema.revisions")] | None:
        """The revision that it runs."""
        from schema.revisions import ModelRevision

        found = await info.context.loads.revision_head(self.held.revision_id)
        return None if found is None else ModelRevision.of(found)

    @versions.load
    async def group(
        self, info: Info
    ) -> Annotated["ReplicaGroup", strawberry.lazy("schema.replicas")] | None:
        """The replicas of the same revision."""
        found = await info.context.loads.group(self.held.group_id)
        return None if found is None else ReplicaGroup.of(found)

    @versions.field
    async def logs(self, info: Info, tail: Tail = DEFAULT_TAIL) -> list[str]:
        """Its last lines, standard output and error as one; `replicaLogs` follows them."""
        return list(await info.context.loads.logs(self.held, tail))

    @versions.field
    async def command(self, info: Info) -> list[list[str]]:
        """What is executed, word by word, for each model with a service; its environment is not here."""
        return [list(argv) for argv in await info.context.loads.command(self.held)]

    @classmethod
    def of(cls, value: replica.Replica) -> "ModelReplica":
        return cls(
            id=global_id("ModelReplica", value.id),
            status=value.status,
            status_since=value.status_since,
            status_reason=value.reason,
            status_message=value.message,
            created_at=value.created_at,
            first_healthy_at=value.first_healthy_at,
            exited_at=value.exited_at,
            exit_code=value.exit_code,
            held=value,
        )


@versions.type(added="0.1.0")
class ReplicaLogLine:
    """A line of what a replica writes."""

    text: str = versions.field(description="Without its end.")


@versions.type(added="0.1.0")
class ReplicaCounts:
    """How many replicas have which status now."""

    starting: int
    healthy: int
    unhealthy: int
    draining: int
    stopping: int
    present: int = versions.field(description="All of these together: those that have not exited.")

    @classmethod
    def of(cls, values: Sequence[replica.Replica]) -> "ReplicaCounts":
        found = Counter(value.status for value in values)
        return cls(
            starting=found[ReplicaStatus.STARTING],
            healthy=found[ReplicaStatus.HEALTHY],
            unhealthy=found[ReplicaStatus.UNHEALTHY],
            draining=found[ReplicaStatus.DRAINING],
            stopping=found[ReplicaStatus.STOPPING],
            present=len(values),
        )


@versions.type(added="0.1.0")
class ReplicaGroup(Node):
    """The replicas of one revision of a deployment."""

    weight: int | None = versions.field(
        description="The percentage of requests that it gets; null where all replicas share them."
    )
    desired_replicas: int = versions.field(
        description="How many of it are to run now, on the way to what is desired of the deployment."
    )
    exits: int = versions.field(
        description="How many replicas in a row ended unwanted; each makes the next wait longer."
    )
    next_retry_at: datetime | None = versions.field(
        description="No replica is started before; null where none has to wait."
    )
    exit_reason: Reason | None = versions.field(
        description="Why the last of them ended unwanted; null where none did."
    )
    exit_message: str = versions.field(description="The reason in words; may be empty.")
    created_at: datetime
    held: strawberry.Private[replica.ReplicaGroup]

    @versions.field
    def log_tail(self) -> list[str]:
        """The last lines of the last one that ended unwanted."""
        return cast("list[str]", self.held.log_tail)

    @versions.load
    async def deployment(
        self, info: Info
    ) -> Annotated["ModelDeployment", strawberry.lazy("schema.deployments")] | None:
        from schema.deployments import ModelDeployment

        found = await info.context.loads.deployment(self.held.deployment_id)
        return None if found is None else ModelDeployment.of(found)

    @versions.load
    async def revision(
        self, info: Info
    ) -> Annotated["ModelRevision", strawberry.lazy("schema.revisions")] | None:
        """The revision that they run."""
        from schema.revisions import ModelRevision

        found = await info.context.loads.revision_head(self.held.revision_id)
        return None if found is None else ModelRevision.of(found)

    @versions.load
    async def replica_counts(self, info: Info) -> ReplicaCounts:
        """How many there are; `ModelDeployment.replicas` lists them."""
        present = await info.context.loads.present(self.held.deployment_id)
        return ReplicaCounts.of([each for each in present if each.group_id == self.held.id])

    @classmethod
    def of(cls, value: replica.ReplicaGroup) -> "ReplicaGroup":
        return cls(
            id=global_id("ReplicaGroup", value.id),
            weight=value.weight,
            desired_replicas=value.desired_replicas,
            exits=value.exits,
            next_retry_at=value.retry_at,
            exit_reason=value.reason,
            exit_message=value.message,
            created_at=value.created_at,
            held=value,
        )


class ModelReplicaOrderField(Enum):
    CREATED_AT = "created_at"
    STATUS = "status"
    STATUS_SINCE = "status_since"


versions.enum(ModelReplicaOrderField, added="0.1.0")
ORDER_KINDS: dict[str, type] = {
    "created_at": datetime,
    "status": ReplicaStatus,
    "status_since": datetime,
}


@versions.input(added="0.1.0")
class ModelReplicaOrder:
    field: ModelReplicaOrderField
    direction: OrderDirection | None = versions.field(description="ASC unless said.")


@versions.input(added="0.1.0")
class ReplicaStatusFilter:
    eq: ReplicaStatus | None
    ne: ReplicaStatus | None
    in_: list[ReplicaStatus] | None = versions.field(name="in")


@versions.input(added="0.1.0")
class ModelReplicaFilter:
    """All that is said must hold."""

    id: IDFilter | None
    revision_id: IDFilter | None
    group_id: IDFilter | None
    revision_number: IntFilter | None
    status: ReplicaStatusFilter | None
    created_at: DateTimeFilter | None
    exited_at: DateTimeFilter | None
    is_exited: BooleanFilter | None = versions.field(
        description="Lists leave out those that have exited where nothing is said of it.",
        added="0.3.0",
    )
    and_: list["ModelReplicaFilter"] | None = versions.field(name="and")
    or_: list["ModelReplicaFilter"] | None = versions.field(name="or")
    not_: "ModelReplicaFilter | None" = versions.field(name="not")


def listing(
    first: int,
    after: str | None,
    filter: ModelReplicaFilter | None,
    order_by: ModelReplicaOrder | None,
    *,
    include_exited: bool,
) -> Listing:
    """Raises as `lists.listing`."""
    found = lists.listing(
        first=first,
        after=after,
        filter=filter,
        order_by=order_by,
        kinds=ORDER_KINDS,
        within={},
    )
    asked = found.where is not None and names(found.where, IS_EXITED)
    where = None if found.where is None else replaced(found.where, IS_EXITED, _by_status)
    return replace(found, where=where, with_deleted=include_exited or asked)


def _by_status(compare: Compare) -> Condition:
    """Rows have the status alone."""
    wanted = cast("tuple[bool, ...]", compare.value if compare.op is Op.IN else (compare.value,))
    operators = {True: Op.EQ, False: Op.NE}
    exited = ReplicaStatus.EXITED
    return Or(tuple(Compare("status", operators[each], exited) for each in dict.fromkeys(wanted)))
