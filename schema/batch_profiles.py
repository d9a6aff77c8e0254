"""Rules for batch jobs."""

from datetime import datetime
from enum import Enum

import strawberry
from strawberry import Maybe

from domain.batches import profile
from schema import versions
from schema.access import Project
from schema.batch_inputs import BatchRetryInput
from schema.batch_parts import BatchRetry
from schema.context import Info
from schema.errors import Payload
from schema.lists import DateTimeFilter, IDFilter, OrderDirection, StringFilter
from schema.relay import Node, global_id
from schema.scalars import Duration


@versions.type(added="0.2.0")
class BatchScheduling:
    """What jobs get that say nothing of their own; null says nothing either."""

    max_window: Duration | None = versions.field(description="No job's window is longer.")
    priority: int | None
    max_concurrency: int | None = versions.field(description="No job's own is higher.")
    request_timeout: Duration | None
    retry: BatchRetry | None

    @classmethod
    def of(cls, value: profile.Scheduling) -> "BatchScheduling":
        return cls(
            max_window=None if value.max_window is None else Duration(value.max_window),
            priority=value.priority,
            max_concurrency=value.max_concurrency,
            request_timeout=(
                None if value.request_timeout is None else Duration(value.request_timeout)
            ),
            retry=None if value.retry is None else BatchRetry.of(value.retry),
        )


@versions.type(added="0.2.0")
class BatchQuotas:
    """How much there may be; null: no limit but the server's."""

    max_requests: int | None = versions.field(description="Lines of one job.")
    max_bytes: int | None = versions.field(description="Bytes of one job's input.")
    max_active: int | None = versions.field(
        description="Jobs of the project under the profile that are not final."
    )

    @classmethod
    def of(cls, value: profile.Quotas) -> "BatchQuotas":
        return cls(
            max_requests=value.max_requests,
            max_bytes=value.max_bytes,
            max_active=value.max_active,
        )


@versions.type(added="0.2.0")
class BatchProfile(Node):
    """Rules for batch jobs, by name."""

    name: str = versions.field(description="Unique in the project.")
    is_default: bool = versions.field(description="Whether it is for jobs that name none.")
    created_at: datetime
    created_by: str = versions.field(description="Who made it, e.g. key:ci.")
    updated_at: datetime = versions.field(description="When it last changed.")
    held: strawberry.Private[profile.BatchProfile]

    @versions.field
    def scheduling(self) -> BatchScheduling:
        """How jobs are run."""
        return BatchScheduling.of(self.held.scheduling)

    @versions.field
    def quotas(self) -> BatchQuotas:
        """How much of them there may be."""
        return BatchQuotas.of(self.held.quotas)

    @versions.load
    async def project(self, info: Info) -> Project | None:
        found = await info.context.loads.project(self.held.project_id)
        return None if found is None else Project.of(found)

    @classmethod
    def of(cls, value: profile.BatchProfile) -> "BatchProfile":
        return cls(
            id=global_id("BatchProfile", value.id),
            name=value.name,
            is_default=value.is_default,
            created_at=value.created_at,
            created_by=value.created_by,
            updated_at=value.updated_at,
            held=value,
        )


class BatchProfileOrderField(Enum):
    CREATED_AT = "created_at"
    UPDATED_AT = "updated_at"
    NAME = "name"


versions.enum(BatchProfileOrderField, added="0.2.0")
ORDER_KINDS: dict[str, type] = {"created_at": datetime, "updated_at": datetime, "name": str}


@versions.input(added="0.2.0")
class BatchProfileOrder:
    field: BatchProfileOrderField
    direction: OrderDirection | None = versions.field(description="ASC unless said.")


@versions.input(added="0.2.0")
class BatchProfileFilter:
    """All that is said must hold."""

    id: IDFilter | None
    name: StringFilter | None
    created_by: StringFilter | None
    created_at: DateTimeFilter | None
    updated_at: DateTimeFilter | None
    and_: list["BatchProfileFilter"] | None = versions.field(name="and")
    or_: list["BatchProfileFilter"] | None = versions.field(name="or")
    not_: "BatchProfileFilter | None" = versions.field(name="not")


@versions.input(added="0.2.0")
class BatchSchedulingInput:
    """What jobs get that say nothing of their own; what is not said is not ruled."""

    max_window: Duration | None = versions.field(
        description="Jobs with a longer completion window are refused."
    )
    priority: int | None = versions.field(description="From 1 to 10.")
    max_concurrency: int | None = versions.field(
        description="Requests at a time of a job; jobs that want more are refused."
    )
    request_timeout: Duration | None = versions.field(
        description="How long one request of theirs may take."
    )
    retry: BatchRetryInput | None = versions.field(description="How often a request is tried.")


@versions.input(added="0.2.0")
class BatchQuotasInput:
    """What is not said has no limit but the server's."""

    max_requests: int | None = versions.field(description="Lines of one job.")
    max_bytes: int | None = versions.field(description="Bytes of one job's input.")
    max_active: int | None = versions.field(
        description="Jobs of the project under the profile that are not final."
    )


@versions.input(added="0.2.0")
class CreateBatchProfileInput:
    name: str = versions.field(description="1 to 63 of a-z, 0-9 and -, unique in the project.")
    is_default: bool | None = versions.field(
        description="Whether jobs that name no profile get it, in the place of the present default; "
        "false unless said."
    )
    scheduling: BatchSchedulingInput | None = versions.field(description="How jobs are run.")
    quotas: BatchQuotasInput | None = versions.field(description="How much of them may be.")


@versions.input(added="0.2.0")
class UpdateBatchProfileInput:
    """Absent stays as it is; jobs that were made keep what they got."""

    batch_profile_id: strawberry.ID = versions.field(description="The profile to change.")
    name: Maybe[str | None] = versions.field(description="Its new name; it has to have one.")
    is_default: Maybe[bool | None] = versions.field(description="Null is false.")
    scheduling: Maybe[BatchSchedulingInput | None] = versions.field(
        description="Replaces it whole; null rules nothing."
    )
    quotas: Maybe[BatchQuotasInput | None] = versions.field(
        description="Replaces them all; null sets no limit."
    )


@versions.input(added="0.2.0")
class DeleteBatchProfileInput:
    batch_profile_id: strawberry.ID = versions.field(description="The profile to delete.")


@versions.type(added="0.2.0")
class CreateBatchProfilePayload(Payload):
    batch_profile: BatchProfile | None = versions.field(
        default=None, description="The new profile; null where there are user errors."
    )


@versions.type(added="0.2.0")
class UpdateBatchProfilePayload(Payload):
    batch_profile: BatchProfile | None = versions.field(
        default=None, description="As it is now; null where there are user errors."
    )


@versions.type(added="0.2.0")
class DeleteBatchProfilePayload(Payload):
    batch_profile: BatchProfile | None = versions.field(default=None, description="As it was.")
