"""10,000 idle deployments: what the loop costs, and how soon a change among them is acted on."""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from statistics import quantiles
from time import perf_counter, process_time

import structlog

from benchmarks.measure import Measured
from benchmarks.world import ENDPOINTS, PLACEMENT, World, group_of, healthy, world
from domain.clock import MonotonicTimer, utc_now
from domain.deployments import plan
from domain.deployments.deployment import Deployment, DeploymentStatus, Revision
from domain.deployments.ports import SHARDS, Observed, Sight
from domain.deployments.reconciler import Reconciler
from domain.deployments.reconciler.loading import fixed_port
from domain.deployments.reconciler.tenure import Tenure
from domain.deployments.replica import Replica
from domain.deployments.situation import Patience
from domain.ids import new_id
from domain.work import Work
from infra.store import Store

DEPLOYMENTS = 10_000
RUNNING = (
    2_000  # of them with a healthy replica; half of the others scaled to none, half never active
)
AT_ONCE = 500  # in one unit of work
IDLE_SECONDS = 20.0
CHANGES = 100
PAUSE = 0.1  # seconds between two changes
WITHIN = 30.0


@dataclass(slots=True)
class EverHealthy:
    """A driver whose replicas are all healthy, and which tells when one was to start."""

    started: dict[str, "asyncio.Future[float]"] = field(default_factory=dict)

    async def observe(self, replicas: Sequence[Replica]) -> Mapping[str, Observed]:
        seen = Observed(sight=Sight.HEALTHY, endpoints=ENDPOINTS, placement=PLACEMENT)
        return {replica.id: seen for replica in replicas}

    async def start(self, replica: Replica, revision: Revision) -> None:
        self.started[replica.deployment_id].set_result(perf_counter())

    async def stop(self, replica: Replica, grace: timedelta) -> None: ...

    async def release(self, replicas: Sequence[Replica]) -> None: ...

    async def sweep(self) -> int:
        return 0

    async def changes(self) -> AsyncGenerator[str, None]:
        await asyncio.Event().wait()
        yield ""


async def reconcile() -> Sequence[Measured]:
    async with world() as server:
        running = await _fill(server)
        driver, store = EverHealthy(), server.parts.store
        async with _reconciler(store, driver).running():
            await _at_rest(store)
            cpu = await _idle()
            seconds = [await _acted_on(server, driver, each) for each in running[:CHANGES]]
    cuts = quantiles(seconds, n=100)
    what = f"{DEPLOYMENTS:,} idle deployments"
    return [
        Measured(name="reconcile", what=f"{what}: % of a core", value=100 * cpu, bar=2.0),
        Measured(name="", what="commit to act, p50, ms", value=1e3 * cuts[49], bar=None),
        Measured(name="", what="commit to act, p99, ms", value=1e3 * cuts[98], bar=100.0),
    ]


def _reconciler(store: Store, driver: EverHealthy) -> Reconciler:
    timer = MonotonicTimer()
    return Reconciler(
        reads=store.reads,
        start_work=store.start_work,
        log=store.log,
        tenure=Tenure(leases=store.leases, plane="bench", clock=utc_now, timer=timer),
        gateways=store.gateways,
        driver=driver,
        decide=plan.decide,
        in_place=fixed_port,
        patience=Patience(),
        clock=utc_now,
        timer=timer,
        new_id=new_id,
        logger=structlog.get_logger(),
        prune=store.prune_replicas,
    )


async def _fill(server: World) -> Sequence[Deployment]:
    """Those that run, out of all. Each is a copy of one that the services made."""
    made = await server.deployment("first", revisions=1)
    reads, start_work = server.parts.store.reads, server.parts.store.start_work
    (revision,) = (await reads.revisions.by_ids([made.active_revision_id or ""])).values()
    await server.parts.services.deployments.delete(server.caller, made.id)
    running: list[Deployment] = []
    for start in range(0, DEPLOYMENTS, AT_ONCE):
        async with start_work("bench", "bench") as work:
            for number in range(start, start + AT_ONCE):
                added = await _add(work, made, revision, number)
                if number < RUNNING:
                    running.append(added)
    return running


async def _add(work: Work, made: Deployment, revision: Revision, number: int) -> Deployment:
    runs, is_active = number < RUNNING, number % 2 or number < RUNNING
    status = DeploymentStatus.READY if is_active else DeploymentStatus.PENDING
    deployment = replace(
        made,
        id=new_id(),
        name=f"d-{number}",
        desired_replicas=int(runs),
        active_revision_id=None,
        status=status,
        reason=None,
    )
    await work.deployments.add(deployment)
    revision = replace(revision, id=new_id(), deployment_id=deployment.id)
    await work.revisions.add(revision)
    if is_active:
        deployment = replace(deployment, active_revision_id=revision.id)
        await work.deployments.put(deployment)
        group = group_of(revision, deployment.desired_replicas)
        await work.groups.add(group)
        if runs:
            await work.replicas.add(healthy(group))
    await work.look(deployment.id, deployment.created_at)
    return deployment


async def _at_rest(store: Store) -> None:
    """Until nothing is due any more, and has not been for some seconds."""
    quiet = 0
    while quiet < 5:
        await asyncio.sleep(1)
        due = await store.reads.due.due(range(SHARDS), utc_now() + timedelta(seconds=60), 1)
        quiet = 0 if due else quiet + 1


async def _idle() -> float:
    """The share of a core that this process takes; everything of the store's is counted in."""
    began, used = perf_counter(), process_time()
    await asyncio.sleep(IDLE_SECONDS)
    return (process_time() - used) / (perf_counter() - began)


async def _acted_on(server: World, driver: EverHealthy, deployment: Deployment) -> float:
    """Seconds from the answer of a scale to the driver's being told."""
    told: asyncio.Future[float] = asyncio.get_running_loop().create_future()
    driver.started[deployment.id] = told
    await server.parts.services.deployments.scale(server.caller, deployment.id, 2)
    committed = perf_counter()
    async with asyncio.timeout(WITHIN):
        at = await told
    await asyncio.sleep(PAUSE)
    return max(0.0, at - committed)
