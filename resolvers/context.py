"""What one operation works with."""

from dataclasses import dataclass
from typing import Any, TypeAlias

import strawberry

from domain.access.access import Caller, Project
from domain.access.service import Access
from domain.autoscaling.service import Autoscaling
from domain.batches.external_endpoints import ExternalEndpoints
from domain.batches.profiles import Profiles
from domain.batches.results import Results
from domain.batches.service import Batches
from domain.clock import Timer
from domain.definitions.service import Definitions
from domain.deployments.replicas import Replicas
from domain.deployments.rollouts import Rollouts
from domain.deployments.service import Deployments
from domain.errors import NotFound
from domain.events import Cursor
from domain.files.service import Files
from domain.folders.service import Folders
from domain.secrets.service import Secrets
from domain.templates.service import Templates
from domain.webhooks.service import Webhooks
from domain.work import EventLog, Reads
from resolvers.loaders import Loaders
from schema.versions import NEXT


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """All that resolvers call; one for the whole process."""

    access: Access
    secrets: Secrets
    folders: Folders
    files: Files
    templates: Templates
    definitions: Definitions
    deployments: Deployments
    rollouts: Rollouts
    replicas: Replicas
    autoscaling: Autoscaling
    webhooks: Webhooks
    batches: Batches
    batch_profiles: Profiles
    external_endpoints: ExternalEndpoints
    results: Results
    reads: Reads
    log: EventLog
    timer: Timer


@dataclass(slots=True)
class Context:
    """Made per operation: `Context.of(services, caller)`. A subscription renews it per event.
    `version` is the one that is served: NEXT sees all."""

    services: Services
    caller: Caller
    loads: Loaders
    cursor: Cursor | None = None
    version: str = NEXT

    @classmethod
    def of(cls, services: Services, caller: Caller, version: str = NEXT) -> "Context":
        return cls(services, caller, _loaders(services, caller), version=version)

    async def selected_project(self) -> Project:
        """The project that the request selected; raises NotFound where the caller sees none."""
        found = await self.loads.project(self.caller.project_id)
        if found is None:
            raise NotFound(kind="project", id=self.caller.project_id)
        return found

    async def note_cursor(self) -> None:
        self.cursor = await self.services.log.head()

    def renew(self) -> None:
        """Forget what was loaded: what comes next shows the present."""
        self.loads = _loaders(self.services, self.caller)


def _loaders(services: Services, caller: Caller) -> Loaders:
    return Loaders(
        services.reads, services.definitions, services.replicas, services.results, caller
    )


Info: TypeAlias = strawberry.Info[Context, Any]
