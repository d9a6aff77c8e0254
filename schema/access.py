"""Projects, and who is asking."""

from datetime import datetime

from domain.access import access
from domain.access.access import Caller
from schema import versions
from schema.enums import Role
from schema.errors import Payload
from schema.relay import Node, global_id


@versions.type(added="0.1.0")
class Project(Node):
    """What keys open: everything else belongs to one."""

    name: str
    created_at: datetime

    @classmethod
    def of(cls, value: access.Project) -> "Project":
        return cls(id=global_id("Project", value.id), name=value.name, created_at=value.created_at)


@versions.type(added="0.1.0")
class Viewer:
    """Who is asking, and where."""

    actor: str = versions.field(description="The name that events and rows will have of them.")
    server_admin: bool
    project: Project
    role: Role | None = versions.field(description="The role in that project.")

    @classmethod
    def of(cls, caller: Caller, project: access.Project) -> "Viewer":
        return cls(
            actor=caller.actor,
            server_admin=caller.principal.server_admin,
            project=Project.of(project),
            role=caller.principal.role_in(project.id),
        )


@versions.input(added="0.1.0")
class CreateProjectInput:
    name: str


@versions.type(added="0.1.0")
class CreateProjectPayload(Payload):
    project: Project | None = None
