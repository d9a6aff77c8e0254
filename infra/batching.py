"""What runs batch jobs, joined with a process's parts: a worker, what tends jobs, and the sweeps."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from operator import attrgetter
from random import SystemRandom

import orjson
import structlog

from domain.batches.batch import TargetKind
from domain.batches.dedicating import Dedicating
from domain.batches.input.lines import Json
from domain.batches.jobs import PodJobs, Providers
from domain.batches.jobs.tokens import Tokens
from domain.batches.ports import Inference
from domain.batches.targets.deployment_targets import DeploymentTargets
from domain.batches.targets.elsewhere import Elsewhere
from domain.batches.targets.routing import Traffic
from domain.batches.tending import Tending
from domain.batches.worker import Worker
from domain.batches.worker.recording import Recording
from domain.batches.worker.sharing import Crew, Roster
from domain.clock import MonotonicTimer, utc_now
from domain.files.sweeping import Sweeping
from domain.ids import new_id
from domain.rounds import Rounds
from domain.secrets.values import OpenedSecrets
from infra import autoscaling, memory, slots, wiring
from infra.echo import direct
from infra.inference import pods
from infra.inference.echo import WithEcho
from infra.inference.engines import Engines, connections
from infra.inference.pods import WithPods
from infra.inference.targets import ByKind, EchoTargets, ExternalTargets
from infra.settings import Driver
from infra.wiring import Parts

DIRECT = attrgetter("url")  # of an endpoint
JSON = Json(loads=orjson.loads, dumps=orjson.dumps)


@asynccontextmanager
async def running(parts: Parts, traffic: Traffic) -> AsyncIterator[None]:
    """Until the block ends. `traffic` is the process's gateway, and runs.

    A worker goes by its slot in the data dir: whoever takes the slot of a dead one frees at once what
    that had.
    """
    timer, logger = MonotonicTimer(), structlog.get_logger("domain.batches")
    with slots.taken(parts.settings.data_dir / "workers", new_id) as name:
        await parts.store.workers.leave(name)
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(memory.giving_back())
            roster = Roster(Crew(name))
            engines = _inference(parts, await stack.enter_async_context(connections()))
            deployments = _deployments(parts, traffic, roster)
            await stack.enter_async_context(deployments.running())
            dedicating = _dedicating(parts)
            jobs = await stack.enter_async_context(_jobs(parts, dedicating))
            sweeping = Sweeping(
                start_work=parts.store.start_work,
                reads=parts.store.reads,
                objects=parts.objects,
                clock=utc_now,
            )
            again = partial(Rounds, timer=timer, logger=logger)
            for rounds in (
                again(name="file sweeps", act=sweeping.act),
                again(name="dedicated deployments", act=dedicating.sweep, nudged=dedicating.kept),
                again(name="kubernetes jobs", act=jobs.sweep),
            ):
                await stack.enter_async_context(_round(rounds))
            await stack.enter_async_context(
                _tending(parts, name, Providers(dedicating, jobs)).running()
            )
            worker = _worker(parts, roster, deployments, engines)
            await stack.enter_async_context(worker.running())
            yield


def _inference(parts: Parts, engines: Engines) -> Inference:
    """One kind of address after the other, each known by what it begins with."""
    asked: Inference = engines
    if parts.proxy is not None:
        asked = WithPods(asked, engines, parts.proxy)
    return WithEcho(asked, direct.answered)


@asynccontextmanager
async def _jobs(parts: Parts, dedicating: Dedicating) -> AsyncIterator[PodJobs]:
    """Of Kubernetes, where the settings say that there is one."""
    async with AsyncExitStack() as stack:
        cluster = None
        if parts.settings.driver is Driver.KUBERNETES:
            from infra import clusters  # it takes a second and 50 MB

            opened = clusters.jobs(parts.settings, parts.store, parts.sealer)
            cluster = await stack.enter_async_context(opened)
        yield PodJobs(
            dedicating=dedicating,
            cluster=cluster,
            tokens=Tokens(sealer=parts.sealer, clock=utc_now),
            reads=parts.store.reads,
            clock=utc_now,
        )


@asynccontextmanager
async def _round(rounds: Rounds) -> AsyncIterator[None]:
    task = asyncio.create_task(rounds.run(), name=rounds.name)
    try:
        yield
    finally:
        rounds.end()
        await task


def _worker(
    parts: Parts, roster: Roster, deployments: DeploymentTargets, engines: Inference
) -> Worker:
    store = parts.store
    secrets = OpenedSecrets(reads=store.reads, sealer=parts.sealer)
    return Worker(
        roster=roster,
        reads=store.reads,
        records=Recording(start_work=store.start_work, clock=utc_now),
        log=store.log,
        workers=store.workers,
        shard_claims=store.shard_claims,
        objects=parts.objects,
        targets=ByKind(
            {
                TargetKind.DEPLOYMENT: deployments,
                TargetKind.DEDICATED: deployments,
                TargetKind.EXTERNAL: ExternalTargets(reads=store.reads, secrets=secrets),
                TargetKind.ECHO: EchoTargets(),
            }
        ),
        inference=engines,
        json=JSON,
        clock=utc_now,
        timer=MonotonicTimer(),
        new_id=new_id,
        chance=SystemRandom().random,
        logger=structlog.get_logger("domain.batches.worker"),
        lease=parts.settings.batch_lease,
    )


def _tending(parts: Parts, name: str, providers: Providers) -> Tending:
    store = parts.store
    return Tending(
        worker=name,
        claims=store.batch_claims,
        reads=store.reads,
        start_work=store.start_work,
        log=store.log,
        objects=parts.objects,
        provider=providers,
        json=JSON,
        limits=wiring.batch_limits(parts.settings),
        clock=utc_now,
        timer=MonotonicTimer(),
        new_id=new_id,
        logger=structlog.get_logger("domain.batches.tending"),
        lease=parts.settings.batch_lease,
        no_jobs=wiring.no_jobs(parts.settings),
    )


def _dedicating(parts: Parts) -> Dedicating:
    services = parts.services
    return Dedicating(
        start_work=parts.store.start_work,
        reads=parts.store.reads,
        definitions=services.definitions,
        deployments=services.deployments,
        rollouts=services.rollouts,
        logs=services.replicas.written,
        clock=utc_now,
        new_id=new_id,
    )


def _deployments(parts: Parts, traffic: Traffic, roster: Roster) -> DeploymentTargets:
    elsewhere = Elsewhere(
        gateways=parts.store.gateways,
        own=traffic.id,
        sleepers=autoscaling.waking(parts.settings, parts.store),
        clock=utc_now,
        timer=MonotonicTimer(),
        signal=traffic.signal,
        logger=structlog.get_logger("domain.batches.targets.elsewhere"),
    )
    return DeploymentTargets(
        reads=parts.store.reads,
        traffic=traffic,
        elsewhere=elsewhere,
        share=roster.share,
        address=DIRECT if parts.proxy is None else pods.address,
    )
