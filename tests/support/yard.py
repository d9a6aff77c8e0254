"""Control planes' loops over one store, one host and one time.

yard = Yard()
async with yard.plane("one") as plane: ...      # plane.driver, plane.logger
deployment = await yard.deployment(desired=2)   # activated, as a user does it
await yard.timer.pass_(5)
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from domain.deployments import plan
from domain.deployments.deployment import Deployment, DeploymentStatus, Revision
from domain.deployments.facts import RolloutStarted
from domain.deployments.ports import GatewayReport, Lease, Leases
from domain.deployments.reconciler import Reconciler
from domain.deployments.reconciler.tenure import Tenure
from domain.deployments.replica import Replica, ReplicaStatus
from domain.deployments.rollout import Rollout, RolloutKind, RolloutStatus
from domain.deployments.situation import Patience
from domain.errors import StorageUnavailable
from domain.events import Event, Scope
from domain.ids import new_id
from domain.work import Work
from tests.support.builders import a_deployment, a_revision, fresh
from tests.support.clock import TestClock
from tests.support.fake_driver import FakeDriver, Host
from tests.support.memory import MemoryStore
from tests.support.timer import TestTimer

USER, REQUEST = "ada", "request:1"


@dataclass(slots=True)
class Lines:
    """What a plane told its operator."""

    told: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def warning(self, event: str, /, **fields: Any) -> None:
        self.told.append((event, fields))

    exception = warning

    def named(self, event: str) -> list[dict[str, Any]]:
        return [fields for told, fields in self.told if told == event]


@dataclass(frozen=True, slots=True)
class Plane:
    reconciler: Reconciler
    driver: FakeDriver
    logger: Lines


@dataclass
class Yard:
    clock: TestClock = field(default_factory=TestClock)
    host: Host = field(default_factory=Host)

    def __post_init__(self) -> None:
        self.timer = TestTimer(self.clock)
        self.store = MemoryStore(clock=self.clock)

    @asynccontextmanager
    async def plane(
        self, name: str = "one", *, stop_replicas: bool = False, **said: Any
    ) -> AsyncIterator[Plane]:
        made = self.made(name, **said)
        async with made.reconciler.running(stop_replicas=stop_replicas):
            await self.timer.pass_(0)
            yield made

    def made(self, name: str, **said: Any) -> Plane:
        driver, logger, store = (
            said.pop("driver", None) or FakeDriver(self.host),
            Lines(),
            self.store,
        )
        own: dict[str, Any] = {
            "reads": store.reads,
            "start_work": store.start_work,
            "log": store.log,
            "tenure": Tenure(
                leases=said.pop("leases", store.leases),
                plane=name,
                clock=self.clock,
                timer=said.get("timer", self.timer),
            ),
            "gateways": store.gateways,
            "driver": driver,
            "decide": plan.decide,
            "in_place": lambda revision: False,
            "patience": Patience(),
            "clock": self.clock,
            "timer": self.timer,
            "new_id": new_id,
            "logger": logger,
            "prune": store.prune_replicas,
        }
        return Plane(Reconciler(**{**own, **said}), driver, logger)

    async def deployment(self, *, desired: int = 1, **said: Any) -> Deployment:
        """With a first revision that a user just activated."""
        deployment = a_deployment(
            self.store.default,
            desired_replicas=desired,
            status=DeploymentStatus.PENDING,
            **said,
        )
        async with self.store.start_work(USER, REQUEST) as work:
            await work.deployments.add(deployment)
        return await self.activate(deployment.id)

    async def activate(self, deployment_id: str, *, quietly: bool = False) -> Deployment:
        """A new revision of it. `quietly`: the log does not say so, which is a hint that was lost."""
        async with self.store.start_work(USER, REQUEST) as work:
            deployment = await work.deployments.lock(deployment_id)
            assert deployment is not None
            revision = a_revision(deployment, number=deployment.last_revision + 1)
            await work.revisions.add(revision)
            if (live := await work.live_rollout(deployment_id)) is not None:
                await work.rollouts.put(self._ended(live, RolloutStatus.REPLACED))
            rollout = self._rollout(deployment, revision)
            await work.rollouts.add(rollout)
            deployment = replace(
                deployment,
                status=DeploymentStatus.DEPLOYING,
                last_revision=revision.number,
                generation=deployment.generation + 1,
            )
            await work.deployments.put(deployment)
            await work.look(deployment_id, self.clock())
            if not quietly:
                work.record(deployment.project_id, _started(rollout))
        return deployment

    async def change(self, deployment_id: str, **said: Any) -> None:
        """A user's decision, of which the log says nothing."""
        async with self.store.start_work(USER, REQUEST) as work:
            deployment = await work.deployments.lock(deployment_id)
            assert deployment is not None
            decided = replace(deployment, generation=deployment.generation + 1, **said)
            await work.deployments.put(decided)
            await work.look(deployment_id, self.clock())

    async def ask(self, deployment_id: str) -> None:
        """For a look, at once."""
        async with self.store.start_work(USER, REQUEST) as work:
            await work.look(deployment_id, self.clock())

    async def abort(self, deployment_id: str) -> None:
        async with self.store.start_work(USER, REQUEST) as work:
            deployment = await work.deployments.lock(deployment_id)
            rollout = await work.live_rollout(deployment_id)
            assert deployment is not None
            assert rollout is not None
            await work.rollouts.put(self._ended(rollout, RolloutStatus.ABORTED))
            back = replace(deployment, status=DeploymentStatus.ROLLING_BACK)
            await work.deployments.put(back)
            await work.look(deployment_id, self.clock())

    async def gateway(self, name: str, position: int | None = None, **in_flight: int) -> None:
        """Its report of this moment; of the log's head, if nothing else is said."""
        at = (await self.store.log.head()).position if position is None else position
        report = GatewayReport(
            gateway=name,
            position=at,
            in_flight=in_flight,
            held={},
            arrived={},
            seen_at=self.clock(),
        )
        await self.store.gateways.report(report)

    async def now(self, deployment: Deployment) -> Deployment:
        return (await self.store.reads.deployments.by_ids([deployment.id]))[deployment.id]

    async def status(self, deployment: Deployment) -> DeploymentStatus:
        return (await self.now(deployment)).status

    async def replicas(self, deployment: Deployment) -> Sequence[Replica]:
        """Those that have not exited."""
        found = await self.store.reads.replicas.present([deployment.id])
        return found.get(deployment.id, ())

    async def statuses(self, deployment: Deployment) -> list[ReplicaStatus]:
        return sorted(replica.status for replica in await self.replicas(deployment))

    async def events(self) -> Sequence[Event]:
        return await self.store.log.read(None, 10_000, Scope())

    def _ended(self, rollout: Rollout, status: RolloutStatus) -> Rollout:
        now = self.clock()
        return replace(rollout, status=status, status_since=now, finished_at=now)

    def _rollout(self, deployment: Deployment, revision: Revision) -> Rollout:
        now = self.clock()
        return Rollout(
            id=fresh(),
            project_id=deployment.project_id,
            deployment_id=deployment.id,
            kind=RolloutKind.ACTIVATION,
            revision_id=revision.id,
            revision_number=revision.number,
            from_revision_id=deployment.active_revision_id,
            strategy=deployment.strategy,
            status=RolloutStatus.RUNNING,
            status_since=now,
            progress_deadline=600.0,
            progressed_at=now,
            created_at=now,
            created_by=USER,
        )


