"""Lines of what comes in pieces."""

from collections.abc import AsyncGenerator, AsyncIterator


async def lines(
    pieces: AsyncIterator[bytes], longest: int | None = None
) -> AsyncGenerator[bytes, None]:
    """Without their ends; what is longer than that comes in parts. What has no end at the end is the
    last one."""
    kept = bytearray()
    async for piece in pieces:
        searched = len(kept)
        kept += piece
        start = 0
        while (end := kept.find(b"\n", max(start, searched))) >= 0:
            for part in _parts(kept[start:end], longest):
                yield part
            start = end + 1
        del kept[:start]
        while longest is not None and len(kept) > longest:
            yield bytes(kept[:longest])
            del kept[:longest]
    if kept:
        yield bytes(kept)


def _parts(line: bytearray, longest: int | None) -> list[bytes]:
    size = longest or max(1, len(line))
    return [bytes(line[at : at + size]) for at in range(0, len(line), size)] or [b""]
