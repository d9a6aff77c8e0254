"""Events: one type for each fact of the domain, with what was true then and what is there now.

An event's own fields show the past. The nodes it names show the present, and are null when gone.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

import strawberry

from domain import events
from schema import versions
from schema.access import Project
from schema.context import Info
from schema.deployments import ModelDeployment
from schema.enums import DeploymentStatus, TemplateStatus
from schema.folders import ModelFolder
from schema.relay import PageInfo, global_id
from schema.revisions import ModelRevision
from schema.secrets import Secret
from schema.templates import DeploymentTemplate


@versions.interface(added="0.1.0")
class Event:
    """A committed fact."""

    cursor: str = versions.field(description="What `after` takes to go on behind this event.")
    at: datetime
    actor: str = versions.field(description="Who did it, e.g. key:ci.")
    cause: str = versions.field(description="What led to it: request:<id> or event:<position>.")


@versions.interface(added="0.1.0")
class ProjectEvent(Event):
    """A fact about a project."""

    project_id: strawberry.ID
    own_project_id: strawberry.Private[str]

    @versions.load
    async def project(self, info: Info) -> Project | None:
        found = await info.context.loads.project(self.own_project_id)
        return None if found is None else Project.of(found)


@versions.interface(added="0.1.0")
class SecretEvent(Event):
    """A fact about a secret."""

    secret_id: strawberry.ID
    own_secret_id: strawberry.Private[str]

    @versions.load
    async def secret(self, info: Info) -> Secret | None:
        found = await info.context.loads.secret(self.own_secret_id)
        return None if found is None else Secret.of(found)


@versions.interface(added="0.1.0")
class FolderEvent(Event):
    """A fact about a model folder."""

    folder_id: strawberry.ID
    own_folder_id: strawberry.Private[str]

    @versions.load
    async def folder(self, info: Info) -> ModelFolder | None:
        found = await info.context.loads.folder(self.own_folder_id)
        return None if found is None else ModelFolder.of(found)


@versions.interface(added="0.1.0")
class TemplateEvent(Event):
    """A fact about a deployment template."""

    template_id: strawberry.ID
    own_template_id: strawberry.Private[str]

    @versions.load
    async def template(self, info: Info) -> DeploymentTemplate | None:
        found = await info.context.loads.template(self.own_template_id)
        return None if found is None else DeploymentTemplate.of(found)


@versions.interface(added="0.1.0")
class DeploymentEvent(Event):
    """A fact about a model deployment."""

    deployment_id: strawberry.ID
    own_deployment_id: strawberry.Private[str]

    @versions.load
    async def deployment(self, info: Info) -> ModelDeployment | None:
        found = await info.context.loads.deployment(self.own_deployment_id)
        return None if found is None else ModelDeployment.of(found)


@versions.interface(added="0.1.0")
class RevisionEvent(DeploymentEvent):
    """A fact about a model revision."""

    revision_id: strawberry.ID
    own_revision_id: strawberry.Private[str]

    @versions.load
    async def revision(self, info: Info) -> ModelRevision | None:
        found = await info.context.loads.revision(self.own_revision_id)
        return None if found is None else ModelRevision.of(found)


@versions.type(added="0.1.0")
class ProjectCreated(ProjectEvent):
    """A project came to be."""

    name: str


@versions.type(added="0.1.0")
class KeyCreated(Event):
    """An API key was made."""

    key_id: strawberry.ID
    name: str


@versions.type(added="0.1.0")
class KeyRevoked(Event):
    """An API key opens nothing any more."""

    key_id: strawberry.ID
    name: str


@versions.type(added="0.1.0")
class SecretCreated(SecretEvent):
    """A secret was sealed."""

    name: str


@versions.type(added="0.1.0")
class SecretDeleted(SecretEvent):
    """A secret is gone."""

    name: str


@versions.type(added="0.1.0")
class FolderCreated(FolderEvent):
    """A model folder was registered."""

    name: str
    uri: str


@versions.type(added="0.1.0")
class FolderUpdated(FolderEvent):
    """A model folder has another name or URI."""

    name: str
    uri: str


@versions.type(added="0.1.0")
class FolderDeleted(FolderEvent):
    """A model folder is no longer registered."""

    name: str


@versions.type(added="0.1.0")
class TemplateCreated(TemplateEvent):
    """A template got a new version."""

    name: str
    version: int


@versions.type(added="0.1.0")
class TemplateUpdated(TemplateEvent):
    """A template's version changed."""

    name: str
    version: int
    status: TemplateStatus


