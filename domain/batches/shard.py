"""A share of a batch's lines, and the results that are stored of it."""

from dataclasses import dataclass, field

from domain.batches.batch import Usage

LINES_LIMIT = 1_000
BYTES_LIMIT = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """`number` from 0, in the order of the input; `first` is the place of its first line among all
    requests (blank lines don't count), `lines` how many it has.

    `start` to `end` are its bytes in the input file, `index_start` to `index_end` its entry in the index
    object. `done` and `failed` hold a bit a line (bit i of byte i // 8 is line i, lowest bit first):
    a line with a stored answer, and one of those whose answer is an error. `token` rises with each
    worker that takes it.
    """

    batch_id: str
    number: int
    first: int
    lines: int
    start: int
    end: int
    index_start: int
    index_end: int
    done: bytes
    failed: bytes
    usage: Usage = field(default_factory=Usage)
    token: int = 0


@dataclass(frozen=True, slots=True)
class Entry:
    """One stored answer: `line` within its shard, `start` to `end` in the segment's object (no newline)."""

    line: int
    is_error: bool
    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """What one commit stored of one shard. `sequence` counts the batch's segments from 1, in the order of
    their commits. `key` is an object; once the batch is final, one of its result files'."""

    batch_id: str
    sequence: int
    shard: int
    key: str
    error_key: str | None = None  # where errors are, when they are in an object of their own
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Progress:
    """What a worker adds to a shard in one commit."""

    shard: Shard  # as it is to be from now on, with the token under which it was taken
    key: str
    entries: tuple[Entry, ...]
    usage: Usage  # of these entries alone
