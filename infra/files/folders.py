"""Model folders on local disks and in object stores."""

import asyncio
import os
import re
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from urllib.parse import unquote, urlsplit

from domain.definitions.kubernetes import is_object_name
from domain.errors import FileTooLarge, FolderRefused, OutsideFolder, StorageUnavailable
from infra.buckets import OPENERS, is_name
from infra.files import beneath
from infra.files.objects import Objects

CLAIM = "pvc"  # a PersistentVolumeClaim of the cluster: pods have it mounted, nobody else
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Folders:
    """`roots` are the real paths under which local folders may lie; with `claims`, replicas are pods, and
    a folder may be a claim of the cluster's (pvc://claim/path)."""

    roots: tuple[Path, ...]
    objects: Objects
    timeout: timedelta
    claims: bool = False

    async def read(self, uri: str, path: str, limit: int) -> bytes | None:
        """What lies in a claim is not to be seen from here: there is no file in it."""
        scheme, rest = _parts(uri)
        if scheme == CLAIM:
            return None
        try:
            async with asyncio.timeout(self.timeout.total_seconds()):
                if scheme == "file":
                    return await asyncio.to_thread(self._local, uri, path, limit)
                bucket, _, prefix = rest.partition("/")
                key = _key(prefix, path)
                return await self.objects.read(scheme, bucket, key, limit)
        except TimeoutError as error:
            raise StorageUnavailable(where=uri, problem="it took too long") from error

    async def usable(self, uri: str) -> str:
        scheme, rest = _parts(uri)
        if scheme == CLAIM:
            return self._claim_folder(uri, rest)
        if scheme != "file":
            return _object_folder(uri, scheme, rest)
        try:
            async with asyncio.timeout(self.timeout.total_seconds()):
                return await asyncio.to_thread(self._local_folder, uri)
        except TimeoutError as error:
            raise StorageUnavailable(where=uri, problem="it took too long") from error

    def _claim_folder(self, uri: str, rest: str) -> str:
        """Whether there is such a claim is the cluster's to know, when a pod wants it."""
        if not self.claims:
            raise FolderRefused(
                uri=uri, problem="a claim is for pods, and replicas are processes here"
            )
        claim, _, path = rest.partition("/")
        if not is_object_name(claim):
            raise FolderRefused(uri=uri, problem=f"{claim!r} is no claim's name")
        return f"{CLAIM}://{'/'.join([claim, *_segments(uri, path)])}"

    def _local_folder(self, uri: str) -> str:
        folder = Path(os.path.realpath(_path(uri)))
        if self._root(folder) is None:
            raise FolderRefused(uri=uri, problem="it lies under none of the model roots")
        if not os.path.isdir(folder):  # as Path.is_dir, but for a name too long or a folder shut
            raise FolderRefused(uri=uri, problem="there is no such folder")
        return folder.as_uri()

    def _local(self, uri: str, path: str, limit: int) -> bytes | None:
        folder = _path(uri)
        root = self._root(folder)
        if root is None:
            raise StorageUnavailable(where=uri, problem="it lies under none of the model roots")
        try:
            return beneath.read(root, str(folder.relative_to(root)), path, limit)
        except beneath.Outside as error:
            raise OutsideFolder(file=path) from error
        except beneath.TooLarge as error:
            raise FileTooLarge(file=path, limit=limit) from error
        except OSError as error:
            raise StorageUnavailable(where=uri, problem=error.strerror or "it failed") from error

    def _root(self, folder: Path) -> Path | None:
        return next((root for root in self.roots if folder.is_relative_to(root)), None)


def real_roots(roots: tuple[Path, ...]) -> tuple[Path, ...]:
    return tuple(Path(os.path.realpath(root)) for root in roots)


def _parts(uri: str) -> tuple[str, str]:
    """The scheme, and what follows it; a plain path is `file`."""
    written = _SCHEME.fullmatch(uri)
    if written is None:
        return "file", uri
    scheme = written[1].lower()
    if scheme not in ("file", CLAIM) and scheme not in OPENERS:
        known = ", ".join(f"{each}://" for each in (*OPENERS, CLAIM))
        raise FolderRefused(uri=uri, problem=f"use a path, file://, {known}")
    return scheme, written[2]


def _path(uri: str) -> Path:
    """The local path that a `file:` URI or a plain path names."""
    path = uri
    if _SCHEME.fullmatch(uri):
        try:
            parts = urlsplit(uri)
        except ValueError as error:
            raise FolderRefused(uri=uri, problem="it is no URI") from error
        if parts.netloc not in ("", "localhost") or parts.query or parts.fragment:
            raise FolderRefused(uri=uri, problem="a file URI is file:///path, '?' and '#' escaped")
        path = unquote(parts.path)
    if not path or "\0" in path:
        raise FolderRefused(uri=uri, problem="it names no folder")
    return Path(path)


def _object_folder(uri: str, scheme: str, rest: str) -> str:
    """The URI without a slash at its end; keys are taken as written, nothing is unescaped."""
    bucket, _, prefix = rest.partition("/")
    if not is_name(bucket):
        raise FolderRefused(uri=uri, problem=f"{bucket!r} is no bucket's name")
    return f"{scheme}://{'/'.join([bucket, *_segments(uri, prefix)])}"


def _segments(uri: str, path: str) -> list[str]:
    segments = path.rstrip("/").split("/") if path.rstrip("/") else []
    if any(segment in ("", ".", "..") or "\0" in segment for segment in segments):
        raise FolderRefused(uri=uri, problem="its path has an empty part, '.' or '..'")
    return segments


def _key(prefix: str, path: str) -> str:
    """The key of the object at `path` in the folder `prefix`."""
    if path.startswith("/") or "\0" in path:
        raise OutsideFolder(file=path)
    segments: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            if not segments:
                raise OutsideFolder(file=path)
            segments.pop()
        elif segment not in ("", "."):
            segments.append(segment)
    if not segments:
        raise OutsideFolder(file=path)
    return "/".join([prefix, *segments] if prefix else segments)
