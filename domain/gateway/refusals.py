"""Why a gateway can't send a request anywhere."""

from dataclasses import dataclass
from datetime import datetime

from domain.deployments.deployment import DeploymentStatus
from domain.deployments.reason import Reason
from domain.errors import ModelyardError
from domain.gateway.route import Route


@dataclass(eq=False, kw_only=True)
class ModelNotFound(ModelyardError):
    """The model {model!r} does not exist here, or this key has no access to it."""

    model: str


@dataclass(eq=False, kw_only=True)
class ModelNotReady(ModelyardError):
    """A deployment that exists, and has no replica for the request."""

    model: str
    status: DeploymentStatus
    reason: Reason | None
    detail: str
    next_retry_at: datetime | None

    @classmethod
    def of(cls, route: Route, model: str) -> "ModelNotReady":
        return cls(
            model=model,
            status=route.status,
            reason=route.reason,
            detail=route.message,
            next_retry_at=route.next_retry_at,
        )

    @property
    def message(self) -> str:
        standing = self.status.name
        if self.reason is not None:
            standing += f" ({self.reason.name})"
        if self.detail:
            standing += f": {self.detail}"
        said = f"{self.model!r} has no replica that can answer now; its deployment is {standing}"
        return said if said.endswith((".", "!", "?")) else f"{said}."
