from dataclasses import dataclass

from domain.definitions.request import RevisionRequest
from domain.definitions.resolution import Resolution


@dataclass(frozen=True, slots=True, kw_only=True)
class Definitions:
    async def resolve(
        self, project_id: str, request: RevisionRequest, *, preview: bool
    ) -> Resolution:
        """Gather the layers and resolve them; raises Refused with every error found."""
        raise NotImplementedError(request, preview, project_id)
