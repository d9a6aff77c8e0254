"""A file that is on its way."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Incoming:
    """Its pieces come once; what they raise is the transport's."""

    name: str
    pieces: AsyncGenerator[bytes, None]
