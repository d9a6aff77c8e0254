"""Batch profiles."""

from typing import Any, cast

import strawberry

from domain.batches.admission import options
from domain.batches.batch import Retry
from domain.batches.profiles import NewProfile, ProfilePatch
from resolvers import lists
from resolvers.context import Info
from resolvers.errors import mending
from resolvers.inputs import own_id, own_id_or_none, patch
from schema import versions
from schema.batch_inputs import BatchRetryInput
from schema.batch_profiles import (
    ORDER_KINDS,
    BatchProfile,
    BatchProfileFilter,
    BatchProfileOrder,
    CreateBatchProfileInput,
    CreateBatchProfilePayload,
    DeleteBatchProfileInput,
    DeleteBatchProfilePayload,
    UpdateBatchProfileInput,
    UpdateBatchProfilePayload,
)
from schema.relay import DEFAULT_FIRST, After, Connection, First


@versions.type(added="0.2.0")
class BatchProfileQueries:
    @versions.method(added="0.2.0")
    async def batch_profile(self, info: Info, id: strawberry.ID) -> BatchProfile | None:
        """A profile by its id; null for an id of nothing that the caller sees."""
        own = own_id_or_none("BatchProfile", id)
        found = await info.context.loads.batch_profile(own) if own else None
        return None if found is None else BatchProfile.of(found)

    @versions.method(added="0.2.0")
    async def batch_profiles(
        self,
        info: Info,
        first: First = DEFAULT_FIRST,
        after: After = None,
        filter: BatchProfileFilter | None = None,
        order_by: BatchProfileOrder | None = None,
    ) -> Connection[BatchProfile]:
        """The project's profiles, oldest first unless ordered."""
        return await lists.in_project(
            info.context,
            info.context.services.reads.batch_profiles,
            BatchProfile.of,
            ORDER_KINDS,
            first=first,
            after=after,
            filter=filter,
            order_by=order_by,
        )


@versions.type(added="0.2.0")
class BatchProfileMutations:
    @versions.method(added="0.2.0")
    async def create_batch_profile(
        self, info: Info, input: CreateBatchProfileInput
    ) -> CreateBatchProfilePayload | None:
        """Makes rules for batch jobs; needs an admin of the project."""
        payload = CreateBatchProfilePayload()
        with mending(payload):
            new = NewProfile(**_ruled(patch(input, without=("idempotency_key",))))
            profiles = info.context.services.batch_profiles
            created = await profiles.create(info.context.caller, new, input.idempotency_key)
            payload.batch_profile = BatchProfile.of(created)
        return payload

    @versions.method(added="0.2.0")
    async def update_batch_profile(
        self, info: Info, input: UpdateBatchProfileInput
    ) -> UpdateBatchProfilePayload | None:
        """Changes what is said, and leaves the rest as it is; needs an admin of the project."""
        payload = UpdateBatchProfilePayload()
        with mending(payload):
            own = own_id("BatchProfile", input.batch_profile_id, "batch_profile_id")
            said = _ruled(patch(input, without=("batch_profile_id",)))
            profiles = info.context.services.batch_profiles
            changed = await profiles.update(info.context.caller, own, cast("ProfilePatch", said))
            payload.batch_profile = BatchProfile.of(changed)
        return payload

    @versions.method(added="0.2.0")
    async def delete_batch_profile(
        self, info: Info, input: DeleteBatchProfileInput
    ) -> DeleteBatchProfilePayload | None:
        """Deletes a profile; needs an admin of the project."""
        payload = DeleteBatchProfilePayload()
        with mending(payload):
            own = own_id("BatchProfile", input.batch_profile_id, "batch_profile_id")
            profiles = info.context.services.batch_profiles
            payload.batch_profile = BatchProfile.of(await profiles.delete(info.context.caller, own))
        return payload


def retry(said: BatchRetryInput | None) -> Retry | None:
    """What is not said of it is the default."""
    return None if said is None else options.retry(**patch(said))


def _ruled(said: dict[str, Any]) -> dict[str, Any]:
    return {**said, "retry": retry(said["retry"])} if "retry" in said else said
