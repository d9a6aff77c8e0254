"""/v1/files: OpenAI's Files API."""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import orjson
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Send

from domain.access.access import Caller, Role
from domain.errors import NotFound
from domain.files import asked
from domain.files.file import File, FilePurpose
from domain.files.service import Files
from domain.listing import Compare, Listing, Op, Order
from domain.work import Reads
from infra.http.multipart import IDLE_SECONDS, Form
from infra.http.openai import ids, lists, ranges
from infra.http.openai.admission import Admission
from infra.http.openai.errors import refused
from infra.http.openai.file_form import FileForm
from infra.http.openai.resource import Resource
from infra.http.refusals import JSON

LISTED = LISTED_AT_MOST = 10_000
BESIDE = 64 * 1024  # bytes that a form may have beside its file
BINARY = "application/octet-stream"


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRoutes:
    """`idle_seconds`: how long an upload may stand still."""

    admission: Admission
    files: Files
    reads: Reads
    idle_seconds: float = IDLE_SECONDS

    @property
    def routes(self) -> Sequence[Route]:
        one = "/v1/files/{file_id}"
        return [
            Route("/v1/files", Resource({"GET": self._list, "POST": self._create})),
            Route(one, Resource({"GET": self._get, "DELETE": self._delete})),
            Route(f"{one}/content", Resource({"GET": self._content})),
        ]

    async def _create(self, request: Request) -> Response:
        """The purpose may follow the file: then it is refused at the end, and nothing is left."""
        caller = await self.admission.admit(request.headers)
        caller.require_selected(Role.EDITOR)
        self._check_announced(request.headers)
        form = FileForm(Form(request, self.idle_seconds))
        name = await form.name()
        if form.has_purpose:
            asked.purpose(form.asked())
        async with aclosing(form.pieces()) as pieces:
            file = await self.files.upload_form(caller, name, pieces, form.asked)
        return _json(shown(file))

    async def _list(self, request: Request) -> Response:
        caller = await self.admission.admit(request.headers)
        caller.require_selected(Role.VIEWER)
        said = request.query_params
        purpose = said.get("purpose")
        if purpose and purpose not in list(FilePurpose):
            return _json(lists.shown([], has_more=False))
        listing = Listing(
            first=lists.limit(said, default=LISTED, most=LISTED_AT_MOST),
            within={"project_id": caller.project_id},
            where=Compare("purpose", Op.EQ, FilePurpose(purpose)) if purpose else None,
            order=Order("created_at", descending=lists.is_descending(said)),
            after=await self._after(caller, said.get("after")),
        )
        page = await self.reads.files.page(listing)
        return _json(lists.shown([shown(file) for file in page.items], has_more=page.has_next))

    async def _get(self, request: Request) -> Response:
        _, file = await self._asked(request)
        return _json(shown(file))

    async def _delete(self, request: Request) -> Response:
        caller, file = await self._asked(request)
        await self.files.delete(caller, file.id)
        return _json({"id": ids.of_file(file.id), "object": "file", "deleted": True})

    async def _content(self, request: Request) -> Response:
        _, file = await self._asked(request)
        etag = f'"{file.sha256}"'
        headers = {
            "ETag": etag,
            "Accept-Ranges": "bytes",
            "Cache-Control": "private, no-cache",
            "Content-Disposition": f"attachment; filename*=UTF-8''{quote(file.name, safe='')}",
            "X-Content-Type-Options": "nosniff",
        }
        if ranges.is_known(request.headers, etag):
            return Response(status_code=304, headers=headers)
        try:
            span = ranges.wanted(request.headers, etag, file.size)
        except ranges.Unsatisfiable as error:
            whole = {"Content-Range": f"bytes */{file.size}"}
            problem = f"The file has {file.size} bytes."
            raise refused(problem, "invalid_range", status=416, headers=whole) from error
        start, end = span or (0, file.size)
        headers["Content-Length"] = str(end - start)
        if span is not None:
            headers["Content-Range"] = f"bytes {start}-{end - 1}/{file.size}"
        status = 200 if span is None else 206
        if request.method == "HEAD":
            return Response(None, status, headers, media_type=BINARY)
        return await Download.of(self.files.content(file, start, end), status, headers)

    async def _asked(self, request: Request) -> tuple[Caller, File]:
        caller = await self.admission.admit(request.headers)
        caller.require_selected(Role.VIEWER)
        return caller, await self._file(caller, request.path_params["file_id"])

    async def _file(self, caller: Caller, written: str) -> File:
        """One of the selected project's; raises NotFound."""
        file = await self.files.get(caller, ids.own_file(written))
        if file.project_id != caller.project_id:
            raise NotFound(kind="file", id=written[:80])
        return file

    async def _after(self, caller: Caller, written: str | None) -> tuple[object, str] | None:
        if not written:
            return None
        try:
            file = await self._file(caller, written)
        except NotFound as error:
            problem = f"There is no file {written[:80]!r} to list what comes after."
            raise refused(problem, "invalid_after", param="after") from error
        return file.created_at, file.id

    def _check_announced(self, headers: Mapping[str, str]) -> None:
        """What is too large for certain is refused before it was sent."""
        announced = headers.get("content-length", "")
        if announced.isdecimal() and int(announced[:18]) > self.files.limit + BESIDE:
            problem = f"A file may have {self.files.limit} bytes at most."
            raise refused(problem, "file_too_large", status=413, param="file")


class Download(StreamingResponse):
    """Closes its stream however it ends, also where the client hangs up."""

    @classmethod
    async def of(
        cls, pieces: AsyncGenerator[bytes, None], status: int, headers: Mapping[str, str]
    ) -> "Download":
        """Raises what the first piece raises, while there is an answer to give."""
        first = await anext(pieces, b"")

        async def all_of_it() -> AsyncIterator[bytes]:
            async with aclosing(pieces):
                yield first
                async for piece in pieces:
                    yield piece

        return cls(all_of_it(), status, headers, media_type=BINARY)

    async def stream_response(self, send: Send) -> None:
        assert isinstance(self.body_iterator, AsyncGenerator)
        async with aclosing(self.body_iterator):
            await super().stream_response(send)


def shown(file: File) -> Mapping[str, Any]:
    return {
        "id": ids.of_file(file.id),
        "object": "file",
        "bytes": file.size,
        "created_at": int(file.created_at.timestamp()),
        "expires_at": int(file.expires_at.timestamp()),
        "filename": file.name,
        "purpose": file.purpose.value,
        "status": file.status.value,
        "status_details": None,
    }


def _json(said: Mapping[str, Any]) -> Response:
    return Response(orjson.dumps(said), media_type=JSON)
