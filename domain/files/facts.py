"""What is recorded of files."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class FileCreated:
    file_id: str
    name: str
    purpose: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FileDeleted:
    """`expired`: nobody deleted it, its time was up."""

    file_id: str
    name: str
    expired: bool


Fact = FileCreated | FileDeleted
