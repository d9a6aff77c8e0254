"""A store that a process dies over: the k-th call of it raises Died, before or after it took effect.

dying = Dying(store, at=3)
... Service(start_work=dying.start_work, reads=dying.reads) ...
dying.calls                                # how many there were
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from inspect import isawaitable
from typing import Any, cast

from domain.work import Reads, StartWork, Work
from tests.support.memory import MemoryStore


class Died(BaseException):
    """Nothing that the process would still have done is done."""


@dataclass
class Dying:
    """Each read and each statement is one call; a commit is two, one before it is kept and one after."""

    store: MemoryStore
    at: int | None = None
    calls: int = 0

    @property
    def reads(self) -> Reads:
        return cast("Reads", _Part(self.store.reads, self._count, depth=1))

    @property
    def start_work(self) -> StartWork:
        return self._start_work

    @asynccontextmanager
    async def _start_work(self, actor: str, cause: str) -> AsyncIterator[Work]:
        async with self.store.start_work(actor, cause) as work:
            yield cast("Work", _Part(work, self._count, depth=1))
            self._count()
        self._count()

    def _count(self) -> None:
        self.calls += 1
        if self.calls == self.at:
            raise Died


class _Part:
    """What it has is wrapped as deep as that, its methods are counted."""

    def __init__(self, held: Any, count: Callable[[], None], depth: int) -> None:
        self._held, self._count, self._depth = held, count, depth

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._held, name)
        if callable(found):
            return self._counted(found)
        return _Part(found, self._count, self._depth - 1) if self._depth else found

    def _counted(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def called(*args: Any, **said: Any) -> Any:
            self._count()
            result = method(*args, **said)
            assert isawaitable(result) or result is None
            return result

        return called
