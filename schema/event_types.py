"""One type for each fact of the domain, with what was true then and what is there now.

An event's own fields show the past. The nodes it names show the present, and are null when gone.
"""

from collections.abc import Mapping
from datetime import datetime

import strawberry

from schema import versions
from schema.access import Project
from schema.context import Info
from schema.deployments import ModelDeployment
from schema.enums import DeploymentStatus, TemplateStatus
from schema.folders import ModelFolder
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
        """As it is now; null when it is gone."""
        found = await info.context.loads.folder(self.own_folder_id)
        return None if found is None else ModelFolder.of(found)


@versions.interface(added="0.1.0")
class TemplateEvent(Event):
    """A fact about a deployment template."""

    template_id: strawberry.ID
    own_template_id: strawberry.Private[str]

    @versions.load
    async def template(self, info: Info) -> DeploymentTemplate | None:
        """As it is now; null when it is gone."""
        found = await info.context.loads.template(self.own_template_id)
        return None if found is None else DeploymentTemplate.of(found)


@versions.interface(added="0.1.0")
class DeploymentEvent(Event):
    """A fact about a model deployment."""

    deployment_id: strawberry.ID
    own_deployment_id: strawberry.Private[str]

    @versions.load
    async def deployment(self, info: Info) -> ModelDeployment | None:
        """As it is now, also when it was deleted."""
        found = await info.context.loads.deployment(self.own_deployment_id)
        return None if found is None else ModelDeployment.of(found)


@versions.interface(added="0.1.0")
class RevisionEvent(DeploymentEvent):
    """A fact about a model revision."""

    revision_id: strawberry.ID
    own_revision_id: strawberry.Private[str]

    @versions.load
    async def revision(self, info: Info) -> ModelRevision | None:
        """The revision that it is about."""
        found = await info.context.loads.revision_head(self.own_revision_id)
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
