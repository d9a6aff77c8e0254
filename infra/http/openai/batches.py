"""/v1/batches: OpenAI's Batch API."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from domain.access.access import Caller, Role
from domain.batches.admission import body as batch_body
from domain.batches.batch import Batch
from domain.batches.results import Results
from domain.batches.service import Batches
from domain.errors import (
    CursorInvalid,
    ModelyardError,
    NotFound,
    ResultsDeleted,
    UserError,
)
from domain.listing import Listing, Order
from domain.work import Reads
from infra.http.openai import batch_object, body, errors, ids, lists
from infra.http.openai.admission import Admission
from infra.http.openai.batch_object import Names
from infra.http.openai.errors import INVALID, Shape, refused
from infra.http.openai.resource import Resource
from infra.http.refusals import JSON

JSONL = "text/jsonl"
IDEMPOTENCY_KEY = "Idempotency-Key"
NEWEST_FIRST = Order("created_at", descending=True)
LISTED, LISTED_AT_MOST = 20, 100
RESULTS, RESULTS_AT_MOST = 100, 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchRoutes:
    admission: Admission
    batches: Batches
    reads: Reads
    results: Results

    @property
    def routes(self) -> Sequence[Route]:
        one = "/v1/batches/{batch_id}"
        return [
            Route("/v1/batches", Resource({"GET": self._list, "POST": self._create}, shape)),
            Route(one, Resource({"GET": self._get}, shape)),
            Route(f"{one}/cancel", Resource({"POST": self._cancel}, shape)),
            Route(f"{one}/results", Resource({"GET": self._results}, shape)),
        ]

    async def _create(self, request: Request) -> Response:
        caller = await self.admission.admit(request.headers)
        new = batch_body.read(await body.read(request))
        file_id = ids.own_file(new.input_file_id, ("input_file_id",))
        key = request.headers.get(IDEMPOTENCY_KEY) or None
        new = replace(new, input_file_id=file_id)
        return await self._shown(await self.batches.create(caller, new, key))

    async def _list(self, request: Request) -> Response:
        caller = await self.admission.admit(request.headers)
        caller.require_selected(Role.VIEWER)
        limit = lists.limit(request.query_params, default=LISTED, most=LISTED_AT_MOST)
        listing = Listing(
            first=limit,
            within={"project_id": caller.project_id},
            order=NEWEST_FIRST,
            after=await self._after(caller, request.query_params.get("after")),
        )
        page = await self.reads.batches.page(listing)
        names = await self._names(page.items)
        items = [batch_object.shown(batch, names) for batch in page.items]
        return _json(lists.shown(items, has_more=page.has_next))

    async def _get(self, request: Request) -> Response:
        return await self._shown(await self._asked(request, Role.VIEWER))

    async def _cancel(self, request: Request) -> Response:
        caller = await self.admission.admit(request.headers)
        batch = await self._batch(caller, request.path_params["batch_id"], Role.EDITOR)
        return await self._shown(await self.batches.cancel(caller, batch.id))

    async def _results(self, request: Request) -> Response:
        """What is stored so far, in the order in which it was stored. `X-Next-Cursor` is what to ask
        after next; there is none once nothing more can come."""
        batch = await self._asked(request, Role.VIEWER)
        said = request.query_params
        limit = lists.limit(said, default=RESULTS, most=RESULTS_AT_MOST)
        after = said.get("after") or None
        page = await self.results.page(batch, after, limit)
        headers = {} if page.next is None else {"X-Next-Cursor": page.next}
        content = b"".join(result.line + b"\n" for result in page.lines)
        return Response(content, headers=headers, media_type=JSONL)

    async def _asked(self, request: Request, role: Role) -> Batch:
        caller = await self.admission.admit(request.headers)
        return await self._batch(caller, request.path_params["batch_id"], role)

    async def _batch(self, caller: Caller, written: str, role: Role) -> Batch:
        """One of the selected project's; raises NotFound, Forbidden."""
        caller.require_selected(role)
        own = ids.own_batch(written)
        batch = (await self.reads.batches.by_ids([own])).get(own)
        if batch is None or batch.project_id != caller.project_id:
            raise NotFound(kind="batch", id=written[:80])
        return batch

    async def _after(self, caller: Caller, written: str | None) -> tuple[object, str] | None:
        if not written:
            return None
        try:
            batch = await self._batch(caller, written, Role.VIEWER)
        except NotFound as error:
            problem = f"There is no batch {written[:80]!r} to list what comes after."
            raise refused(problem, "invalid_after", param="after") from error
        return batch.created_at, batch.id

    async def _shown(self, batch: Batch) -> Response:
        return _json(batch_object.shown(batch, await self._names([batch])))

    async def _names(self, batches: Sequence[Batch]) -> Names:
        placed = {b.place.external_endpoint_id for b in batches if b.place is not None}
        endpoint_ids = [each for each in placed if each is not None]
        profile_ids = list({b.profile_id for b in batches if b.profile_id is not None})
        endpoints: Mapping[str, Any] = {}
        profiles: Mapping[str, Any] = {}
        if endpoint_ids:
            endpoints = await self.reads.external_endpoints.by_ids(endpoint_ids)
        if profile_ids:
            profiles = await self.reads.batch_profiles.by_ids(profile_ids)
        return Names(
            endpoints={each: endpoint.name for each, endpoint in endpoints.items()},
            profiles={each: profile.name for each, profile in profiles.items()},
        )


def shape(error: ModelyardError) -> Shape:
    """`param` in the spelling of the body. What a body names and is not there is 400, but for the input
    file."""
    match error:
        case NotFound() if error.path and error.kind != "file":
            param = _param(error) or ""
            named = param.removeprefix("modelyard.").partition(".")[0]
            return Shape(status=400, type=INVALID, code=f"{named}_not_found", param=param)
        case ResultsDeleted():
            return replace(errors.shape(error), status=404)
        case CursorInvalid():
            return Shape(status=400, type=INVALID, code="invalid_after", param="after")
        case UserError() if error.path[:1] != ("batch_job_id",):
            return replace(errors.shape(error), param=_param(error))
        case _:
            return errors.shape(error)


def _param(error: UserError) -> str | None:
    return IDEMPOTENCY_KEY if error.path == ("idempotency_key",) else batch_body.param(error.path)


def _json(said: Mapping[str, Any]) -> Response:
    return Response(orjson.dumps(said), media_type=JSON)
