"""Which deployments are to be looked at next, and what led to it."""

import asyncio
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto

SWEEP = "sweep"


class Lane(Enum):
    HINTED = auto()  # something happened: at once
    SWEPT = auto()  # their time has come, or nobody looked for long: as there is room


@dataclass(slots=True)
class Waiting:
    """In the order in which they came; each once, with its cause."""

    causes: dict[str, str] = field(default_factory=dict)
    filled: asyncio.Event = field(default_factory=asyncio.Event)
    emptied: asyncio.Event = field(default_factory=asyncio.Event)

    def add(self, deployment_id: str, cause: str) -> None:
        self.causes.setdefault(deployment_id, cause)
        self.emptied.clear()
        self.filled.set()

    def drop(self, deployment_id: str) -> None:
        if self.causes.pop(deployment_id, None) is not None:
            self._settle()

    def take(self, most: int) -> Mapping[str, str]:
        ids = [deployment_id for deployment_id, _ in zip(self.causes, range(most), strict=False)]
        taken = {deployment_id: self.causes.pop(deployment_id) for deployment_id in ids}
        self._settle()
        return taken

    def _settle(self) -> None:
        if not self.causes:
            self.filled.clear()
            self.emptied.set()


@dataclass(slots=True)
class Agenda:
    """A deployment is in one lane at most, and never taken again before it is done.

    Whatever is hinted while somebody looks at it is looked at once more.
    """

    _lanes: Mapping[Lane, Waiting] = field(
        default_factory=lambda: {each: Waiting() for each in Lane}
    )
    _under_way: set[str] = field(default_factory=set)
    _again: dict[str, str] = field(default_factory=dict)
    _closed: bool = False

    def hint(self, deployment_id: str, cause: str) -> None:
        if deployment_id in self._under_way:
            self._again.setdefault(deployment_id, cause)
            return
        self._lanes[Lane.SWEPT].drop(deployment_id)
        self._lanes[Lane.HINTED].add(deployment_id, cause)

    def sweep(self, deployment_ids: Iterable[str]) -> None:
        hinted, swept = self._lanes[Lane.HINTED], self._lanes[Lane.SWEPT]
        for deployment_id in deployment_ids:
            if deployment_id not in self._under_way and deployment_id not in hinted.causes:
                swept.add(deployment_id, SWEEP)

    async def take(self, lane: Lane, most: int) -> Mapping[str, str]:
        """Up to so many with their causes, as soon as there is one; none once it is closed.

        Each is to be `done` in the end.
        """
        waiting = self._lanes[lane]
        while not self._closed and not waiting.causes:
            await waiting.filled.wait()
        if self._closed:
            return {}
        taken = waiting.take(most)
        self._under_way.update(taken)
        return taken

    def done(self, deployment_ids: Collection[str]) -> None:
        self._under_way.difference_update(deployment_ids)
        for deployment_id in deployment_ids:
            if (cause := self._again.pop(deployment_id, None)) is not None:
                self.hint(deployment_id, cause)

    async def swept(self) -> None:
        """Until nothing waits in the lane of the swept."""
        waiting = self._lanes[Lane.SWEPT]
        while waiting.causes and not self._closed:
            await waiting.emptied.wait()

    def close(self) -> None:
        self._closed = True
        for waiting in self._lanes.values():
            waiting.filled.set()
            waiting.emptied.set()
