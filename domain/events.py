"""The event log's vocabulary: committed facts, and cursors into the log.

One class a fact, named in the past tense, in its noun's `facts`; its fields show what was true then.
The class name is the stored type and the GraphQL type's name.
"""

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import get_args

from domain.access import facts as access
from domain.autoscaling import facts as autoscaling
from domain.batches import facts as batches
from domain.deployments import facts as deployments
from domain.errors import CursorExpired, CursorUnknown
from domain.files import facts as files
from domain.folders import facts as folders
from domain.secrets import facts as secrets
from domain.templates import facts as templates
from domain.webhooks import facts as webhooks


class SubjectKind(StrEnum):
    PROJECT = "project"
    KEY = "key"
    SECRET = "secret"
    FOLDER = "folder"
    TEMPLATE = "template"
    DEPLOYMENT = "deployment"
    FILE = "file"
    BATCH_JOB = "batch_job"
    BATCH_PROFILE = "batch_profile"
    EXTERNAL_ENDPOINT = "external_endpoint"
    WEBHOOK = "webhook"


Fact = (
    access.Fact
    | secrets.Fact
    | folders.Fact
    | templates.Fact
    | deployments.Fact
    | autoscaling.Fact
    | files.Fact
    | batches.Fact
    | webhooks.Fact
)
FACTS: Mapping[str, type] = {fact.__name__: fact for fact in get_args(Fact)}
SUBJECTS: Mapping[str, SubjectKind] = {f"{kind.value}_id": kind for kind in SubjectKind}


def subject(fact: Fact) -> tuple[SubjectKind, str]:
    """What a fact is about: the kind and id in its first field."""
    name = next(iter(fact.__dataclass_fields__))
    return SUBJECTS[name], getattr(fact, name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """`cause` is what led to it: "request:<id>" or "event:<position>". `project_id` is None for what
    belongs to the whole server (keys). `epoch` is the log's when the event was read."""

    epoch: str
    position: int
    at: datetime
    project_id: str | None
    subject_kind: SubjectKind
    subject_id: str
    actor: str
    cause: str
    fact: Fact

    @property
    def cursor(self) -> "Cursor":
        return Cursor(self.epoch, self.position)


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place in one log: everything up to and including `position` lies before it."""

    epoch: str
    position: int

    def encode(self) -> str:
        return urlsafe_b64encode(f"{self.epoch}:{self.position}".encode()).decode().rstrip("=")

    @classmethod
    def decode(cls, text: str) -> "Cursor":
        try:
            plain = urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode("ascii")
            epoch, position = plain.split(":")
            return cls(epoch, int(position))
        except (binascii.Error, ValueError) as error:
            raise CursorUnknown() from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """What a log holds: the events behind `swept`, up to and with `head`."""

    epoch: str
    swept: int
    head: int

    @property
    def oldest(self) -> Cursor:
        return Cursor(self.epoch, self.swept)

    @property
    def newest(self) -> Cursor:
        return Cursor(self.epoch, self.head)

    def resume(self, after: Cursor) -> int:
        """The position to go on behind; raises CursorExpired, CursorUnknown."""
        if after.epoch != self.epoch or not 0 <= after.position <= self.head:
            raise CursorUnknown()
        if after.position < self.swept:
            raise CursorExpired(oldest=self.oldest.encode())
        return after.position


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Which events a reader wants; None means any."""

    project_id: str | None = None
    subject: tuple[SubjectKind, str] | None = None
    types: frozenset[str] | None = None

    def covers(self, event: Event) -> bool:
        return (
            (self.project_id is None or event.project_id == self.project_id)
            and (self.subject is None or (event.subject_kind, event.subject_id) == self.subject)
            and (self.types is None or type(event.fact).__name__ in self.types)
        )
