"""When a worker came, and when it was last heard of, as the others have to see it."""

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime, timedelta

from domain.batches.ports import Worker

TICK = timedelta(microseconds=1)


def renewed(worker: str, living: Collection[Worker], now: datetime) -> Worker:
    """The worker as it is from now on; renewals come one after the other, whatever their clocks say.

    One that registers does so after all that the others renewed, and one that renews does so after all
    that the others registered: so whoever's renewal is later than a registration has heard of it.
    """
    mine = next((one for one in living if one.id == worker), None)
    others = [one for one in living if one.id != worker]
    if mine is None:
        at = max([now, *(one.renewed_at + TICK for one in others)])
        return Worker(id=worker, registered_at=at, renewed_at=at)
    seen = [one.registered_at + TICK for one in others]
    return replace(mine, renewed_at=max([now, mine.renewed_at, *seen]))
