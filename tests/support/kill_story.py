"""A story of batch jobs whose servers and workers are killed and stopped at seeded moments, in every
phase; and what has to be true at its end.

Rows are watched in the database itself, so that a phase is seen whoever is dead.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import sha256
from random import Random

import httpx

from domain.batches.batch import BatchReason, BatchStatus
from domain.clock import utc_now
from tests.support import kill_jobs
from tests.support.api import a_client
from tests.support.fleet import Fleet
from tests.support.kill_jobs import Job, unexplained, upload
from tests.support.kill_leftovers import Leftovers
from tests.support.kill_watch import WITHIN, Watch
from tests.support.marking import MODEL, MarkingEngine

LEASE = 4.0  # seconds, by setting; two of them are for clocks that differ
COMMIT = 3.0  # seconds within which an answer is stored, on a machine that does much else
STALLS = 0.3  # of the blows; the others kill
TRIES = 10  # for a chapter whose moments came too late for its phase, on a busy machine
S = BatchStatus
SHORT_PHASE = (0.02, 0.3)  # seconds within which it is struck: surely inside, and anywhere
LONG_PHASE = (0.1, 0.7)
TEMPLATE = "echo-template"


@dataclass
class Story:
    fleet: Fleet
    engine: MarkingEngine
    watch: Watch
    random: Random
    jobs: list[Job] = field(default_factory=list)
    uploads: set[str] = field(default_factory=set)  # the sha256 of each
    ports: set[int] = field(default_factory=set)  # that replicas had
    hits: set[str] = field(default_factory=set)

    async def tell(self) -> None:
        """All of it, the chapters in another order each time; each is told until its phases were hit."""
        self.fleet.undone = lambda owner: self.watch.undone(self.jobs, owner)
        await self.prepare()
        chapters: dict[Callable[[], Awaitable[None]], set[str]] = {
            self.uploading: {"upload"},
            self.validating: {"validating"},
            self.running: {"running"},
            self.committing: {"committing"},
            self.finalizing: {"finalizing"},
            self.cancelling: {"cancelling"},
            self.expiring: {"expiring"},
            self.dedicated: {"provisioning", "teardown"},
            self.dedicated_cancelled: {"cancelling a dedicated one"},
        }
        for chapter in self.random.sample(list(chapters), len(chapters)):
            for _ in range(TRIES):
                await chapter()
                if chapters[chapter] <= self.hits:
                    break
            assert chapters[chapter] <= self.hits, f"no moment was in {chapters[chapter]}"
        for job in self.jobs:
            await self.check(job)
        self.check_resent()
        await Leftovers(self.fleet, self.watch, self.ports).check(self.jobs, self.uploads)

    def check_resent(self) -> None:
        again = unexplained(
            self.engine.visits, self.fleet.blows, self.fleet.starts, COMMIT, 2 * LEASE
        )
        assert again == [], f"sent again without need: {again[:5]} ({len(again)})"

    def counts(self) -> str:
        """How many blows there were in which phase, and how many requests came to the engine again."""
        phases = Counter(blow.phase for blow in self.fleet.blows)
        struck = ", ".join(f"{phase} {count}" for phase, count in sorted(phases.items()))
        stalls = sum(blow.until > blow.at for blow in self.fleet.blows)
        again = sum(len(visits) - 1 for visits in self.engine.visits.values())
        sent = sum(map(len, self.engine.visits.values()))
        return (
            f"{phases.total()} blows ({struck}), {stalls} of them stalls; {sent} requests came, "
            f"{again} of them again"
        )

    async def uploading(self) -> None:
        content = self.a_job(2_000, padding=4_096).content()
        limit, reached = self.random.randrange(len(content) * 9 // 10), asyncio.Event()
        self.uploads.add(sha256(content).hexdigest())
        async with self._http() as http:
            meanwhile = asyncio.create_task(
                upload(http, content, lambda sent: reached.set() if sent > limit else None)
            )
            await reached.wait()
            if not meanwhile.done():
                self.hits.add("upload")
            await self._strike("upload", "server")
            with suppress(httpx.TransportError, AssertionError):
                await meanwhile

    async def validating(self) -> None:
        """The file is long, so that reading it takes its time; what follows is cancelled."""
        job = self.a_job(1_500, padding=8_192, first="slow")
        creating = asyncio.create_task(self.create(job))
        if (key := await self.watch.validating(creating)) is not None:
            job.id = f"batch_{key}"
        for longest in SHORT_PHASE:
            await self._moment(longest)
            await self._strike_in("validating", job, {S.VALIDATING})
        with suppress(httpx.TransportError):
            await creating
        await self.watch.until(job, lambda batch: batch.status is not S.VALIDATING)
        await self._cancel(job)

    async def running(self) -> None:
        """For longer than answers may be in no commit, between the blows."""
        job = self.a_job(1_500, options={"maxConcurrency": 32})
        await self.create(job)
        for _ in range(3):
            await self.answered(job, self.random.randrange(20, 150))
            await self._moment(2 * COMMIT)
            await self._strike_in("running", job, {S.IN_PROGRESS})

    async def committing(self) -> None:
        """A worker is stopped over an answer's object, before the rows that name it, until others have
        its shards: what it then has to say is refused."""
        job = self.a_job(900, options={"maxConcurrency": 32})
        await self.create(job)
        await self.answered(job, 50)
        if (name := await self.writer(job)) is not None:
            await self.fleet.stall(name, "committing", LEASE * 1.5)
            self.hits.add("committing")

    async def finalizing(self) -> None:
        job = self.a_job(3_000, padding=512, model="any", options={"target": "ECHO"})
        await self.create(job)
        for longest in SHORT_PHASE:
            await self.watch.until(
                job, lambda batch: batch.status not in {S.VALIDATING, S.IN_PROGRESS}
            )
            await self._moment(longest)
            await self._strike_in("finalizing", job, {S.FINALIZING})
        await self.watch.until(job, lambda batch: batch.is_final)
        await self._moment(0.05)
        await self._strike_in_teardown(job)

    async def cancelling(self) -> None:
        job = self.a_job(300, first="slow", options={"maxConcurrency": 32})
        await self.create(job)
        await self.answered(job, 40)
        await self._cancel(job)
        for longest in LONG_PHASE:
            await self._moment(longest)
            await self._strike_in("cancelling", job, {S.CANCELLING})

    async def expiring(self) -> None:
        job = self.a_job(300, first="slow", options={"maxConcurrency": 32})
        await self.create(job)
        await self.answered(job, 40)
        await self.watch.close_window(job, timedelta(seconds=self.random.uniform(0, 0.5)))
        await self.watch.until(job, lambda batch: batch.expires_at <= utc_now())
        for longest in LONG_PHASE:
            await self._moment(longest)
            await self._strike_in("expiring", job, {S.IN_PROGRESS, S.FINALIZING})

    async def dedicated(self) -> None:
        """On a deployment that is made for it, of the echo engine."""
        job = self.a_job(600, model=TEMPLATE, options={"maxConcurrency": 8})
        await self.create(job)
        await self.watch.until(job, lambda batch: batch.place is not None)
        await self._moment(0.5)
        await self._strike_in("provisioning", job, {S.IN_PROGRESS}, BatchReason.PROVISIONING)
        await self.watch.until(job, lambda batch: batch.completed > 0)
        self.ports |= await self.watch.ports()
        await self._strike_in("running", job, {S.IN_PROGRESS})
        await self.watch.until(job, lambda batch: batch.is_final)
        await self._moment(0.1)
        await self._strike_in_teardown(job)

    async def dedicated_cancelled(self) -> None:
        """While its deployment comes, or is there."""
        job = self.a_job(2_000, model=TEMPLATE, options={"maxConcurrency": 8})
        await self.create(job)
        await self.watch.until(job, lambda batch: batch.place is not None)
        await self._moment(2.0)
        await self._cancel(job)
        await self._moment(0.02)
        statuses = {S.CANCELLING, S.CANCELLED}
        if not await self.watch.is_torn_down(job):
            await self._strike_in("cancelling a dedicated one", job, statuses)
        await self.watch.until(job, lambda batch: batch.is_final)

    async def prepare(self) -> None:
        async with a_client(self.fleet.url) as api:
            said = {"name": "marking", "baseUrl": self.engine.url, "models": [MODEL]}
            await api.change("createExternalEndpoint", said)
            template = {"name": TEMPLATE, "runtimeVariant": "ECHO", "spec": {}}
            made = await api.change("createDeploymentTemplate", template, "template { id }")
            said = {"templateId": made["template"]["id"], "status": "ACTIVE"}
            await api.change("updateDeploymentTemplate", said)

    def a_job(self, lines: int, first: str = "line", **said: object) -> Job:
        name = f"{len(self.jobs)}-{self.random.randrange(10**6)}"
        bad = {self.random.randrange(lines) for _ in range(lines // 20)}
        kinds = ["bad" if n in bad and "model" not in said else first for n in range(lines)]
        return Job([f"{kind}-{name}-{n}" for n, kind in enumerate(kinds)], **said)  # type: ignore[arg-type]

    async def create(self, job: Job) -> None:
        """A server that is killed over it may have created it all the same."""
        self.uploads.add(sha256(job.content()).hexdigest())
        try:
            async with self._http() as http:
                await job.create(http)
        finally:
            if job.id:
                self.jobs.append(job)

    async def _cancel(self, job: Job) -> None:
        async with self._http() as http:
            answer = await http.post(f"/v1/batches/{job.id}/cancel")
        assert answer.status_code in (200, 409), answer.text

    async def answered(self, job: Job, more: int) -> None:
        """So many more, or all of the job."""
        until = self.engine.answered + more
        await self.watch.until(job, lambda batch: self.engine.answered >= until or batch.is_final)

    async def writer(self, job: Job, *names: str) -> str | None:
        """Whoever (of those) writes an object now, as soon as there is one; None where the job ended
        before."""
        drafts = str(self.fleet.storage / "objects" / "tmp")
        while not (await self.watch.batch(job)).is_final:
            for _ in range(20):
                for name in names or self.fleet.members:
                    if any(each.startswith(drafts) for each in self.fleet.open_files(name)):
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

    async def _strike_in_teardown(self, job: Job) -> None:
        if not await self.watch.is_torn_down(job):
            self.hits.add("teardown")
        await self._strike("teardown")

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

    async def check(self, job: Job) -> None:
        await self.watch.until(job, lambda batch: batch.is_final)
        async with self._http() as http:
            kill_jobs.check(job, await kill_jobs.ended(http, job))

    async def described(self, job: Job) -> str:
        batch = await self.watch.batch(job)
        counts = f"{batch.completed} + {batch.failed} of {batch.total}"
        return (
            f"{job.marks[0]} {batch.status} {batch.reason} {batch.message} {counts} {batch.ending}"
        )
