"""Batch jobs, followed."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Annotated

import strawberry

from domain.batches.batch import FINAL, Batch
from domain.batches.facts import BatchJobStatusChanged
from domain.errors import NotFound
from domain.events import Cursor, Scope, SubjectKind
from domain.events import Event as Committed
from domain.work import EventLog
from resolvers.context import Context, Info
from resolvers.events import known, told
from resolvers.following import coalesced, rest, until
from resolvers.inputs import own_id
from schema import versions
from schema.batches import BatchJob
from schema.event_kinds import Event

After = Annotated[
    str | None, versions.argument("The cursor of the event to go on behind; else starts now.")
]
PROGRESS_EVERY = 0.1  # seconds


@versions.type(added="0.2.0")
class BatchSubscriptions:
    @versions.method(added="0.2.0", subscription=True)
    async def batch_job_events(
        self, info: Info, batch_job_id: strawberry.ID, after: After = None
    ) -> AsyncIterator[Event]:
        """All that happens to a batch job; ends after the BatchJobStatusChanged to a final status."""
        log = info.context.services.log
        head = await log.head()
        batch = await _batch(info.context, batch_job_id)
        start = head if after is None else Cursor.decode(after)
        async with aclosing(_of_batch(log, batch, start, known(info))) as followed:
            async for event in followed:
                info.context.renew()
                yield told(info, event)

    @versions.method(added="0.2.0", subscription=True)
    async def batch_job_progress(
        self, info: Info, batch_job_id: strawberry.ID
    ) -> AsyncIterator[BatchJob]:
        """The job as it is, then as it changes, until it is final: at most ten times a second, and the
        last time always."""
        log = info.context.services.log
        head = await log.head()
        batch = await _batch(info.context, batch_job_id)
        yield BatchJob.of(batch)
        if batch.is_final:
            return
        changes = _of_batch(log, batch, head)
        signs = coalesced(changes, PROGRESS_EVERY, info.context.services.timer)
        async with aclosing(signs) as coming:
            async for _ in coming:
                info.context.renew()
                known, batch = batch, await _batch(info.context, batch_job_id)
                if known != batch:
                    yield BatchJob.of(batch)
                if batch.is_final:
                    return


async def _batch(context: Context, id: str) -> Batch:
    own = own_id("BatchJob", id, "batch_job_id")
    found = await context.loads.batch_job(own)
    if found is None:
        raise NotFound(kind="batch job", id=own, path=("batch_job_id",))
    return found


def _of_batch(
    log: EventLog, batch: Batch, start: Cursor, types: frozenset[str] | None = None
) -> AsyncGenerator[Committed, None]:
    """The job's events behind the cursor, up to its end.

    The cursor was read before the job, or is older: if this is not yet final, its end lies ahead.
    """
    subject = (SubjectKind.BATCH_JOB, batch.id)
    wanted = Scope(project_id=batch.project_id, subject=subject, types=types)
    if batch.is_final:
        return rest(log, start, wanted)
    return until(log, start, wanted, _is_end)


def _is_end(event: Committed) -> bool:
    fact = event.fact
    return isinstance(fact, BatchJobStatusChanged) and fact.job_status_after in FINAL
