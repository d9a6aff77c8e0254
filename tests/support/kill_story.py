"""A story of batch jobs whose servers and workers are killed and stopped at seeded moments, in every
phase; and what has to be true at its end.

Rows are watched in the database itself, so that a phase is seen whoever is dead.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from time import monotonic, time

import httpx
import psutil

from domain.batches.batch import Batch, BatchReason, BatchStatus
from domain.clock import MonotonicTimer, utc_now
from domain.files.file import File, FileStatus
from domain.listing import Listing
from domain.work import Reads, StartWork
from infra.db.engine import open_engines
from infra.db.reads import StoredReads
from infra.db.work import StoredWorkStarter
from infra.process.processes import MARK
from tests.support.api import a_client
from tests.support.fleet import Fleet
from tests.support.kill_jobs import Job, check, ended, unexplained, upload
from tests.support.marking import MODEL, MarkingEngine

LEASE = 4.0  # seconds, by setting; two of them are for clocks that differ
COMMIT = 3.0  # seconds within which an answer is stored, on a machine that does much else
WITHIN = 90.0
LOOK = 0.005
STALLS = 0.3  # of the blows; the others kill
S = BatchStatus
SHORT_PHASE = (0.02, 0.3)  # seconds within which it is struck: surely inside, and anywhere
LONG_PHASE = (0.1, 0.7)
TEMPLATE = "echo-template"


@dataclass
class Watch:
    """The database, from the side."""

    reads: Reads
    start_work: StartWork

    async def batch(self, job: Job) -> Batch:
        return (await self.reads.batches.by_ids([job.key]))[job.key]

    async def until(self, job: Job, is_so: Callable[[Batch], bool]) -> Batch:
        timer, never = MonotonicTimer(), asyncio.Event()
        async with asyncio.timeout(WITHIN):
            while not is_so(batch := await self.batch(job)):
                await timer.wait(never, LOOK)
        return batch

    async def files(self) -> list[File]:
        page = await self.reads.files.page(Listing(first=1_000))
        return list(page.items)

    async def close_window(self, job: Job, within: timedelta) -> None:
        """As if its window had been so short."""
        async with self.start_work("harness", "test") as work:
            batch = await work.batches.lock(job.key)
            assert batch is not None
            at = utc_now() + within
            await work.batches.put(replace(batch, expires_at=at))
            await work.look_at_batch(job.key, utc_now())

    async def age(self, objects: Path) -> None:
        """As if whatever is there had been there for long."""
        for file in await self.reads.files.to_sweep(
            datetime.max.replace(tzinfo=utc_now().tzinfo), 1_000
        ):
            async with self.start_work("harness", "test") as work:
                held = await work.files.lock(file.id)
                if held is not None and held.sweep_at is not None:
                    await work.files.put(replace(held, sweep_at=utc_now() - timedelta(hours=1)))
        for path in objects.rglob("*"):
            with suppress(FileNotFoundError):
                os.utime(path, (time() - 86_400, time() - 86_400))


@asynccontextmanager
async def watching(url: str) -> AsyncIterator[Watch]:
    async with open_engines(url) as engines:
        starter = StoredWorkStarter(engines, utc_now, lambda: None)
        yield Watch(StoredReads(engines), starter)


@dataclass
class Story:
    fleet: Fleet
    engine: MarkingEngine
    watch: Watch
    random: Random
    jobs: list[Job] = field(default_factory=list)
    hits: set[str] = field(default_factory=set)

    async def tell(self) -> None:
        """All of it, the chapters in another order each time."""
        await self._prepare()
        chapters = [self.uploading, self.validating, self.running, self.finalizing, self.cancelling]
        chapters += [self.committing, self.expiring, self.dedicated]
        self.random.shuffle(chapters)
        for chapter in chapters:
            await chapter()
        for job in self.jobs:
            await self._check(job)
        again = unexplained(self.engine.visits, self.fleet.blows, COMMIT, 2 * LEASE)
        assert again == [], f"sent again without need: {again[:5]} ({len(again)})"
        await self._check_leftovers()

    async def uploading(self) -> None:
        content = self._job(2_000, padding=4_096).content()
        limit, reached = self.random.randrange(len(content)), asyncio.Event()
        async with self._http() as http:
            meanwhile = asyncio.create_task(
                upload(http, content, lambda sent: reached.set() if sent > limit else None)
            )
            await reached.wait()
            await self._strike("upload", "server")
            with suppress(httpx.TransportError, AssertionError):
                await meanwhile
        sizes = {file.size for file in await self.watch.files() if file.size > 4_000_000}
        assert sizes <= {len(content)}
        self.hits.add("upload")

    async def validating(self) -> None:
        """The file is long, so that reading it takes its time; what follows is cancelled."""
        job = self._job(1_500, padding=8_192, first="slow")
        await self._create(job)
        for longest in SHORT_PHASE:
            await self._moment(longest)
            await self._strike_in("validating", job, {S.VALIDATING})
        await self.watch.until(job, lambda batch: batch.status is not S.VALIDATING)
        await self._cancel(job)

    async def running(self) -> None:
        """For longer than answers may be in no commit, between the blows."""
        job = self._job(1_500, options={"maxConcurrency": 32})
        await self._create(job)
        for _ in range(3):
            await self._answered(job, self.random.randrange(20, 150))
            await self._moment(2 * COMMIT)
            await self._strike_in("running", job, {S.IN_PROGRESS})

    async def committing(self) -> None:
        """A worker is stopped over an answer's object, before the rows that name it, until others have
        its shards: what it then has to say is refused."""
        job = self._job(900, options={"maxConcurrency": 32})
        await self._create(job)
        await self._answered(job, 50)
        if (name := await self._writer(job)) is not None:
            await self.fleet.stall(name, "committing", LEASE * 1.5)
            self.hits.add("committing")

    async def finalizing(self) -> None:
        job = self._job(3_000, padding=512, model="any", options={"target": "ECHO"})
        await self._create(job)
        for longest in SHORT_PHASE:
            await self.watch.until(
                job, lambda batch: batch.status not in {S.VALIDATING, S.IN_PROGRESS}
            )
            await self._moment(longest)
            await self._strike_in("finalizing", job, {S.FINALIZING})
        await self.watch.until(job, lambda batch: batch.is_final)
        await self._moment(0.05)
        await self._strike("teardown")
        self.hits.add("teardown")

    async def cancelling(self) -> None:
        job = self._job(300, first="slow", options={"maxConcurrency": 32})
        await self._create(job)
        await self._answered(job, 40)
        await self._cancel(job)
        for longest in LONG_PHASE:
            await self._moment(longest)
            await self._strike_in("cancelling", job, {S.CANCELLING})

    async def expiring(self) -> None:
        job = self._job(300, first="slow", options={"maxConcurrency": 32})
        await self._create(job)
        await self._answered(job, 40)
        await self.watch.close_window(job, timedelta(seconds=self.random.uniform(0, 0.5)))
        await self.watch.until(job, lambda batch: batch.expires_at <= utc_now())
        for longest in LONG_PHASE:
            await self._moment(longest)
            await self._strike_in("expiring", job, {S.IN_PROGRESS, S.FINALIZING})

    async def dedicated(self) -> None:
        """On a deployment that is made for it, of the echo engine."""
        job = self._job(600, model=TEMPLATE, options={"maxConcurrency": 8})
        await self._create(job)
        await self.watch.until(job, lambda batch: batch.place is not None)
        await self._moment(0.5)
        await self._strike_in("provisioning", job, {S.IN_PROGRESS}, BatchReason.PROVISIONING)
        await self.watch.until(job, lambda batch: batch.completed > 0)
        await self._strike_in("running", job, {S.IN_PROGRESS})
        await self.watch.until(job, lambda batch: batch.is_final)
        await self._moment(0.3)
        await self._strike("teardown")

    async def _prepare(self) -> None:
        async with a_client(self.fleet.url) as api:
            said = {"name": "marking", "baseUrl": self.engine.url, "models": [MODEL]}
            await api.change("createExternalEndpoint", said)
            template = {"name": TEMPLATE, "runtimeVariant": "ECHO", "spec": {}}
            made = await api.change("createDeploymentTemplate", template, "template { id }")
            said = {"templateId": made["template"]["id"], "status": "ACTIVE"}
            await api.change("updateDeploymentTemplate", said)

    def _job(self, lines: int, first: str = "line", **said: object) -> Job:
        name = f"{len(self.jobs)}-{self.random.randrange(10**6)}"
        bad = {self.random.randrange(lines) for _ in range(lines // 20)}
        kinds = ["bad" if n in bad and "model" not in said else first for n in range(lines)]
        return Job([f"{kind}-{name}-{n}" for n, kind in enumerate(kinds)], **said)  # type: ignore[arg-type]

    async def _create(self, job: Job) -> None:
        async with self._http() as http:
            await job.create(http)
        self.jobs.append(job)

    async def _cancel(self, job: Job) -> None:
        async with self._http() as http:
            answer = await http.post(f"/v1/batches/{job.id}/cancel")
        assert answer.status_code in (200, 409), answer.text

    async def _answered(self, job: Job, more: int) -> None:
        """So many more, or all of the job."""
        until = self.engine.answered + more
        await self.watch.until(job, lambda batch: self.engine.answered >= until or batch.is_final)

    async def _writer(self, job: Job) -> str | None:
        """Whoever writes an object now, as soon as there is one; None where the job ended before."""
        drafts = str(self.fleet.storage / "objects" / "tmp")
        while not (await self.watch.batch(job)).is_final:
            for _ in range(20):
                for name, member in self.fleet.members.items():
                    if any(each.startswith(drafts) for each in _open_files(member.process.pid)):
                        return name
                await asyncio.sleep(0)
        return None

    def _http(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url=self.fleet.url, timeout=WITHIN)

    async def _moment(self, longest: float) -> None:
        """Any moment of so many seconds."""
        await asyncio.sleep(self.random.uniform(0, longest))

    async def _strike_in(
        self, phase: str, job: Job, statuses: set[BatchStatus], reason: BatchReason | None = None
    ) -> None:
        batch = await self.watch.batch(job)
        if batch.status in statuses and reason in (None, batch.reason):
            self.hits.add(phase)
        await self._strike(phase)

    async def _strike(self, phase: str, *names: str) -> None:
        """Kill some, or stop one past its leases; then all are there again."""
        fleet = self.fleet
        some = self.random.sample(fleet.names, self.random.randint(1, len(fleet.names)))
        is_stall, victims = self.random.random() < STALLS, list(names) or some
        if is_stall and not names:
            await fleet.stall(victims[0], phase, LEASE * self.random.uniform(1.2, 2.0))
            return
        for name in victims:
            await fleet.kill(name, phase)
        for name in sorted(victims):  # the server comes before the workers
            await fleet.start(name)

    async def _check(self, job: Job) -> None:
        await self.watch.until(job, lambda batch: batch.is_final)
        async with self._http() as http:
            check(job, await ended(http, job))

    async def described(self, job: Job) -> str:
        batch = await self.watch.batch(job)
        counts = f"{batch.completed} + {batch.failed} of {batch.total}"
        return (
            f"{job.marks[0]} {batch.status} {batch.reason} {batch.message} {counts} {batch.ending}"
        )

    async def _check_leftovers(self) -> None:
        """Nothing is there but what a living file names, once a server has swept at its start."""
        await self.fleet.stop()
        objects = self.fleet.storage / "objects"
        await self.watch.age(objects)
        async with self.fleet.running():
            deadline = monotonic() + WITHIN
            while left := await self._leftovers(objects):
                assert monotonic() < deadline, f"left behind: {left}"
                await asyncio.sleep(0.05)

    async def _leftovers(self, objects: Path) -> list[str]:
        files = [file for file in await self.watch.files() if file.status is FileStatus.PROCESSED]
        kept = {file.key for file in files}
        found = {
            path.relative_to(objects).as_posix() for path in objects.rglob("*") if path.is_file()
        }
        reads = self.watch.reads
        deployments = await reads.deployments.page(Listing(first=100))
        replicas = await reads.replicas.page(Listing(first=100))
        return [
            *(f"object {key}" for key in found - kept),
            *(f"missing {key}" for key in kept - found),
            *(f"deployment {each.name}" for each in deployments.items),
            *(f"replica {each.id}" for each in replicas.items),
            *(f"process {pid}" for pid in _replica_processes(self.fleet.storage)),
        ]


def _open_files(pid: int) -> list[str]:
    found = []
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(OSError):
            found.append(os.readlink(descriptor))
    return found


def _replica_processes(data_dir: Path) -> list[int]:
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            environ = process.environ()
            if MARK in environ and str(data_dir) in " ".join(map(str, environ.values())):
                found.append(process.pid)
    return found
