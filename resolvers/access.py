"""Projects and the viewer."""

from resolvers.context import Info
from resolvers.errors import mending
from schema import versions
from schema.access import CreateProjectInput, CreateProjectPayload, Project, Viewer
from schema.versions import CURRENT


@versions.type(added="0.1.0")
class AccessQueries:
    @versions.field
    def api_version(self) -> str:
        """The version of the API that answers."""
        return CURRENT

    @versions.field
    async def viewer(self, info: Info) -> Viewer:
        """Who is asking, and in which project."""
        context = info.context
        return Viewer.of(context.caller, await context.selected_project())


@versions.type(added="0.1.0")
class AccessMutations:
    @versions.field
    async def create_project(
        self, info: Info, input: CreateProjectInput
    ) -> CreateProjectPayload | None:
        """Needs a server admin."""
        payload = CreateProjectPayload()
        with mending(payload):
            access = info.context.services.access
            payload.project = Project.of(
                await access.create_project(info.context.caller, input.name)
            )
        return payload
