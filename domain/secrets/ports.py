from typing import Protocol


class Sealer(Protocol):
    def seal(self, value: str, context: str) -> bytes: ...

    def open(self, sealed: bytes, context: str) -> str:
        """The value that was sealed in the same context; raises SealBroken otherwise."""
