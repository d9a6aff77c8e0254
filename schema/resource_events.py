"""Facts about projects, keys, secrets, model folders and templates."""

import strawberry

from schema import versions
from schema.enums import TemplateStatus
from schema.event_kinds import Event, FolderEvent, ProjectEvent, SecretEvent, TemplateEvent


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
    status: TemplateStatus = versions.field(name="templateStatus")


@versions.type(added="0.1.0")
class TemplateDeleted(TemplateEvent):
    """A template's version is gone."""

    name: str
    version: int
