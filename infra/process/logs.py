import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from domain.definitions import render
from domain.deployments.deployment import Revision
from domain.deployments.replica import Replica, ReplicaStatus
from infra.process.driver import ProcessDriver
from infra.process.log_file import Lines, LogFile, last_lines
from infra.process.parts import Parts
from infra.process.places import LOCALHOST
from infra.process.preparation import served
from infra.process.records import Records

LOOK = 0.05  # seconds between looks at a log that is followed
LOOKS_PER_ROW = 20  # and how many of them there are between looks at the replica's row


@dataclass(frozen=True, slots=True)
class ProcessLogs:
    """What the replicas of this machine wrote (domain.deployments.ports.ReplicaLogs)."""

    parts: Parts
    driver: ProcessDriver

    async def tail(self, replica: Replica, lines: int) -> Sequence[str]:
        return await asyncio.to_thread(last_lines, self.parts.log(replica.id), lines)

    async def follow(self, replica: Replica, tail: int) -> AsyncGenerator[str, None]:
        file, lines = self.parts.log(replica.id), Lines()
        position = await asyncio.to_thread(file.tail, tail)
        async for part in self._parts_written(replica, file, position):
            for line in lines.of(part):
                yield line
        for line in lines.last():
            yield line

    async def command(self, replica: Replica, revision: Revision) -> Sequence[Sequence[str]]:
        """As it was executed, or, before it was, with what is known by then."""
        executed = await asyncio.to_thread(
            Records(self.parts.settings.replicas / replica.id).command
        )
        if executed:
            return executed
        ports = {endpoint.model: endpoint.port for endpoint in replica.endpoints}
        return [
            render.argv(
                model,
                render.Values(
                    model_path=model.model_path,
                    port=ports.get(model.name, service.port),
                    host=LOCALHOST,
                    name=model.name,
                ),
            )
            or []
            for model, service in served(revision.definition)
        ]

    async def _parts_written(
        self, replica: Replica, file: LogFile, position: int
    ) -> AsyncGenerator[bytes, None]:
        stamp: object = None
        for look in count():
            # Asked before the last look, so that nothing is missed.
            gone = await self._is_gone(replica, ask=look % LOOKS_PER_ROW == 0)
            if (now := _stamp(file.path)) != stamp:
                stamp = now
                part = b"all"
                while part:
                    part, position = await asyncio.to_thread(file.read, position)
                    yield part
            if gone:
                return
            await asyncio.sleep(LOOK)

    async def _is_gone(self, replica: Replica, *, ask: bool) -> bool:
        """By its row where another control plane looks after it, or nobody does any more."""
        supervision = self.driver.supervision(replica.id)
        if supervision is not None or not ask:
            return supervision is not None and supervision.gone.is_set()
        rows = await self.parts.reads.replicas.by_ids([replica.id])
        row = rows.get(replica.id)
        return row is None or row.status is ReplicaStatus.EXITED


def _stamp(path: Path) -> object:
    try:
        stat = path.stat()
    except FileNotFoundError:
        return None
    return stat.st_size, stat.st_mtime_ns
