"""Objects as files in a folder of this machine."""

import os
from collections.abc import AsyncGenerator, AsyncIterator, Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from errno import EDQUOT, EFBIG, ENOSPC
from itertools import islice
from pathlib import Path
from stat import S_ISREG

from domain.errors import ObjectMissing, StorageFull, StorageUnavailable
from domain.files import keys
from domain.files.ports import Kept, Written
from infra.objects import drafts, spans
from infra.objects.disk import Disk
from infra.objects.drafts import Draft
from infra.objects.threads import in_thread

PIECE = 1024 * 1024  # bytes that are read, and at least written, at once
GAP = 16 * 1024  # bytes that are rather read in vain than asked around
LISTED = 1_000  # objects that are listed at once
FULL = frozenset({ENOSPC, EDQUOT, EFBIG})


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalObjects:
    """domain.files.ports.Objects beneath `root`, whose folder `tmp` holds what is being written. It is
    made by `prepared`; where it is gone, the folder is (an unmounted disk), and nothing is missing."""

    root: Path
    disk: Disk = field(default_factory=Disk)

    def prepared(self) -> "LocalObjects":
        """Raises StorageUnavailable, StorageFull."""
        with self._answering():
            self.root.mkdir(mode=drafts.OWN_FOLDER, parents=True, exist_ok=True)
            drafts.make_folders(self._drafts, self.disk)
        return self

    async def put(self, key: str, pieces: AsyncIterator[bytes]) -> Written:
        target = self._path(key)
        held = ExitStack()
        try:
            draft = await in_thread(held.enter_context, self._draft())
            gathered = bytearray()
            async for piece in pieces:
                gathered += piece
                if len(gathered) >= PIECE:
                    await in_thread(self._written, draft, gathered)
                    gathered = bytearray()
            return await in_thread(self._put, draft, gathered, target)
        finally:
            await in_thread(held.close)

    async def put_bytes(self, key: str, content: bytes) -> None:
        target = self._path(key)

        def put() -> None:
            with self._draft() as draft:
                self._put(draft, content, target)

        await in_thread(put)

    async def get(self, key: str, start: int, end: int) -> bytes:
        [content] = await self.get_ranges(key, [(start, end)])
        return content

    async def get_ranges(self, key: str, ranges: Sequence[tuple[int, int]]) -> Sequence[bytes]:
        def read() -> Sequence[bytes]:
            with self._opened(key) as descriptor:
                wanted = spans.over(ranges, gap=GAP, widest=PIECE)
                contents = {span: self._read(key, descriptor, *span) for span in wanted}
            return spans.cut(ranges, contents)

        return await in_thread(read)

    async def stream(
        self, key: str, start: int = 0, end: int | None = None
    ) -> AsyncGenerator[bytes, None]:
        with ExitStack() as held:
            descriptor = await in_thread(held.enter_context, self._opened(key))
            size = os.fstat(descriptor).st_size
            upto = size if end is None else end
            if max(start, upto) > size:
                raise ObjectMissing(key=key)
            for place in range(start, upto, PIECE):
                behind = min(place + PIECE, upto)
                yield await in_thread(self._read, key, descriptor, place, behind)

    async def remove(self, keys: Collection[str]) -> None:
        await in_thread(self._remove, [self._path(key) for key in keys])

    async def listed(self, prefix: str) -> AsyncGenerator[Kept, None]:
        found = self._walk(self.root / keys.checked_prefix(prefix))
        while some := await in_thread(lambda: list(islice(found, LISTED))):
            for kept in some:
                yield kept

    async def sweep(self) -> int:
        def sweep() -> int:
            with self._answering():
                return drafts.swept(self._drafts)

        return await in_thread(sweep)

    @property
    def _drafts(self) -> Path:
        return self.root / keys.UNFINISHED

    def _path(self, key: str) -> Path:
        return self.root / keys.checked(key)

    @contextmanager
    def _draft(self) -> Iterator[Draft]:
        with self._answering():
            draft = drafts.begun(self._drafts, self.disk)
        try:
            yield draft
        finally:
            with self._answering():
                draft.end()

    def _written(self, draft: Draft, content: bytearray) -> None:
        with self._answering():
            draft.write(content)

    def _put(self, draft: Draft, rest: bytes | bytearray, target: Path) -> Written:
        with self._answering():
            draft.write(rest)
            return Written(size=draft.size, sha256=draft.become(target))

    @contextmanager
    def _opened(self, key: str) -> Iterator[int]:
        with self._answering():
            try:
                descriptor = os.open(self._path(key), os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
            except (FileNotFoundError, NotADirectoryError) as error:
                self._require_folder()
                raise ObjectMissing(key=key) from error
        try:
            if not S_ISREG(os.fstat(descriptor).st_mode):
                raise ObjectMissing(key=key)
            yield descriptor
        finally:
            os.close(descriptor)

    def _read(self, key: str, descriptor: int, start: int, end: int) -> bytes:
        with self._answering():
            content = os.pread(descriptor, end - start, start)
            while len(content) < end - start:
                place = start + len(content)
                if not (more := os.pread(descriptor, end - place, place)):
                    raise ObjectMissing(key=key)
                content += more
        return content

    def _remove(self, paths: Sequence[Path]) -> None:
        """Folders that are empty then go too."""
        with self._answering():
            self._require_folder()
            for path in paths:
                with suppress(FileNotFoundError, NotADirectoryError, IsADirectoryError):
                    path.unlink()
            for folder in {path.parent for path in paths}:
                self._leave(folder)

    def _leave(self, folder: Path) -> None:
        while folder != self.root:
            try:
                folder.rmdir()
            except FileNotFoundError:
                pass
            except OSError:  # there is something in it
                with suppress(FileNotFoundError):  # or was: another one's removal has emptied it
                    self.disk.sync_folder(folder)
                    return
            folder = folder.parent
        self.disk.sync_folder(folder)

    def _walk(self, folder: Path) -> Iterator[Kept]:
        with self._answering():
            self._require_folder()
            yield from self._beneath(folder)

    def _beneath(self, folder: Path) -> Iterator[Kept]:
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except (FileNotFoundError, NotADirectoryError):
            return
        for entry in entries:
            path = Path(entry.path)
            if path == self._drafts:
                continue
            if entry.is_dir(follow_symlinks=False):
                yield from self._beneath(path)
                continue
            with suppress(FileNotFoundError):
                found = entry.stat(follow_symlinks=False)
                modified = datetime.fromtimestamp(found.st_mtime, UTC)
                key = path.relative_to(self.root).as_posix()
                yield Kept(key=key, size=found.st_size, modified_at=modified)

    def _require_folder(self) -> None:
        """Raises FileNotFoundError where not an object is gone, but the folder of all."""
        self._drafts.stat()

    @contextmanager
    def _answering(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            problem, where = error.strerror or "it failed", str(self.root)
            if error.errno in FULL:
                raise StorageFull(where=where, problem=problem) from error
            raise StorageUnavailable(where=where, problem=problem) from error
