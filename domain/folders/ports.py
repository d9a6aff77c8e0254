"""What the domain needs of the places where model folders lie."""

from pathlib import Path
from typing import Protocol


class FolderFiles(Protocol):
    async def read(self, uri: str, path: str, limit: int) -> bytes | None:
        """The file at `path` beneath the folder at `uri`; None where there is none.

        Raises FileTooLarge over `limit` bytes, OutsideFolder for a path (or link) that leaves the
        folder, StorageUnavailable where the store did not answer in its time.
        """

    async def usable(self, uri: str) -> str:
        """The canonical URI of a folder that may be registered; raises FolderRefused."""


class LocalFolders(Protocol):
    async def local(self, uri: str) -> Path:
        """Where the folder at `uri` lies on this machine; what is kept elsewhere is copied first.

        Raises FolderRefused for a URI that can't be used, StorageUnavailable where the folder can't
        be had.
        """
