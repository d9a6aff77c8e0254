"""A driver whose replicas are what a test says of them."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from domain.deployments.deployment import Revision
from domain.deployments.ports import Observed, Sight
from domain.deployments.replica import Endpoint, Replica

GONE = frozenset({Sight.ABSENT, Sight.EXITED})


@dataclass(slots=True)
class Host:
    """What runs, whoever looks after it: two drivers of one host see the same."""

    seen: dict[str, Observed] = field(default_factory=dict)

    @property
    def running(self) -> set[str]:
        return {i for i, observed in self.seen.items() if observed.sight not in GONE}


@dataclass(slots=True)
class FakeDriver:
    """A started replica is healthy at once and a stopped one gone, unless `slow`. `broken` deployments
    make it raise, `refused` so often; a `forgetful` one does nothing of what it is told."""

    host: Host = field(default_factory=Host)
    slow: bool = False
    forgetful: bool = False
    broken: set[str] = field(default_factory=set)
    started: list[str] = field(default_factory=list)
    stopped: list[str] = field(default_factory=list)
    released: list[str] = field(default_factory=list)
    observed: list[str] = field(default_factory=list)
    sweeps: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    _changes: "asyncio.Queue[str]" = field(default_factory=asyncio.Queue)

    async def observe(self, replicas: Sequence[Replica]) -> Mapping[str, Observed]:
        self._check(*replicas)
        self.observed += [replica.id for replica in replicas]
        absent = Observed(sight=Sight.ABSENT)
        return {replica.id: self.host.seen.get(replica.id, absent) for replica in replicas}

    async def start(self, replica: Replica, revision: Revision) -> None:
        self._check(replica)
        if self.forgetful:
            return
        assert revision.id == replica.revision_id
        self.started.append(replica.id)
        if replica.id not in self.host.running:
            self.see(replica, Sight.RUNNING if self.slow else Sight.HEALTHY)

    async def stop(self, replica: Replica, grace: timedelta) -> None:
        self._check(replica)
        if self.forgetful:
            return
        self.stopped.append(replica.id)
        if not self.slow:
            self.see(replica, Sight.EXITED, exit_code=0)

    async def release(self, replicas: Sequence[Replica]) -> None:
        self.released += [replica.id for replica in replicas]

    async def sweep(self) -> int:
        self.sweeps += 1
        return 0

    async def changes(self) -> AsyncGenerator[str, None]:
        while True:
            yield await self._changes.get()

    def take_up(self, replica: Replica) -> None:
        """Another driver started it, and it is well."""
        self.see(replica, Sight.HEALTHY)

    def see(self, replica: Replica, sight: Sight, **said: Any) -> None:
        endpoints = (Endpoint(model="m", host="127.0.0.1", port=20_000),)
        runs: dict[str, Any] = (
            {"endpoints": endpoints, "placement": {"host": "here"}} if sight not in GONE else {}
        )
        self.host.seen[replica.id] = Observed(sight=sight, **runs, **said)
        self._changes.put_nowait(replica.deployment_id)

    def lose(self, replica: Replica) -> None:
        """It ends, and nobody hears of it."""
        self.host.seen[replica.id] = Observed(sight=Sight.EXITED, exit_code=1)

    def _check(self, *replicas: Replica) -> None:
        poison = {replica.deployment_id for replica in replicas} & self.broken
        if poison:
            self.refused.update(poison if len(replicas) == 1 else ())
            raise RuntimeError("this replica is poison")
