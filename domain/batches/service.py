"""What users decide about batches; each decision is one unit of work."""

from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from datetime import datetime

from domain import idempotency
from domain.access.access import Caller, Role
from domain.batches import decisions, remaining
from domain.batches.admission import options, terms
from domain.batches.admission.admitting import Coming, enter, made, profile_of, usable
from domain.batches.admission.options import NewBatch
from domain.batches.batch import Batch, BatchStatus, InputError, Place
from domain.batches.decisions import PATH, Decided
from domain.batches.input import validation
from domain.batches.input.requests import Limits
from domain.batches.placing import capacity, planner
from domain.batches.placing.capacity import Capacity
from domain.batches.placing.planner import Ask
from domain.batches.shard import Shard
from domain.clock import Clock
from domain.errors import (
    BatchNotRetryable,
    InputFileGone,
    NoKubernetes,
    NotFound,
    NothingToRetry,
    ObjectMissing,
    UserError,
)
from domain.files.file import KEPT_AT_LEAST, File, FilePurpose, FileStatus
from domain.files.ports import Objects
from domain.files.service import Files
from domain.idempotency import Repeat
from domain.ids import NewId
from domain.work import Reads, StartWork

RETRYABLE = frozenset({BatchStatus.COMPLETED, BatchStatus.EXPIRED, BatchStatus.CANCELLED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What would become of a new batch: how many requests for which model, where they would run; or
    what is wrong with them."""

    total: int
    model: str | None
    errors: tuple[InputError, ...]
    place: Place | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Batches:
    """`loads` reads JSON; ValueError where it is none. `no_jobs`: why there are no Kubernetes Jobs."""

    start_work: StartWork
    reads: Reads
    objects: Objects
    files: Files
    loads: Callable[[bytes], object]
    clock: Clock
    new_id: NewId
    limits: Limits = field(default_factory=Limits)
    no_jobs: UserError | None = field(default_factory=NoKubernetes)

    async def create(self, caller: Caller, new: NewBatch, key: str | None = None) -> Batch:
        """What needs the input's content fails the batch later. Raises NotFound, InvalidValue,
        QuotaExceeded, IdempotencyKeyReused and what `planner.check` finds."""
        caller.require_selected(Role.EDITOR)
        repeat = idempotency.repeat(caller.project_id, "createBatchJob", key, new)
        if first := await repeat.answered(self.reads, self.clock()):
            return await self._batch(first)
        room = await self._check(caller.project_id, new)
        return await self._admit(caller, repeat, Coming(new, room.endpoint))

    async def preview(self, caller: Caller, new: NewBatch) -> Preview:
        """Nothing is written, and quotas of active batches are not looked at. Raises as `create`."""
        project_id = caller.project_id
        caller.require_selected(Role.VIEWER)
        await self._check(project_id, new)
        found = await self.reads.files.by_ids([new.input_file_id])
        file = usable(found.get(new.input_file_id), new.input_file_id, project_id)
        profile = await profile_of(self.reads, project_id, new.wish.profile)
        terms.decide(new, profile)
        terms.check_size(file.size, self.limits.size, profile)
        limits = terms.limits(self.limits, profile)
        checked = await validation.read(
            self.objects, file, new.endpoint, limits=limits, loads=self.loads
        )
        if checked.errors or checked.model is None:
            return Preview(total=0, model=None, errors=checked.errors, place=None)
        room = await capacity.load(self.reads, project_id, new.wish, checked.model, self.no_jobs)
        ask = Ask(endpoint=new.endpoint, model=checked.model, wish=new.wish)
        place = planner.plan(ask, room)
        total, model = checked.total, checked.model
        if isinstance(place, InputError):
            return Preview(total=total, model=model, errors=(place,), place=None)
        return Preview(total=total, model=model, errors=(), place=place)

    async def cancel(self, caller: Caller, id: str) -> Batch:
        """Nothing more is sent; what is in flight has up to a minute. Raises BatchNotCancellable."""
        return await self._decide(caller, id, decisions.cancel)

    async def pause(self, caller: Caller, id: str) -> Batch:
        return await self._decide(caller, id, decisions.pause)

    async def resume(self, caller: Caller, id: str) -> Batch:
        return await self._decide(caller, id, decisions.resume)

    async def retry(self, caller: Caller, id: str, key: str | None = None) -> Batch:
        """A new batch, asked for as the first was, of its lines that have no result. Raises
        BatchNotRetryable, NothingToRetry, InputFileGone, and what `create` does."""
        found = await self.reads.batches.by_ids([id])
        first = caller.owned(found.get(id), Role.EDITOR, _missing(id))
        caller = replace(caller, project_id=first.project_id)
        repeat = idempotency.repeat(first.project_id, "retryBatchJob", key, _Again(id))
        if again := await repeat.answered(self.reads, self.clock()):
            return await self._batch(again)
        if first.status not in RETRYABLE:
            raise BatchNotRetryable(path=PATH, status=first.status.value)
        shards = remaining.unfinished(await self.reads.batches.shards(id))
        if not shards:
            raise NothingToRetry(path=PATH)
        new = NewBatch(
            input_file_id=first.input_file_id,
            endpoint=first.endpoint,
            completion_window=first.completion_window,
            metadata=first.metadata,
            output_expires_after=first.output_expires_after,
            wish=first.wish,
        )
        room = await self._check(first.project_id, new)
        rest = await self._rest(caller, first, shards)
        new = replace(new, input_file_id=rest.id)
        try:
            batch = await self._admit(caller, repeat, Coming(new, room.endpoint, retry_of=id))
        except UserError:
            await self.files.delete(caller, rest.id)
            raise
        if batch.input_file_id != rest.id:  # a twin was first
            await self.files.delete(caller, rest.id)
        return batch

    async def _rest(self, caller: Caller, first: Batch, shards: Sequence[Shard]) -> File:
        """A file of these shards' lines that have no result. It is soon swept, unless a batch needs it."""
        found = await self.reads.files.by_ids([first.input_file_id])
        file = found.get(first.input_file_id)
        if file is None or file.status is not FileStatus.PROCESSED:
            raise InputFileGone(path=PATH, id=first.input_file_id)
        name = f"batch_{first.id}_retry.jsonl"
        lines = remaining.lines(self.objects, file.key, shards)
        try:
            async with aclosing(lines):
                return await self.files.upload(
                    caller, name, FilePurpose.BATCH, lines, KEPT_AT_LEAST.total_seconds()
                )
        except ObjectMissing as error:
            raise InputFileGone(path=PATH, id=first.input_file_id) from error

    async def _check(self, project_id: str, new: NewBatch) -> Capacity:
        """What was said, and whether what it names is there."""
        options.check(new)
        room = await capacity.load(self.reads, project_id, new.wish, None, self.no_jobs)
        refused = planner.check(new.wish, room, new.endpoint)
        if refused is not None:
            if refused.path[:1] == ("endpoint",):  # of the wish: the input has two
                refused.path = ("external_endpoint", *refused.path[1:])
            raise refused
        return room

    async def _decide(
        self, caller: Caller, id: str, decide: Callable[[Batch, datetime], Decided]
    ) -> Batch:
        async with self.start_work(caller.actor, caller.cause) as work:
            batch = caller.owned(await work.batches.lock(id), Role.EDITOR, _missing(id))
            now = self.clock()
            decided = decide(batch, now)
            if decided.facts:
                await work.batches.put(decided.batch)
                for fact in decided.facts:
                    work.record(batch.project_id, fact)
                await work.look_at_batch(id, now)
        return decided.batch

    async def _admit(self, caller: Caller, repeat: Repeat, coming: Coming) -> Batch:
        """Begins anew where the profile was changed between its being read and locked."""
        while True:
            profile = await profile_of(self.reads, caller.project_id, coming.new.wish.profile)
            batch = made(self.new_id(), caller, coming, profile, self.clock())
            async with self.start_work(caller.actor, caller.cause) as work:
                if profile and await work.batch_profiles.lock(profile.id) != profile:
                    continue
                twin = await repeat.claim(work, batch.id, batch.created_at)
                if twin is None:
                    await enter(work, batch, coming, profile, self.limits)
            return batch if twin is None else await self._batch(twin)

    async def _batch(self, id: str) -> Batch:
        found = await self.reads.batches.by_ids([id])
        if id not in found:
            raise _missing(id)
        return found[id]


@dataclass(frozen=True, slots=True)
class _Again:
    batch_job_id: str


def _missing(id: str) -> NotFound:
    return NotFound(kind="batch job", id=id, path=PATH)
