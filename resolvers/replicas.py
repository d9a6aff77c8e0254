"""Replicas."""

import strawberry

from resolvers.context import Info
from resolvers.inputs import own_id_or_none
from schema import versions
from schema.replicas import ModelReplica


@versions.type(added="0.1.0")
class ReplicaQueries:
    @versions.field
    async def model_replica(self, info: Info, id: strawberry.ID) -> ModelReplica | None:
        """A replica by its id, also one that has exited."""
        own = own_id_or_none("ModelReplica", id)
        found = await info.context.loads.replica(own) if own else None
        return None if found is None else ModelReplica.of(found)
