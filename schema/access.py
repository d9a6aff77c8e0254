"""Projects, and who is asking."""

from datetime import datetime
from enum import Enum

from domain.access import access
from domain.access.access import Caller
from schema import versions
from schema.enums import Role
from schema.errors import Payload
from schema.lists import DateTimeFilter, IDFilter, OrderDirection, StringFilter
from schema.relay import Node, global_id


@versions.type(added="0.1.0")
class Project(Node):
    """What keys open: everything else belongs to one."""

    name: str = versions.field(
        description="What X-Modelyard-Project selects it by; unique on the server."
    )
    created_at: datetime

    @classmethod
    def of(cls, value: access.Project) -> "Project":
        return cls(id=global_id("Project", value.id), name=value.name, created_at=value.created_at)


@versions.type(added="0.1.0")
class Viewer:
    """Who is asking, and where."""

    actor: str = versions.field(description="The name that events and rows will have of them.")
    server_admin: bool = versions.field(
        description="Whether they may do everything, in every project."
    )
    project: Project = versions.field(description="The project that the request selected.")
    role: Role | None = versions.field(description="The role in that project.")

    @classmethod
    def of(cls, caller: Caller, project: access.Project) -> "Viewer":
        return cls(
            actor=caller.actor,
            server_admin=caller.principal.server_admin,
            project=Project.of(project),
            role=caller.principal.role_in(project.id),
        )


class ProjectOrderField(Enum):
    CREATED_AT = "created_at"
    NAME = "name"


versions.enum(ProjectOrderField, added="0.1.0")
ORDER_KINDS: dict[str, type] = {"created_at": datetime, "name": str}


@versions.input(added="0.1.0")
class ProjectOrder:
    field: ProjectOrderField
    direction: OrderDirection | None = versions.field(description="ASC unless said.")


@versions.input(added="0.1.0")
class ProjectFilter:
    """All that is said must hold."""

    id: IDFilter | None
    name: StringFilter | None
    created_at: DateTimeFilter | None
    and_: list["ProjectFilter"] | None = versions.field(name="and")
    or_: list["ProjectFilter"] | None = versions.field(name="or")
    not_: "ProjectFilter | None" = versions.field(name="not")


@versions.input(added="0.1.0")
class CreateProjectInput:
    name: str = versions.field(description="1 to 63 of a-z, 0-9 and -, unique on the server.")


@versions.type(added="0.1.0")
class CreateProjectPayload(Payload):
    project: Project | None = versions.field(
        default=None, description="The new project; null where there are user errors."
    )
