"""The lines of a batch that have no result, for another batch."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing

from domain.batches.shard import Shard
from domain.files.ports import Objects

PIECE = 1024 * 1024


def unfinished(shards: Sequence[Shard]) -> Sequence[Shard]:
    """Those with lines that were not done, or ended in an error."""
    return [shard for shard in shards if any(is_left(shard, i) for i in range(shard.lines))]


def is_left(shard: Shard, line: int) -> bool:
    byte, bit = line // 8, 1 << line % 8
    return not shard.done[byte] & bit or bool(shard.failed[byte] & bit)


async def lines(objects: Objects, key: str, shards: Sequence[Shard]) -> AsyncGenerator[bytes, None]:
    """The lines that are left of these shards, in order and as they were sent, in pieces of about a
    mebibyte. Raises ObjectMissing, StorageUnavailable."""
    piece = bytearray()
    for shard in shards:
        place = 0
        async with aclosing(objects.stream(key, shard.start, shard.end)) as stored:
            async for line in _requests(stored):
                if is_left(shard, place):
                    piece += line + b"\n"
                place += 1
                if len(piece) >= PIECE:
                    yield bytes(piece)
                    piece.clear()
    if piece:
        yield bytes(piece)


async def _requests(pieces: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    """Lines that are not blank, without their newlines."""
    rest = b""
    async for piece in pieces:
        *whole, rest = (rest + piece).split(b"\n")
        for line in whole:
            if line.strip():
                yield line
    if rest.strip():
        yield rest
