"""What events about batch jobs, profiles and external endpoints have in common."""

import strawberry

from schema import versions
from schema.batch_profiles import BatchProfile
from schema.batches import BatchJob
from schema.context import Info
from schema.event_kinds import Event
from schema.external_endpoints import ExternalEndpoint


@versions.interface(added="0.2.0")
class BatchJobEvent(Event):
    """A fact about a batch job."""

    batch_job_id: strawberry.ID
    own_batch_job_id: strawberry.Private[str]

    @versions.load
    async def batch_job(self, info: Info) -> BatchJob | None:
        """As it is now."""
        found = await info.context.loads.batch_job(self.own_batch_job_id)
        return None if found is None else BatchJob.of(found)


@versions.interface(added="0.2.0")
class BatchProfileEvent(Event):
    """A fact about a batch profile."""

    batch_profile_id: strawberry.ID
    own_batch_profile_id: strawberry.Private[str]

    @versions.load
    async def batch_profile(self, info: Info) -> BatchProfile | None:
        """As it is now; null when it is gone."""
        found = await info.context.loads.batch_profile(self.own_batch_profile_id)
        return None if found is None else BatchProfile.of(found)


@versions.interface(added="0.2.0")
class ExternalEndpointEvent(Event):
    """A fact about an external endpoint."""

    external_endpoint_id: strawberry.ID
    own_external_endpoint_id: strawberry.Private[str]

    @versions.load
    async def external_endpoint(self, info: Info) -> ExternalEndpoint | None:
        """As it is now; null when it is gone."""
        found = await info.context.loads.external_endpoint(self.own_external_endpoint_id)
        return None if found is None else ExternalEndpoint.of(found)
