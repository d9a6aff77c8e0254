"""How many subscriptions each principal has open here."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from infra.http.refusals import RequestRefused

LIMIT = 1_000


class Subscribers:
    """By their keys; open mode counts as one."""

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._open: Counter[str | None] = Counter()

    def check(self, key_id: str | None) -> None:
        """Raises RequestRefused where there is no room for one more."""
        if self._open[key_id] >= self._limit:
            raise RequestRefused(
                kind="TOO_MANY_SUBSCRIPTIONS_OF_KEY",
                status=429,
                problem=f"This key has {self._open[key_id]} subscriptions open; at most {self._limit} "
                "are served. End one.",
                extensions={"limit": self._limit, "found": self._open[key_id] + 1},
            )

    @contextmanager
    def place(self, key_id: str | None) -> Iterator[None]:
        """For one, as long as the block runs; raises RequestRefused."""
        self.check(key_id)
        self._open[key_id] += 1
        try:
            yield
        finally:
            self._open[key_id] -= 1
            if not self._open[key_id]:
                del self._open[key_id]
