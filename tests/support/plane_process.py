"""A control plane's loop in a process of its own, over a real database, to be killed or stopped.

    python -m tests.support.plane_process URL FOLDER NAME

Its driver is a fake one. It writes a line for each thing that it does: `leases COUNT`, `start REPLICA`,
`observe REPLICA`. Told to `hang` (a file of that name in FOLDER), it stops itself in the middle of its
next unit of work, as a debugger or a laptop's lid would.
"""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from domain.clock import MonotonicTimer, utc_now
from domain.deployments import plan
from domain.deployments.deployment import Revision
from domain.deployments.ports import Lease, Leases, Observed
from domain.deployments.reconciler import Reconciler
from domain.deployments.reconciler.tenure import Tenure
from domain.deployments.replica import Replica
from domain.deployments.situation import Patience
from domain.ids import new_id
from domain.work import StartWork, Work
from infra.store import open_store
from tests.support.fake_driver import FakeDriver
from tests.support.yard import Lines


def tell(*words: object) -> None:
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


@dataclass(slots=True)
class ToldLeases:
    leases: Leases

    async def renew(self, plane: str, now: datetime, until: datetime) -> Sequence[Lease]:
        held = await self.leases.renew(plane, now, until)
        tell("leases", len(held))
        return held

    async def leave(self, plane: str) -> None:
        await self.leases.leave(plane)


@dataclass(slots=True)
class ToldDriver(FakeDriver):
    """What runs is what any plane started: a replica with a placement is healthy."""

    seen: set[str] = field(default_factory=set)

    async def observe(self, replicas: Sequence[Replica]) -> Mapping[str, Observed]:
        for replica in replicas:
            if replica.placement is not None and replica.id not in self.host.seen:
                self.take_up(replica)
            if replica.id not in self.seen:
                self.seen.add(replica.id)
                tell("observe", replica.id)
        return await FakeDriver.observe(self, replicas)

    async def start(self, replica: Replica, revision: Revision) -> None:
        tell("start", replica.id)
        await FakeDriver.start(self, replica, revision)


@dataclass(slots=True)
class Hanging:
    start_work: StartWork
    told: Path

    @asynccontextmanager
    async def __call__(self, actor: str, cause: str) -> AsyncIterator[Work]:
        if self.told.exists():
            self.told.unlink()
            tell("hangs")
            os.kill(os.getpid(), signal.SIGSTOP)
        async with self.start_work(actor, cause) as work:
            yield work
        tell("worked")


async def main(url: str, folder: Path, name: str) -> None:
    logger = Lines()
    async with open_store(url, data_dir=folder) as store:
        timer = MonotonicTimer()
        leases = ToldLeases(store.leases)
        reconciler = Reconciler(
            reads=store.reads,
            start_work=Hanging(store.start_work, folder / "hang"),
            log=store.log,
            tenure=Tenure(leases=leases, plane=name, clock=utc_now, timer=timer),
            gateways=store.gateways,
            driver=ToldDriver(),
            decide=plan.decide,
            in_place=lambda revision: False,
            patience=Patience(),
            clock=utc_now,
            timer=timer,
            new_id=new_id,
            logger=logger,
            prune=store.prune_replicas,
        )
        async with reconciler.running():
            await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2]), sys.argv[3]))
