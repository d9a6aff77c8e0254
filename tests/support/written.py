"""What replicas write, in memory: a test writes the lines, and says when a replica is gone."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field

from domain.deployments.deployment import Revision
from domain.deployments.remembered import Remembered
from domain.deployments.replica import Replica


@dataclass
class WrittenInMemory:
    """Implements `ReplicaLogs`; `followers` counts who follows now."""

    lines: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    gone: set[str] = field(default_factory=set)
    followers: int = 0
    moved: asyncio.Event = field(default_factory=asyncio.Event)

    def write(self, replica_id: str, *lines: str) -> None:
        self.lines[replica_id] += lines
        self._wake()

    def end(self, replica_id: str) -> None:
        self.gone.add(replica_id)
        self._wake()

    async def tail(self, replica: Replica, lines: int) -> Sequence[str]:
        return self.lines[replica.id][-lines:] if lines else ()

    async def follow(self, replica: Replica, tail: int) -> AsyncGenerator[str, None]:
        self.followers += 1
        try:
            told = max(0, len(self.lines[replica.id]) - tail)
            while True:
                moved, is_gone = self.moved, replica.id in self.gone
                for line in self.lines[replica.id][told:]:
                    told += 1
                    yield line
                if is_gone:
                    return
                await moved.wait()
        finally:
            self.followers -= 1

    async def command(self, replica: Replica, revision: Revision) -> Sequence[Sequence[str]]:
        return await Remembered().command(replica, revision)

    def _wake(self) -> None:
        self.moved.set()
        self.moved = asyncio.Event()
