"""One pass over some deployments: load and observe them, decide, write, act."""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from domain.clock import Clock, Timer
from domain.deployments.deployment import Revision
from domain.deployments.reconciler import applying
from domain.deployments.reconciler.agenda import Agenda
from domain.deployments.reconciler.applying import Outcome
from domain.deployments.reconciler.barriers import Barriers
from domain.deployments.reconciler.loading import Loader, Look
from domain.deployments.replica import Replica
from domain.deployments.situation import Decision, Situation, Start, Stop
from domain.errors import StorageUnavailable
from domain.ids import NewId
from domain.logger import Logger
from domain.setbacks import Setbacks
from domain.work import Due, StartWork

ROUNDS = 100  # that change something, one right after the other, before it is taken for a fault

Decide = Callable[[Situation, datetime, NewId], Decision]
Postponed = tuple[Due, datetime | None]


@dataclass(slots=True)
class Present:
    """The replicas that this plane's driver looks after."""

    _by_deployment: dict[str, tuple[int, Sequence[Replica]]] = field(default_factory=dict)

    def note(self, look: Look, replicas: Sequence[Replica]) -> Sequence[Replica]:
        """Those of the deployment; returns those of before."""
        _, before = self._by_deployment.pop(look.deployment_id, (0, ()))
        if replicas:
            self._by_deployment[look.deployment_id] = look.lease.shard, replicas
        return before

    def take(self, shards: Collection[int]) -> Sequence[Replica]:
        """Those of the shards, which are forgotten."""
        gone = [i for i, (shard, _) in self._by_deployment.items() if shard in shards]
        return [replica for i in gone for replica in self._by_deployment.pop(i)[1]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Passes:
    loader: Loader
    start_work: StartWork
    decide: Decide
    clock: Clock
    timer: Timer
    new_id: NewId
    agenda: Agenda
    barriers: Barriers
    setbacks: Setbacks
    present: Present
    logger: Logger
    _changed: dict[str, int] = field(default_factory=dict)
    _postponed: dict[str, Postponed] = field(default_factory=dict)

    def forget(self) -> None:
        """What this plane said of when to look: others may have said otherwise meanwhile."""
        self._postponed.clear()

    async def over(self, causes: Mapping[str, str], room: asyncio.Semaphore) -> None:
        """Raises StorageUnavailable; what was not looked at then is on the agenda again."""
        try:
            looks = await self._looks(list(causes))
        except StorageUnavailable:
            for deployment_id, cause in causes.items():
                self.agenda.hint(deployment_id, cause)
            raise
        holds = self.loader.tenure.holds
        own = [look for look in looks if holds(look.lease)]
        strange = [look for look in looks if not holds(look.lease)]
        for look in own:
            before = self.present.note(look, look.situation.replicas)
            self.barriers.keep(before, look.situation.replicas)
        await self._give_up(strange)
        shown = [self._pass(look, causes[look.deployment_id], room) for look in own]
        said = await asyncio.gather(*shown)
        await self._postpone([each for each in said if isinstance(each, tuple)])
        for trouble in (each for each in said if isinstance(each, StorageUnavailable)):
            raise trouble

    async def _give_up(self, looks: Sequence[Look]) -> None:
        """What was another plane's by the time it had been observed here, and so adopted."""
        replicas = [replica for look in looks for replica in look.situation.replicas]
        if replicas:
            self.barriers.keep(replicas, ())
            await self.loader.driver.release(replicas)

    async def _looks(self, ids: Sequence[str]) -> Sequence[Look]:
        """One that can't be loaded does not keep the others from it."""
        try:
            return await self.loader.load(ids)
        except StorageUnavailable:
            raise
        except Exception:  # the loop's edge: one of them may be what nobody foresaw
            self.logger.exception("deployments could not be loaded", deployments=len(ids))
        if len(ids) == 1:
            self._set_back(ids[0])
            return ()
        return [look for one in ids for look in await self._looks([one])]

    async def _pass(
        self, look: Look, cause: str, room: asyncio.Semaphore
    ) -> Postponed | StorageUnavailable | None:
        """What to postpone, where all was as it should be; or what the database's trouble is."""
        if look.is_over:
            self._rests(look)
            return look.due, None
        try:
            decision = self.decide(look.situation, self.clock(), self.new_id)
            if applying.changes(decision, look.situation):
                async with room:
                    await self._change(look, decision, cause)
                return None
            await self._act(look, decision)
        except StorageUnavailable as error:
            self.agenda.hint(look.deployment_id, cause)
            return error
        except Exception:  # the loop's edge: its fault is nobody else's
            pause = self._set_back(look.deployment_id)
            said = {"deployment": look.deployment_id, "pause": pause}
            self.logger.exception("a deployment could not be reconciled", **said)
            return None
        self._rests(look)
        return look.due, decision.look_at

    def _rests(self, look: Look) -> None:
        self.setbacks.clear(look.deployment_id)
        self._changed.pop(look.deployment_id, None)

    async def _change(self, look: Look, decision: Decision, cause: str) -> None:
        outcome = await applying.apply(self.start_work, look, decision, cause, self.clock())
        if outcome is Outcome.LOST:
            return
        if outcome is Outcome.APPLIED:
            await self._act(look, decision)
        count = self._changed.pop(look.deployment_id, 0) + 1
        if count < ROUNDS:
            self._changed[look.deployment_id] = count
            self.agenda.hint(look.deployment_id, cause)
            return
        pause = self._set_back(look.deployment_id)
        said = {"deployment": look.deployment_id, "pause": pause}
        self.logger.warning("a deployment does not come to rest", **said)

    async def _act(self, look: Look, decision: Decision) -> None:
        """What is not done here, as the lease is not sure any more, is decided again from the rows."""
        if not decision.actions:
            return
        replicas = {r.id: r for r in (*look.situation.replicas, *decision.replicas)}
        if self.loader.tenure.holds(look.lease):
            self.present.note(look, tuple(replicas.values()))
        starting = [replicas[a.replica_id] for a in decision.actions if isinstance(a, Start)]
        revisions = await self._revisions({replica.revision_id for replica in starting})
        for action in decision.actions:
            if not self.loader.tenure.holds(look.lease):
                return
            replica = replicas[action.replica_id]
            match action:
                case Start():
                    await self.loader.driver.start(replica, revisions[replica.revision_id])
                case Stop():
                    await self.loader.driver.stop(replica, look.situation.patience.grace)

    async def _revisions(self, ids: Collection[str]) -> Mapping[str, Revision]:
        return await self.loader.reads.revisions.by_ids(ids) if ids else {}

    async def _postpone(self, found: Sequence[Postponed]) -> None:
        """Those alone whose time is another than the one last said."""
        new = [each for each in found if self._postponed.get(each[0].deployment_id) != each]
        if new:
            await self.loader.reads.due.postpone(new)
        for due, at in new:
            self._postponed.pop(due.deployment_id, None)
            if at is not None:  # of those that nothing runs of, nothing is remembered
                self._postponed[due.deployment_id] = due, at

    def _set_back(self, deployment_id: str) -> float:
        """How many seconds it waits now."""
        return self.setbacks.add(deployment_id, self.timer.now())
