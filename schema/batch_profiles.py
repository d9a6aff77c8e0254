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
from schema.scalars import Duration, SafeInt, duration


@versions.type(added="0.2.0")
class BatchProfile(Node):
    """Rules for batch jobs, by name."""

    name: str = versions.field(description="Unique in the project.")
    is_default: bool = versions.field(description="Whether it is for jobs that name none.")
    created_at: datetime
    created_by: str = versions.field(description="Who made it, e.g. key:ci.")
    updated_at: datetime = versions.field(description="When it last changed.")
    max_window: Duration | None = versions.field(
        description="Jobs with a longer window are refused; null refuses none."
    )
    priority: int | None = versions.field(
        description="Of jobs that say none; null leaves them the default."
    )
    max_concurrency: int | None = versions.field(
        description="Requests at a time: of jobs that say none, and at most; null: no limit."
    )
    request_timeout: Duration | None = versions.field(
        description="Of jobs that say none; null leaves them the default."
    )
    max_requests: int | None = versions.field(
        description="Lines of one job; null: no limit but the server's."
    )
    max_bytes: SafeInt | None = versions.field(
        description="Bytes of one job's input; null: no limit but the server's."
    )
    max_active: int | None = versions.field(
        description="Jobs under the profile that are not final; null: no limit."
    )
    held: strawberry.Private[profile.BatchProfile]

    @versions.field
    def retry(self) -> BatchRetry | None:
        """Of jobs that say none; null leaves them the default."""
        found = self.held.scheduling.retry
        return None if found is None else BatchRetry.of(found)

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
            max_window=duration(value.scheduling.max_window),
            priority=value.scheduling.priority,
            max_concurrency=value.scheduling.max_concurrency,
            request_timeout=duration(value.scheduling.request_timeout),
            max_requests=value.quotas.max_requests,
            max_bytes=None if value.quotas.max_bytes is None else SafeInt(value.quotas.max_bytes),
            max_active=value.quotas.max_active,
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
class CreateBatchProfileInput:
    """What is not said is not ruled."""

    name: str = versions.field(description="1 to 63 of a-z, 0-9 and -, unique in the project.")
    is_default: bool | None = versions.field(
        description="Whether jobs that name no profile get it, in the place of the present default; "
        "false unless said."
    )
    max_window: Duration | None = versions.field(
        description="Jobs with a longer completion window are refused."
    )
    priority: int | None = versions.field(description="Of jobs that say none, from 1 to 10.")
    max_concurrency: int | None = versions.field(
        description="Requests at a time: of jobs that say none, and at most for all."
    )
    request_timeout: Duration | None = versions.field(
        description="Of jobs that say none: how long one request may take."
    )
    retry: BatchRetryInput | None = versions.field(
        description="Of jobs that say none: how often a request is tried."
    )
    max_requests: int | None = versions.field(description="Lines of one job.")
    max_bytes: SafeInt | None = versions.field(description="Bytes of one job's input.")
    max_active: int | None = versions.field(
        description="Jobs under the profile that are not final."
    )
    idempotency_key: str | None = versions.field(
        description="For repeats: within a day, the same key and input get the first answer."
    )


@versions.input(added="0.2.0")
class UpdateBatchProfileInput:
    """Absent stays as it is, null takes a rule away; jobs that were made keep what they got."""

    batch_profile_id: strawberry.ID = versions.field(description="The profile to change.")
    name: Maybe[str | None] = versions.field(description="Its new name; it has to have one.")
    is_default: Maybe[bool | None] = versions.field(description="Null is false.")
    max_window: Maybe[Duration | None] = versions.field(
        description="Jobs with a longer completion window are refused."
    )
    priority: Maybe[int | None] = versions.field(description="Of jobs that say none, from 1 to 10.")
    max_concurrency: Maybe[int | None] = versions.field(
        description="Requests at a time: of jobs that say none, and at most for all."
    )
    request_timeout: Maybe[Duration | None] = versions.field(
        description="Of jobs that say none: how long one request may take."
    )
    retry: Maybe[BatchRetryInput | None] = versions.field(
        description="Of jobs that say none: how often a request is tried."
    )
    max_requests: Maybe[int | None] = versions.field(description="Lines of one job.")
    max_bytes: Maybe[SafeInt | None] = versions.field(description="Bytes of one job's input.")
    max_active: Maybe[int | None] = versions.field(
        description="Jobs under the profile that are not final."
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
