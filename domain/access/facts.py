"""What is recorded of projects and keys."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectCreated:
    project_id: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyCreated:
    key_id: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRevoked:
    key_id: str
    name: str


Fact = ProjectCreated | KeyCreated | KeyRevoked
