"""A model folder from an object store to a folder that engines read, as `modelyard fetch` does in pods.

Beside the folder DIR lie, while it is made, `.DIR.parts` with what has come of each object, and
`.DIR.whole` once all has. A part is called after its object's key, size and etag, and after the boot of
the machine: what was written before it started anew may not be whole. DIR appears complete or not at all;
a run that is cut short is taken up by the next one where it ended.
"""

import asyncio
import os
import shutil
from asyncio import Semaphore
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import structlog

from domain.errors import FolderRefused, StorageUnavailable
from infra.buckets import OPENERS
from infra.files.copying import AT_ONCE, digest, files_of, first, hashed, locked
from infra.files.folders import Folders
from infra.files.objects import Stored

log = structlog.get_logger()

BOOT = Path("/proc/sys/kernel/random/boot_id")
FILE_MODE, FOLDER_MODE = 0o666, 0o777
"""The volume is one pod's, whose engine may be any user: even root may not write what is others' there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """`copied` is how many bytes came over the network this time."""

    files: int
    size: int
    copied: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetching:
    folders: Folders
    boot: str

    async def into(self, uri: str, place: Path) -> Fetched:
        """Raises FolderRefused for a URI of no object store, StorageUnavailable where it can't be had or
        written."""
        canonical = await self.folders.usable(uri)
        scheme, _, rest = canonical.partition("://")
        if scheme not in OPENERS:
            known = ", ".join(f"{each}://" for each in OPENERS)
            raise FolderRefused(uri=uri, problem=f"only {known} can be fetched")
        bucket, _, prefix = rest.partition("/")
        try:
            stored = await self.folders.objects.list(scheme, bucket, prefix)
        except FileNotFoundError as error:
            raise StorageUnavailable(where=uri, problem="there is no such bucket") from error
        except StorageUnavailable as error:
            if not await asyncio.to_thread(_is_there, place, self._mark(canonical)):
                raise
            log.warning("what was fetched before is used", uri=canonical, problem=error.problem)
            return Fetched(files=0, size=0, copied=0)
        files = files_of(uri, prefix, stored)
        return await self._fetched(canonical, files, place)

    async def _fetched(self, uri: str, files: Sequence[tuple[str, Stored]], place: Path) -> Fetched:
        size = sum(each.size for _, each in files)
        mark = f"{self._mark(uri)} {digest(uri, [each for _, each in files])}"
        try:
            parts = _beside(place, "parts")
            await asyncio.to_thread(parts.mkdir, parents=True, exist_ok=True)
            with locked(parts):
                copied = 0
                if not await asyncio.to_thread(_is_there, place, mark):
                    copied = await self._copied(uri, files, parts)
                    await asyncio.to_thread(self._put, files, parts, place, mark)
                await asyncio.to_thread(shutil.rmtree, parts)
        except BlockingIOError as error:
            raise StorageUnavailable(where=str(place), problem="it is being fetched") from error
        except OSError as error:
            raise StorageUnavailable(where=str(place), problem=str(error)) from error
        return Fetched(files=len(files), size=size, copied=copied)

    async def _copied(self, uri: str, files: Sequence[tuple[str, Stored]], parts: Path) -> int:
        scheme, _, rest = uri.partition("://")
        bucket = rest.partition("/")[0]
        turns = Semaphore(AT_ONCE)
        try:
            async with asyncio.TaskGroup() as group:
                copying = [
                    group.create_task(
                        self._copy(scheme, bucket, each, self._part(parts, each), turns)
                    )
                    for _, each in files
                ]
        except* OSError as errors:
            raise StorageUnavailable(
                where=str(parts), problem=str(errors.exceptions[0])
            ) from errors
        except* StorageUnavailable as errors:
            raise first(errors) from errors
        return sum(each.result() for each in copying)

    async def _copy(
        self, scheme: str, bucket: str, stored: Stored, part: Path, turns: Semaphore
    ) -> int:
        async with turns:
            with part.open("ab") as file:
                begin = file.tell()
                if begin > stored.size:
                    begin = file.truncate(0)
                async for piece in self.folders.objects.pieces(scheme, bucket, stored, begin):
                    await asyncio.to_thread(file.write, piece)
            return stored.size - begin

    def _put(
        self, files: Sequence[tuple[str, Stored]], parts: Path, place: Path, mark: str
    ) -> None:
        """The parts as a tree, which takes the place of what was there."""
        tree, old = _beside(place, "tree"), _beside(place, "old")
        for each in (tree, old):
            shutil.rmtree(each, ignore_errors=True)
        tree.mkdir()
        for path, stored in files:
            file = tree / path
            file.parent.mkdir(parents=True, exist_ok=True)
            os.link(self._part(parts, stored), file)
            file.chmod(FILE_MODE)
        for folder in (tree, *(each for each in tree.rglob("*") if each.is_dir())):
            folder.chmod(FOLDER_MODE)
        _beside(place, "whole").unlink(missing_ok=True)
        if place.is_dir():
            place.rename(old)
        tree.rename(place)
        _beside(place, "whole").write_text(mark)
        shutil.rmtree(old, ignore_errors=True)

    def _part(self, parts: Path, stored: Stored) -> Path:
        return parts / hashed(f"{self.boot}\0{stored.key}\0{stored.size}\0{stored.etag}")

    def _mark(self, uri: str) -> str:
        return hashed(f"{self.boot}\0{uri}")


def booted() -> str:
    """What tells one start of this machine from another; one for ever where the system does not say."""
    try:
        return BOOT.read_text().strip()
    except OSError:
        return ""


def _beside(place: Path, what: str) -> Path:
    return place.with_name(f".{place.name}.{what}")


def _written(place: Path) -> str:
    try:
        return _beside(place, "whole").read_text()
    except OSError:
        return ""


def _is_there(place: Path, mark: str) -> bool:
    """Whether it is whole, of that listing or (by the first word of a mark) of any of the same folder."""
    return place.is_dir() and mark in (_written(place), _written(place).partition(" ")[0])
