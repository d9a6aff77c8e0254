"""The pages for people: GraphiQL on /graphql, the schema on /schema."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from domain.access.access import Caller
from domain.errors import ModelyardError, Unauthenticated
from infra.http.gate import Credentials, Gate
from infra.http.pages.assets import PATH, Assets
from infra.http.pages.description import description
from infra.http.pages.frame import Frame
from infra.http.pages.graphiql import graphiql
from infra.http.pages.history import history
from infra.http.pages.html import tag
from infra.http.pages.overview import overview, results
from infra.http.pages.reference import Reference, References
from infra.http.pages.shell import Page, address, answered, lines, message
from infra.http.refusals import RequestRefused, answer

SEARCHED = 100  # characters of a search

log = structlog.get_logger()
Serve = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pages:
    """`may_read` says who may read the schema; None: everyone, also who has no key."""

    assets: Assets
    gate: Gate
    references: References
    may_read: Callable[[Caller], bool] | None = None

    @property
    def routes(self) -> list[BaseRoute]:
        return [
            Route(PATH + "{name}", self._guarded(self.assets.serve)),
            Route("/schema", self._guarded(self._overview)),
            Route("/schema/changes", self._guarded(self._history)),
            Route("/schema/types/{name}", self._guarded(self._type)),
            Route("/schema/directives/{name}", self._guarded(self._directive)),
            Route("/schema.graphql", self._guarded(self._sdl)),
        ]

    async def graphiql(self, request: Request) -> Response:
        """For a browser's GET of /graphql; raises what `Gate.check_page` does."""
        await self.gate.check_page(request.headers)
        is_open = await self.gate.is_open()
        return answered(graphiql(self.assets, self.references.served(), is_open=is_open))

    async def _overview(self, request: Request) -> Response:
        reference = await self._asked(request)
        search = request.query_params.get("search", "").strip()[:SEARCHED]
        frame = self._frame(request, reference, search)
        page = results(frame, reference, search) if search else overview(frame, reference)
        return answered(page)

    async def _history(self, request: Request) -> Response:
        reference = await self._asked(request)
        served = [each.version for each in self.references.served()]
        versions = served[served.index(reference.version) :]
        changes = await asyncio.to_thread(
            lambda: {version: self.references.changes(version) for version in versions}
        )
        return answered(history(self._frame(request, reference), reference, changes))

    async def _type(self, request: Request) -> Response:
        reference = await self._asked(request)
        name = request.path_params["name"]
        described = reference.types.get(name)
        if described is None:
            return self._absent(request, reference, name)
        return answered(description(self._frame(request, reference), reference, described))

    async def _directive(self, request: Request) -> Response:
        reference = await self._asked(request)
        name = request.path_params["name"]
        described = reference.directives.get(name)
        if described is None:
            return self._absent(request, reference, f"@{name}")
        return answered(description(self._frame(request, reference), reference, described))

    async def _sdl(self, request: Request) -> Response:
        reference = await self._asked(request)
        headers = {
            "Cache-Control": "no-cache",
            "Vary": "Authorization",
            "X-Api-Version": reference.version,
            "X-Content-Type-Options": "nosniff",
        }
        sdl = await asyncio.to_thread(self.references.sdl, reference.version)
        return PlainTextResponse(sdl, headers=headers)

    def _frame(self, request: Request, reference: Reference, search: str = "") -> Frame:
        return Frame(
            assets=self.assets,
            served=self.references.served(),
            version=reference.version,
            path=request.url.path,
            search=search,
        )

    async def _asked(self, request: Request) -> Reference:
        """As of the version in the address, else of the newest."""
        await self._check_reader(request)
        served = [each.version for each in self.references.served()]
        wanted = request.query_params.get("version") or served[0]
        if wanted not in served:
            problem = f"There is no API version {wanted[:40]!r} here. Served: {', '.join(served)}."
            raise RequestRefused(kind="UNKNOWN_API_VERSION", status=404, problem=problem)
        return await asyncio.to_thread(self.references.reference, wanted)

    async def _check_reader(self, request: Request) -> None:
        if self.may_read is None:
            return
        try:
            caller = await self.gate.admit(request.headers, Credentials.of(request.headers))
        except Unauthenticated as error:
            problem = (
                "This server shows its schema to API keys that may read it (its setting "
                "INTROSPECTION). Send one as 'Authorization: Bearer my_…', or give it to GraphiQL."
            )
            headers = {"WWW-Authenticate": "Bearer"}
            raise RequestRefused(
                kind=error.code, status=401, problem=problem, headers=headers
            ) from error
        if not self.may_read(caller):
            problem = (
                "This server does not show its schema to this key (its setting INTROSPECTION)."
            )
            raise RequestRefused(kind="INTROSPECTION_FORBIDDEN", status=403, problem=problem)

    def _absent(self, request: Request, reference: Reference, name: str) -> Response:
        search = address("/schema", version=reference.version, search=name.lstrip("@"))
        said = "It may have come later, or be called otherwise: "
        page = self._frame(request, reference).around(
            name,
            tag("h1", f"{reference.version} has no ", tag("code", name)),
            tag("p", said, tag("a", f"search for {name}", href=search), "."),
        )
        return answered(page, 404)

    def _guarded(self, serve: Serve) -> Serve:
        async def guarded(request: Request) -> Response:
            try:
                await self.gate.check_page(request.headers)
                return await serve(request)
            except ModelyardError as error:
                log.info("page refused", code=error.code)
                return self._refused(request, error)

        return guarded

    def _refused(self, request: Request, error: ModelyardError) -> Response:
        """For a browser as a page, with the status and the headers that others get."""
        plain = answer(error)
        if "text/html" not in request.headers.get("accept", ""):
            return plain
        page: Page = message(self.assets, "Not shown", lines(error.message, _ways()))
        response = answered(page, plain.status_code)
        for name in ("www-authenticate", "retry-after"):
            if name in plain.headers:
                response.headers[name] = plain.headers[name]
        return response


def _ways() -> list[str]:
    return [tag("a", "The schema", href="/schema"), " · ", tag("a", "GraphiQL", href="/graphql")]
