"""Projects and the viewer."""

from dataclasses import replace

from domain.access.access import Caller
from domain.listing import Compare, Condition, Op
from resolvers import lists
from resolvers.context import Info
from resolvers.errors import mending
from schema import versions
from schema.access import (
    ORDER_KINDS,
    CreateProjectInput,
    CreateProjectPayload,
    Project,
    ProjectFilter,
    ProjectOrder,
    Viewer,
)
from schema.lists import both
from schema.relay import DEFAULT_FIRST, After, Connection, First


@versions.type(added="0.1.0")
class AccessQueries:
    @versions.field
    def api_version(self, info: Info) -> str:
        """The version of the API that answers."""
        return info.context.version

    @versions.field
    async def viewer(self, info: Info) -> Viewer:
        """Who is asking, and in which project."""
        context = info.context
        return Viewer.of(context.caller, await context.selected_project())

    @versions.field
    async def projects(
        self,
        info: Info,
        first: First = DEFAULT_FIRST,
        after: After = None,
        filter: ProjectFilter | None = None,
        order_by: ProjectOrder | None = None,
    ) -> Connection[Project]:
        """The projects that the caller's key opens, oldest first unless ordered."""
        context = info.context
        said = lists.listing(
            ORDER_KINDS, {}, first=first, after=after, filter=filter, order_by=order_by
        )
        listing = replace(said, where=both(said.where, _seen(context.caller)))
        return await lists.page(context.services.reads.projects, Project.of, listing, after)


def _seen(caller: Caller) -> Condition | None:
    if caller.principal.server_admin:
        return None
    return Compare("id", Op.IN, tuple(caller.principal.roles))


@versions.type(added="0.1.0")
class AccessMutations:
    @versions.field
    async def create_project(
        self, info: Info, input: CreateProjectInput
    ) -> CreateProjectPayload | None:
        """Makes a project, which keys can then be made for; needs a server admin."""
        payload = CreateProjectPayload()
        with mending(payload):
            access = info.context.services.access
            payload.project = Project.of(
                await access.create_project(info.context.caller, input.name)
            )
        return payload