def _started(rollout: Rollout) -> RolloutStarted:
    return RolloutStarted(
        deployment_id=rollout.deployment_id,
        rollout_id=rollout.id,
        revision_id=rollout.revision_id,
        number=rollout.revision_number,
        kind=rollout.kind,
        strategy=rollout.strategy.kind,
        note="",
    )


@dataclass(slots=True)
class Interrupted:
    """A store's units of work; before the next of the reconciler's begins, something else happens."""

    store: MemoryStore
    meanwhile: list[Callable[[], Awaitable[object]]] = field(default_factory=list)

    @asynccontextmanager
    async def __call__(self, actor: str, cause: str) -> AsyncIterator[Work]:
        while self.meanwhile:
            await self.meanwhile.pop(0)()
        async with self.store.start_work(actor, cause) as work:
            yield work


@dataclass(slots=True)
class Line:
    """Leases over a line to the database that may be cut; a plane that `dies` says no goodbye."""

    leases: Leases
    is_cut: bool = False
    dies: bool = False

    async def renew(self, plane: str, now: datetime, until: datetime) -> Sequence[Lease]:
        if self.is_cut:
            raise StorageUnavailable(where="the database", problem="the line is cut")
        return await self.leases.renew(plane, now, until)

    async def leave(self, plane: str) -> None:
        if not self.dies:
            await self.leases.leave(plane)