@versions.type(added="0.1.0")
class TemplateDeleted(TemplateEvent):
    """A template's version is gone."""

    name: str
    version: int


@versions.type(added="0.1.0")
class DeploymentCreated(DeploymentEvent):
    """A deployment was created, with nothing active."""

    name: str
    desired_replicas: int


@versions.type(added="0.1.0")
class DeploymentUpdated(DeploymentEvent):
    """A user decided otherwise; the fields show what holds since."""

    name: str
    tags: list[str]
    desired_replicas: int
    changed: list[str] = versions.field(description="The names of the fields that changed.")


@versions.type(added="0.1.0")
class DeploymentDeleted(DeploymentEvent):
    """A deployment is gone; its history stays."""

    name: str


@versions.type(added="0.1.0")
class DeploymentStatusChanged(DeploymentEvent):
    """A deployment went from one status to another."""

    before: DeploymentStatus
    after: DeploymentStatus


@versions.type(added="0.1.0")
class RevisionAdded(RevisionEvent):
    """A revision was resolved and stored."""

    number: int
    digest: str


@versions.type(added="0.1.0")
class RevisionActivated(RevisionEvent):
    """A revision is to run."""

    number: int


class EventType(StrEnum):
    """The facts of the domain; a test compares the two."""

    PROJECT_CREATED = "ProjectCreated"
    KEY_CREATED = "KeyCreated"
    KEY_REVOKED = "KeyRevoked"
    SECRET_CREATED = "SecretCreated"
    SECRET_DELETED = "SecretDeleted"
    FOLDER_CREATED = "FolderCreated"
    FOLDER_UPDATED = "FolderUpdated"
    FOLDER_DELETED = "FolderDeleted"
    TEMPLATE_CREATED = "TemplateCreated"
    TEMPLATE_UPDATED = "TemplateUpdated"
    TEMPLATE_DELETED = "TemplateDeleted"
    DEPLOYMENT_CREATED = "DeploymentCreated"
    DEPLOYMENT_UPDATED = "DeploymentUpdated"
    DEPLOYMENT_DELETED = "DeploymentDeleted"
    DEPLOYMENT_STATUS_CHANGED = "DeploymentStatusChanged"
    REVISION_ADDED = "RevisionAdded"
    REVISION_ACTIVATED = "RevisionActivated"


versions.enum(EventType, added="0.1.0", description="The types of events, for filters.")


@versions.input(added="0.1.0")
class EventFilter:
    """All that is said must hold."""

    types: list[EventType] | None
    subject: strawberry.ID | None = versions.field(
        description="The id of what the events are about; a revision's are its deployment's."
    )
    every_project: bool | None = versions.field(
        description="Also other projects' events and the server's own; for server admins alone."
    )


@versions.type(added="0.1.0")
class EventEdge:
    """An event, and its place in the log."""

    cursor: str
    node: Event


@versions.type(added="0.1.0")
class EventConnection:
    """A part of the log, oldest first."""

    edges: list[EventEdge]
    nodes: list[Event] = versions.field(description="The edges' nodes.")
    page_info: PageInfo


TYPES: Mapping[str, type[Event]] = {
    cls.__name__: cls
    for cls in (
        ProjectCreated,
        KeyCreated,
        KeyRevoked,
        SecretCreated,
        SecretDeleted,
        FolderCreated,
        FolderUpdated,
        FolderDeleted,
        TemplateCreated,
        TemplateUpdated,
        TemplateDeleted,
        DeploymentCreated,
        DeploymentUpdated,
        DeploymentDeleted,
        DeploymentStatusChanged,
        RevisionAdded,
        RevisionActivated,
    )
}

_NODES = {
    "project_id": "Project",
    "secret_id": "Secret",
    "folder_id": "ModelFolder",
    "template_id": "DeploymentTemplate",
    "deployment_id": "ModelDeployment",
    "revision_id": "ModelRevision",
}


def shown(event: events.Event, cursor: str) -> Event:
    said: dict[str, Any] = {}
    for name in event.fact.__dataclass_fields__:
        value = getattr(event.fact, name)
        if name in _NODES:
            said[f"own_{name}"] = value
            value = global_id(_NODES[name], value)
        said[name] = value
    cls = TYPES[type(event.fact).__name__]
    return cls(cursor=cursor, at=event.at, actor=event.actor, cause=event.cause, **said)
