"""Why a batch stands still, told where its readers look; and that it goes on."""

from collections.abc import Iterable
from dataclasses import dataclass

from domain.batches.batch import BatchReason
from domain.batches.ports import Records, Standstill
from domain.batches.sending.execution import Lane
from domain.batches.sending.run import Gate, Run
from domain.clock import Timer

SETTLED = 1.0  # seconds without an answer: less is no standstill
WAITED_FOR = frozenset({BatchReason.QUEUED, BatchReason.PROVISIONING})  # until something is sent


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    records: Records
    timer: Timer
    gate: Gate

    async def tell(self, runs: Iterable[tuple[Run, Lane | None]]) -> None:
        """Raises StorageUnavailable."""
        for run, lane in runs:
            if run.is_over:
                continue
            seen = self._seen(run, lane)
            if seen is not None and seen.reason is not run.batch.reason:
                await self._write(run, seen)
            elif seen is None and _goes_on(run, self.timer.now()):
                await self._write(run, None)

    def _seen(self, run: Run, lane: Lane | None) -> Standstill | None:
        if self.gate.trouble is not None:
            return self.gate.trouble
        if run.standstill is not None and not run.flights:
            return run.standstill
        if lane is None or run.share == 0 or self.timer.now() < run.moved_at + SETTLED:
            return None
        return None if run.is_idle else lane.standstill(run)

    async def _write(self, run: Run, seen: Standstill | None) -> None:
        batch = await self.records.tell(run.batch.id, seen)
        if batch is not None:
            run.batch = batch


def _goes_on(run: Run, now: float) -> bool:
    if run.batch.reason is None:
        return False
    is_moving = run.moved_at > 0 and now < run.moved_at + SETTLED
    return is_moving or (bool(run.flights) and run.batch.reason in WAITED_FOR)
