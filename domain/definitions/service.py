from dataclasses import dataclass

from domain.definitions.compare import Difference, Drift
from domain.definitions.request import RevisionRequest
from domain.definitions.resolution import Resolution
from domain.deployments.deployment import Revision


@dataclass(frozen=True, slots=True, kw_only=True)
class Definitions:
    async def resolve(
        self, project_id: str, request: RevisionRequest, *, preview: bool
    ) -> Resolution:
        """Gather the layers and resolve them; raises Refused with every error found."""
        raise NotImplementedError(request, preview, project_id)

    async def compare(self, a: Revision, b: Revision) -> tuple[Difference, ...]:
        raise NotImplementedError(a, b)

    async def drift(self, revision: Revision) -> Drift:
        raise NotImplementedError(revision)
