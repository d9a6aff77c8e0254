"""What a fleet leaves behind once all its jobs are over: nothing but the files that clients may have."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from urllib.parse import urlsplit

import psutil

from domain.files.file import FilePurpose, FileStatus
from domain.listing import Listing
from infra.process.processes import MARK
from tests.support.fleet import Fleet
from tests.support.kill_jobs import Job
from tests.support.kill_watch import WITHIN, Watch

LOOK_EVERY = 0.05


@dataclass
class Leftovers:
    """`ports` are those that replicas were seen to have."""

    fleet: Fleet
    watch: Watch
    ports: set[int] = field(default_factory=set)

    async def check(self, jobs: Sequence[Job], uploads: Collection[str]) -> None:
        """First what tearing down removes; then what a server sweeps at its start, when what killed
        processes were writing counts as old. `uploads` are the sha256 of all that was sent."""
        assert self.ports, "no replica was seen with a port"
        await self._until_none(lambda: self._torn_down(jobs))
        assert await self._of_nobody(jobs, uploads) == []
        served = {port for port in [urlsplit(self.fleet.url).port] if port}
        await self.fleet.stop()
        assert self._listened(served) == []
        await self.watch.age(self._objects)
        async with self.fleet.running():
            await self._until_none(self._swept)
        assert self._listened(self.ports) == []

    @property
    def _objects(self) -> Path:
        return self.fleet.storage / "objects"

    async def _until_none(self, look: Callable[[], Awaitable[list[str]]]) -> None:
        deadline = monotonic() + WITHIN
        while left := await look():
            assert monotonic() < deadline, f"left behind: {left}"
            await asyncio.sleep(LOOK_EVERY)

    async def _torn_down(self, jobs: Sequence[Job]) -> list[str]:
        """Before any sweep of old objects."""
        looked = [] if await self.watch.is_torn_down(*jobs) else ["a look at a batch"]
        kept = {file.key for file in await self.watch.files()}
        batches = (self._objects / "batches").rglob("*")
        found = {path.relative_to(self._objects).as_posix() for path in batches if path.is_file()}
        return [*looked, *(f"object {key}" for key in found - kept), *await self._serving()]

    async def _swept(self) -> list[str]:
        files = [file for file in await self.watch.files() if file.status is FileStatus.PROCESSED]
        kept = {file.key for file in files}
        found = {
            path.relative_to(self._objects).as_posix()
            for path in self._objects.rglob("*")
            if path.is_file()
        }
        return [
            *(f"object {key}" for key in found - kept),
            *(f"missing {key}" for key in kept - found),
            *await self._serving(),
        ]

    async def _serving(self) -> list[str]:
        reads = self.watch.reads
        deployments = await reads.deployments.page(Listing(first=100))
        replicas = await reads.replicas.page(Listing(first=100))
        return [
            *(f"deployment {each.name}" for each in deployments.items),
            *(f"replica {each.id}" for each in replicas.items),
            *(f"reserved port {port}" for port in await self.watch.ports()),
            *(f"process {process.pid}" for process in self._replica_processes()),
            *self._listened(self.ports),
        ]

    async def _of_nobody(self, jobs: Sequence[Job], uploads: Collection[str]) -> list[str]:
        """Files that were never sent like that, and results that are not the ones of their batch."""
        named = set()
        for job in jobs:
            batch = await self.watch.batch(job)
            named |= {batch.output_file_id, batch.error_file_id}
        return [
            f"{file.purpose} {file.id} of {file.size} bytes"
            for file in await self.watch.files()
            if (
                file.sha256 not in uploads
                if file.purpose is FilePurpose.BATCH
                else file.id not in named
            )
        ]

    def _replica_processes(self) -> list[psutil.Process]:
        return [process for process in _processes(self.fleet) if MARK in process.environ()]

    def _listened(self, ports: Collection[int]) -> list[str]:
        """Others on this machine may have them by now."""
        found = []
        for process in _processes(self.fleet):
            with suppress(psutil.Error):
                found += [
                    f"port {each.laddr.port} of process {process.pid}"
                    for each in process.net_connections("tcp")
                    if each.status == psutil.CONN_LISTEN and each.laddr.port in ports
                ]
        return found


def _processes(fleet: Fleet) -> list[psutil.Process]:
    """Those that were told the fleet's data dir, or were started by one that was."""
    found, place = [], str(fleet.place)
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            told = [process.cwd(), *process.cmdline(), *process.environ().values()]
            if any(place in each for each in told):
                found.append(process)
    return found
