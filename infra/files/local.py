"""Model folders where a process can read them: local ones as they are, others as copies."""

import asyncio
import os
import shutil
import tempfile
import time
from asyncio import Lock, Semaphore
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

import structlog

from domain.errors import StorageUnavailable
from infra.files.copying import AT_ONCE, digest, files_of, first, hashed, locked
from infra.files.folders import Folders
from infra.files.objects import Stored

log = structlog.get_logger()

DRAFT = ".draft-"
LEFT = 60.0  # seconds since it was made, by when its maker has locked it


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalCopies:
    """domain.folders.ports.LocalFolders. A copy's name in `data_dir`/folders is made from where it came
    from and from all keys, sizes and etags; it appears complete or not at all, and is never changed.

    While the storage does not answer, replicas can start from the copy that was used last."""

    folders: Folders
    data_dir: Path
    _copying: dict[str, Lock] = field(default_factory=dict)

    async def local(self, uri: str) -> Path:
        canonical = await self.folders.usable(uri)
        scheme, _, rest = canonical.partition("://")
        if scheme == "file":
            return Path(unquote(urlsplit(canonical).path))
        bucket, _, prefix = rest.partition("/")
        latest = self.data_dir.absolute() / "folders" / f"{hashed(canonical)}.latest"
        try:
            stored = await self.folders.objects.list(scheme, bucket, prefix)
        except FileNotFoundError as error:
            raise StorageUnavailable(where=uri, problem="there is no such bucket") from error
        except StorageUnavailable as error:
            if (kept := await asyncio.to_thread(_kept, latest)) is None:
                raise
            log.warning("a model folder's last copy is used", uri=canonical, problem=error.problem)
            return kept
        files = files_of(uri, prefix, stored)
        name = digest(canonical, stored)
        place = self.data_dir.absolute() / "folders" / name
        async with self._copying.setdefault(name, Lock()):
            if not place.is_dir():
                await self._copy(scheme, bucket, files, place)
            await asyncio.to_thread(_point, latest, place)
        return place

    async def _copy(
        self, scheme: str, bucket: str, files: Sequence[tuple[str, Stored]], place: Path
    ) -> None:
        turns = Semaphore(AT_ONCE)
        try:
            async with _draft(place) as draft, asyncio.TaskGroup() as group:
                for path, stored in files:
                    group.create_task(self._fetch(scheme, bucket, stored, draft / path, turns))
        except* OSError as errors:
            problem = str(errors.exceptions[0])
            raise StorageUnavailable(where=str(place), problem=problem) from errors
        except* StorageUnavailable as errors:
            raise first(errors) from errors

    async def _fetch(
        self, scheme: str, bucket: str, stored: Stored, file: Path, turns: Semaphore
    ) -> None:
        async with turns:
            await asyncio.to_thread(file.parent.mkdir, parents=True, exist_ok=True)
            with file.open("xb") as copy:
                async for piece in self.folders.objects.pieces(scheme, bucket, stored):
                    await asyncio.to_thread(copy.write, piece)


@asynccontextmanager
async def _draft(place: Path) -> AsyncIterator[Path]:
    """A folder that becomes `place` when the block ends, and is removed where it fails; it is locked
    meanwhile, so that one which nobody holds is known to be left by a server that was killed."""
    place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    await asyncio.to_thread(_forget_left, place.parent)
    draft = Path(tempfile.mkdtemp(dir=place.parent, prefix=DRAFT))
    try:
        with locked(draft):
            yield draft
            await asyncio.to_thread(_put, draft, place)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _forget_left(folder: Path) -> None:
    for draft in folder.glob(f"{DRAFT}*"):
        with suppress(OSError):
            if time.time() - draft.stat().st_mtime > LEFT:
                with locked(draft):
                    shutil.rmtree(draft, ignore_errors=True)


def _put(draft: Path, place: Path) -> None:
    try:
        draft.rename(place)
    except OSError:
        if not place.is_dir():  # else another server was faster, with the same content
            raise


def _point(latest: Path, place: Path) -> None:
    """Have `latest` name the copy, whoever else does at the same time."""
    if _kept(latest) == place:
        return
    draft = latest.with_name(f"{latest.name}.{os.getpid()}")
    draft.write_text(place.name)
    draft.replace(latest)


def _kept(latest: Path) -> Path | None:
    try:
        place = latest.with_name(latest.read_text())
    except OSError:
        return None
    return place if place.is_dir() else None
