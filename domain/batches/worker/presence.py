"""That a worker lives: what it holds stays its own, and the others count on it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from domain.batches.ports import ShardClaims, Workers
from domain.batches.sending.run import Gate, Run
from domain.batches.worker import sharing
from domain.batches.worker.sharing import Crew, Roster
from domain.clock import Clock, Timer

MARGIN = timedelta(seconds=2)  # what clocks of two workers may differ by
SOON = 1.0  # seconds, while somebody waits for this worker's next word, or this one for others'


@dataclass(eq=False, slots=True, kw_only=True)
class Presence:
    workers: Workers
    claims: ShardClaims
    worker: str
    lease: timedelta
    clock: Clock
    timer: Timer
    gate: Gate
    roster: Roster

    async def renew(self, runs: Iterable[Run]) -> float:
        """After how many seconds to do it again. Raises StorageUnavailable; what is held then runs on
        until its time is over.

        The shares are kept to when this returns: whatever is told by the next renewal.
        """
        began, now = self.timer.now(), self.clock()
        everybody = await self.workers.renew(self.worker, now, now + self.lease)
        living = sharing.beside(self.worker, everybody)
        before = self.roster.crew
        crew = self.roster.crew = sharing.renewed(before, living)
        runs = list(runs)
        for run in runs:
            with_share(run, self.share(run))
        await self._renew_shards(runs)
        self.gate.trusted_until = began + (self.lease - MARGIN).total_seconds()
        is_settled = crew.is_known and _ids(before) == _ids(crew)
        return self.lease.total_seconds() / 3 if is_settled else SOON

    def share(self, run: Run) -> int | None:
        limit = run.batch.terms.max_concurrency
        return None if limit is None else self.roster.crew.share(limit)

    async def _renew_shards(self, runs: Iterable[Run]) -> None:
        held = [(run, each) for run in runs for each in run.held.values()]
        if not held:
            return
        until = self.clock() + self.lease
        kept = await self.claims.renew(self.worker, [each.shard for _, each in held], until)
        mine = set(kept)
        for run, each in held:
            if (run.batch.id, each.shard.number) not in mine:
                still = run.held.get(each.shard.number)
                run.drop([each] if still is each else [], self.gate)

    async def leave(self) -> None:
        """Whatever it has is free at once."""
        await self.workers.leave(self.worker)


def with_share(run: Run, share: int | None) -> None:
    """What is in flight above it is cut, the youngest first: other workers count on it."""
    run.share = share
    if share is not None:
        for task in list(run.flights)[share:]:
            task.cancel()


def _ids(crew: Crew) -> set[str]:
    return {worker.id for worker in crew.workers}
