"""Projects, API keys, and what a caller may do."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol, TypeVar

from domain.errors import Forbidden, NotFound


class Owned(Protocol):
    """Whatever belongs to a project."""

    @property
    def project_id(self) -> str: ...


Mine = TypeVar("Mine", bound=Owned)


class Role(StrEnum):
    VIEWER = "viewer"  # reads
    EDITOR = "editor"  # and changes what runs
    ADMIN = "admin"  # and deletes, and holds secrets

    def covers(self, other: "Role") -> bool:
        order = list(Role)
        return order.index(self) >= order.index(other)


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    id: str
    name: str
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """`digest` is the SHA-256 of the token, hex: the token itself is shown once and never kept."""

    id: str
    name: str
    prefix: str
    digest: str
    server_admin: bool
    roles: Mapping[str, Role]  # project id → role
    created_at: datetime
    revoked_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Who calls. `actor` is what events and rows name. `is_system`: Modelyard itself, and no user."""

    actor: str
    roles: Mapping[str, Role] = field(default_factory=dict)
    server_admin: bool = False
    key_id: str | None = None
    is_system: bool = False

    def role_in(self, project_id: str) -> Role | None:
        return Role.ADMIN if self.server_admin else self.roles.get(project_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """A principal, the project that its request selected, and the request's id (the cause of events)."""

    principal: Principal
    project_id: str
    request_id: str

    @property
    def actor(self) -> str:
        return self.principal.actor

    @property
    def cause(self) -> str:
        return f"request:{self.request_id}"

    def sees(self, project_id: str) -> bool:
        return self.principal.role_in(project_id) is not None

    def require_selected(self, role: Role) -> None:
        """The role in the selected project: for what has no id yet."""
        self.require(role, self.project_id, NotFound(kind="project", id=self.project_id))

    def owned(self, value: Mine | None, role: Role, missing: NotFound) -> Mine:
        """`value`, if it is there and the caller may act on it in this role."""
        if value is None:
            raise missing
        self.require(role, value.project_id, missing)
        return value

    def require(self, role: Role, project_id: str, missing: NotFound) -> None:
        """Raise `missing` for a project that isn't the caller's, Forbidden for too low a role."""
        held = self.principal.role_in(project_id)
        if held is None:
            raise missing
        if not held.covers(role):
            raise Forbidden(role=role.value, path=missing.path)
