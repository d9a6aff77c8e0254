"""Files that clients upload, read and delete."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from domain.access.access import Caller, Role
from domain.clock import Clock
from domain.errors import FileInUse, FileTooLarge, NotFound, StorageFull, StorageUnavailable
from domain.files import asked, keys
from domain.files.asked import Asked
from domain.files.facts import FileCreated, FileDeleted
from domain.files.file import KEPT, File, FilePurpose, FileStatus
from domain.files.ports import Objects, Written
from domain.ids import NewId
from domain.work import Reads, StartWork

LIMIT = 512 * 1024 * 1024  # bytes
LEASE = timedelta(minutes=10)  # how long an upload may stand still until it is taken for dead
ACTOR, CAUSE = "files", "sweep"  # of what nobody asked for


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """An upload is written down before its first byte is stored, and moves its `sweep_at` on while bytes
    come: what a dead process leaves of it is found and removed (see `sweeping`). `writer` is this
    server's name, which it has of its dead predecessor."""

    start_work: StartWork
    reads: Reads
    objects: Objects
    clock: Clock
    new_id: NewId
    limit: int = LIMIT
    writer: str | None = None

    async def end_left(self) -> None:
        """What the predecessor was taking in when it died is to be swept at once: nobody goes on with it.
        Before the first upload of this one."""
        left = [] if self.writer is None else await self.reads.files.uploads_of(self.writer)
        for upload in left:
            async with self.start_work(ACTOR, CAUSE) as work:
                held = await work.files.lock(upload.id)
                if held is not None and held.status is FileStatus.UPLOADING:
                    await work.files.put(gone(held, self.clock()))

    async def upload(
        self,
        caller: Caller,
        name: str,
        purpose: str,
        pieces: AsyncIterator[bytes],
        expires_after: float | None = None,
    ) -> File:
        """`expires_after` in seconds. Raises InvalidValue, FileTooLarge, StorageFull, StorageUnavailable
        and what the iterator raises; nothing is left then."""
        said = Asked(purpose=purpose, expires_after=expires_after)
        caller.require_selected(Role.EDITOR)
        asked.purpose(said)
        asked.kept(said)
        return await self.upload_form(caller, name, pieces, lambda: said)

    async def upload_form(
        self, caller: Caller, name: str, pieces: AsyncIterator[bytes], said: Callable[[], Asked]
    ) -> File:
        """As `upload`, but `said` is called when all pieces came: a form's fields may follow its file."""
        caller.require_selected(Role.EDITOR)
        file = await self._begun(caller, asked.name(name))
        try:
            async with aclosing(self._admitted(caller, file, pieces)) as admitted:
                written = await self.objects.put(file.key, admitted)
            terms = said()
            purpose, kept = asked.purpose(terms), asked.kept(terms)
        except BaseException:
            await self._give_up(caller, file)
            raise
        return await self._processed(caller, file, written, purpose, kept)

    async def get(self, caller: Caller, id: str) -> File:
        """Raises NotFound also for a deleted one."""
        found = await self.reads.files.by_ids([id])
        return _present(caller.owned(found.get(id), Role.VIEWER, _missing(id)))

    async def delete(self, caller: Caller, id: str) -> File:
        """Raises FileInUse while a batch that is not final has it as its input."""
        now = self.clock()
        async with self.start_work(caller.actor, caller.cause) as work:
            locked = caller.owned(await work.files.lock(id), Role.EDITOR, _missing(id))
            file = _present(locked)
            if await work.needs_file(id):
                raise FileInUse(name=file.name, path=("file_id",))
            deleted = gone(file, now)
            await work.files.put(deleted)
            fact = FileDeleted(file_id=id, name=file.name, expired=False)
            work.record(file.project_id, fact)
        with suppress(StorageUnavailable, StorageFull):  # else it is swept
            await self.objects.remove([file.key])
        return deleted

    def content(
        self, file: File, start: int = 0, end: int | None = None
    ) -> AsyncGenerator[bytes, None]:
        """Pieces; raises ObjectMissing, StorageUnavailable. Close it when done."""
        return self.objects.stream(file.key, start, file.size if end is None else end)

    async def _begun(self, caller: Caller, name: str) -> File:
        own, now = self.new_id(), self.clock()
        file = File(
            id=own,
            project_id=caller.project_id,
            name=name,
            purpose=FilePurpose.BATCH,
            status=FileStatus.UPLOADING,
            key=keys.upload(own),
            created_at=now,
            created_by=caller.actor,
            expires_at=now + KEPT,
            sweep_at=now + LEASE,
            writer=self.writer,
        )
        async with self.start_work(caller.actor, caller.cause) as work:
            await work.files.add(file)
        return file

    async def _admitted(
        self, caller: Caller, file: File, pieces: AsyncIterator[bytes]
    ) -> AsyncGenerator[bytes, None]:
        """The pieces, for as long as they are within the limit; the lease moves on meanwhile."""
        size, renewed = 0, file.created_at
        async for piece in pieces:
            size += len(piece)
            if size > self.limit:
                raise FileTooLarge(file=file.name, limit=self.limit, path=("file",))
            if (now := self.clock()) >= renewed + LEASE / 3:
                await self._renew(caller, file, now)
                renewed = now
            yield piece

    async def _renew(self, caller: Caller, file: File, now: datetime) -> None:
        async with self.start_work(caller.actor, caller.cause) as work:
            held = _uploading(await work.files.lock(file.id))
            await work.files.put(replace(held, sweep_at=now + LEASE))

    async def _processed(
        self, caller: Caller, file: File, written: Written, purpose: FilePurpose, kept: timedelta
    ) -> File:
        """Where the commit fails, nobody can tell whether it was kept: what is left then is swept."""
        processed = replace(
            file,
            status=FileStatus.PROCESSED,
            purpose=purpose,
            size=written.size,
            sha256=written.sha256,
            expires_at=file.created_at + kept,
            sweep_at=None,
            writer=None,
        )
        async with self.start_work(caller.actor, caller.cause) as work:
            _uploading(await work.files.lock(file.id))
            await work.files.put(processed)
            work.record(
                file.project_id,
                FileCreated(
                    file_id=file.id,
                    name=file.name,
                    purpose=purpose.value,
                    size=written.size,
                    sha256=written.sha256,
                ),
            )
        return processed

    async def _give_up(self, caller: Caller, file: File) -> None:
        """What can't be undone now is swept later."""
        with suppress(StorageUnavailable, StorageFull):
            await self.objects.remove([file.key])
            async with self.start_work(caller.actor, caller.cause) as work:
                await work.files.remove(file.id)


def gone(file: File, now: datetime) -> File:
    """As it is written down before its object is removed."""
    return replace(file, status=FileStatus.DELETED, deleted_at=now, sweep_at=now)


def _present(file: File) -> File:
    if file.status is not FileStatus.PROCESSED:
        raise _missing(file.id)
    return file


def _uploading(file: File | None) -> File:
    """Raises StorageUnavailable where it stood still for so long that it was swept."""
    if file is None or file.status is not FileStatus.UPLOADING:
        raise StorageUnavailable(where="the upload", problem="it stood still for too long")
    return file


def _missing(id: str) -> NotFound:
    return NotFound(kind="file", id=id, path=("file_id",))
