"""A batch's lines are cut into shards."""

from collections.abc import Callable
from dataclasses import dataclass, field

from domain.batches.shard import BYTES_LIMIT, LINES_LIMIT, Shard


@dataclass(slots=True)
class Cutter:
    """What `add` and `rest` return are the index object's bytes, one entry a shard: a JSON array with
    [custom_id, offset, length] for each line; offsets count from the input file's begin."""

    batch_id: str
    dumps: Callable[[object], bytes]
    shards: list[Shard] = field(default_factory=list)
    _open: list[tuple[str, int, int]] = field(default_factory=list)
    _lines: int = 0
    _indexed: int = 0

    def add(self, custom_id: str, start: int, length: int) -> bytes:
        """Nothing, where it closes no shard."""
        entry = b""
        if self._open and (
            len(self._open) == LINES_LIMIT or start + length - self._open[0][1] > BYTES_LIMIT
        ):
            entry = self.rest()
        self._open.append((custom_id, start, length))
        return entry

    def rest(self) -> bytes:
        if not self._open:
            return b""
        entry, lines = self.dumps(self._open), len(self._open)
        _, last, length = self._open[-1]
        nothing = bytes((lines + 7) // 8)
        self.shards.append(
            Shard(
                batch_id=self.batch_id,
                number=len(self.shards),
                first=self._lines,
                lines=lines,
                start=self._open[0][1],
                end=last + length,
                index_start=self._indexed,
                index_end=self._indexed + len(entry),
                done=nothing,
                failed=nothing,
            )
        )
        self._open = []
        self._lines += lines
        self._indexed += len(entry)
        return entry
