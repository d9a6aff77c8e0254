"""GET /v1/models: the deployments that a caller may ask, in OpenAI's shape."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from domain.clock import Clock
from domain.deployments.deployment import DeploymentStatus
from domain.errors import ModelyardError
from domain.gateway.naming import Wanted, parse
from domain.gateway.refusals import ModelNotFound
from domain.gateway.route import Route, Share
from infra.http.gateway import refusals
from infra.http.gateway.refusals import refused
from infra.http.gateway.table import Table
from infra.http.openai import errors
from infra.http.openai.admission import Admission
from infra.http.refusals import JSON


@dataclass(frozen=True, slots=True, kw_only=True)
class Models:
    """Listed is what is or is to be served, whether or not a replica is healthy just now. A preview
    (`deployment@N`) is found by its name, and not listed."""

    admission: Admission
    table: Table
    clock: Clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            shown = await self._shown(request)
            response = Response(orjson.dumps(shown), media_type=JSON)
        except ModelyardError as error:
            response = errors.answer(error, refusals.shape(error, self.clock()))
        await response(scope, receive, send)

    async def _shown(self, request: Request) -> Mapping[str, Any]:
        if request.method not in ("GET", "HEAD"):
            problem = f"{request.url.path} is asked with GET."
            allowed = {"Allow": "GET, HEAD"}
            raise refused(problem, "method_not_allowed", status=405, headers=allowed)
        caller = await self.admission.admit(request.headers)
        wanted = request.path_params.get("model")
        if wanted is not None:
            return self._model(caller.project_id, wanted)
        routes = self.table.of(caller.project_id)
        listed = [each for route in routes for each in _listed(route)]
        return {"object": "list", "data": listed}

    def _model(self, project_id: str, written: str) -> Mapping[str, Any]:
        wanted = parse(written)
        route = wanted and self.table.named(project_id, wanted.deployment)
        if not wanted or not route or not _is_there(route, wanted):
            raise ModelNotFound(model=written)
        return _shape(route, written)


def _listed(route: Route) -> Sequence[Mapping[str, Any]]:
    """A deployment, and each of its models but the first under a name of its own."""
    if route.status is DeploymentStatus.PENDING:
        return ()
    more = [
        model
        for target in route.targets
        for model in (endpoint.model for endpoint in target.endpoints[1:])
    ]
    names = [route.name, *(f"{route.name}/{model}" for model in dict.fromkeys(more))]
    return [_shape(route, name) for name in names]


def _is_there(route: Route, wanted: Wanted) -> bool:
    shares: Sequence[Share] = route.shares
    if wanted.revision is None and wanted.model is None:
        return route.status is not DeploymentStatus.PENDING
    if wanted.revision is not None:
        shares = [s for s in shares if s.revision_number == wanted.revision and s.awaited]
    if wanted.model is None:
        return bool(shares)
    targets = [target for share in shares for target in share.targets]
    return any(target.endpoint(wanted.model) for target in targets)


def _shape(route: Route, name: str) -> Mapping[str, Any]:
    return {
        "id": name,
        "object": "model",
        "created": int(route.created_at.timestamp()),
        "owned_by": "modelyard",
    }
