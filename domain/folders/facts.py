"""What is recorded of model folders."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderCreated:
    folder_id: str
    name: str
    uri: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderUpdated:
    folder_id: str
    name: str
    uri: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderDeleted:
    folder_id: str
    name: str


Fact = FolderCreated | FolderUpdated | FolderDeleted
