"""Bodies of answers that came packed, though nobody asked for that."""

import zlib

PLAIN = frozenset({b"", b"identity"})
ZIPPED = frozenset({b"gzip", b"x-gzip", b"deflate"})
EITHER = zlib.MAX_WBITS | 32  # gzip or zlib, by what it begins with
RAW = -zlib.MAX_WBITS  # deflate alone: what some send, against RFC 9110
METHOD, DEFLATED = 0x0F, 8  # of the first byte of zlib
PARTS = 100  # of one body: gzip may be several, one behind the other


class TooLarge(Exception):
    """The answer has more bytes than it may."""


class Unpackable(Exception):
    """It is packed in another way than it says, or not whole."""


def unpacked(body: bytes, encoding: bytes, limit: int) -> bytes:
    """Never more than `limit` bytes are unpacked. Raises Unpackable and TooLarge."""
    if encoding in PLAIN or not body:
        return body
    if encoding not in ZIPPED:
        raise Unpackable(f"the answer is encoded as {encoding.decode(errors='replace')!r}")
    is_raw = encoding == b"deflate" and body[0] & METHOD != DEFLATED
    parts, size = [], 0
    while body:
        unpacking = zlib.decompressobj(RAW if is_raw else EITHER)
        try:
            part = unpacking.decompress(body, limit + 1 - size)
        except zlib.error as error:
            raise Unpackable(f"the answer can't be unpacked: {error}") from error
        parts.append(part)
        size += len(part)
        if size > limit:
            raise TooLarge()
        if not unpacking.eof:
            raise Unpackable("the packed answer lacks its end")
        if len(parts) > PARTS:
            raise Unpackable(f"the answer is packed in more than {PARTS} parts")
        body = unpacking.unused_data
    return b"".join(parts)
