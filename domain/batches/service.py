"""What users decide about batches; each decision is one unit of work."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from domain import idempotency
from domain.access.access import Caller, Role
from domain.batches import decisions, durations, options, terms
from domain.batches.batch import Batch, BatchStatus, InputError, Place
from domain.batches.decisions import Decided
from domain.batches.facts import BatchJobCreated
from domain.batches.options import NewBatch
from domain.batches.profile import BatchProfile
from domain.clock import Clock
from domain.errors import InvalidValue, NotFound
from domain.files.file import File, FilePurpose, FileStatus
from domain.idempotency import Repeat
from domain.ids import NewId
from domain.work import Reads, StartWork, Work

INPUT_LIMIT = 200 * 1024 * 1024


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
    """`input_limit` is in bytes."""

    start_work: StartWork
    reads: Reads
    clock: Clock
    new_id: NewId
    input_limit: int = INPUT_LIMIT

    async def create(self, caller: Caller, new: NewBatch, key: str | None = None) -> Batch:
        """Raises NotFound, InvalidValue, QuotaExceeded, IdempotencyKeyReused."""
        caller.require_selected(Role.EDITOR)
        repeat = idempotency.repeat(caller.project_id, "createBatchJob", key, new)
        if first := await repeat.answered(self.reads, self.clock()):
            return await self._batch(first)
        options.check(new)
        return await self._admit(caller, new, repeat)

    async def cancel(self, caller: Caller, id: str) -> Batch:
        """Nothing more is sent; what is in flight has up to a minute. Raises BatchNotCancellable."""
        return await self._decide(caller, id, decisions.cancel)

    async def pause(self, caller: Caller, id: str) -> Batch:
        return await self._decide(caller, id, decisions.pause)

    async def resume(self, caller: Caller, id: str) -> Batch:
        return await self._decide(caller, id, decisions.resume)

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

    async def _admit(
        self, caller: Caller, new: NewBatch, repeat: Repeat, retry_of: str | None = None
    ) -> Batch:
        """Begins anew where the profile was changed between its being read and locked."""
        while True:
            profile = await self._profile(caller.project_id, new.wish.profile)
            batch = self._made(caller, new, profile, retry_of)
            async with self.start_work(caller.actor, caller.cause) as work:
                if profile and await work.batch_profiles.lock(profile.id) != profile:
                    continue
                twin = await repeat.claim(work, batch.id, batch.created_at)
                if twin is None:
                    await self._enter(work, batch, profile)
            return batch if twin is None else await self._batch(twin)

    async def _enter(self, work: Work, batch: Batch, profile: BatchProfile | None) -> None:
        """The input can't be deleted before the batch is there to need it."""
        file = _usable(await work.files.lock(batch.input_file_id), batch)
        terms.check_size(file.size, self.input_limit, profile)
        if profile is not None:
            active = await work.active_batches(batch.project_id, profile.id)
            terms.check_active(active, profile)
        await work.batches.add(batch)
        fact = BatchJobCreated(
            batch_job_id=batch.id,
            endpoint=batch.endpoint,
            input_file_id=batch.input_file_id,
            retry_of=batch.retry_of,
        )
        work.record(batch.project_id, fact)
        await work.look_at_batch(batch.id, batch.created_at)

    def _made(
        self, caller: Caller, new: NewBatch, profile: BatchProfile | None, retry_of: str | None
    ) -> Batch:
        now = self.clock()
        window = durations.window(new.completion_window, ("completion_window",))
        return Batch(
            id=self.new_id(),
            project_id=caller.project_id,
            status=BatchStatus.VALIDATING,
            status_since=now,
            endpoint=new.endpoint,
            input_file_id=new.input_file_id,
            completion_window=new.completion_window,
            metadata=new.metadata,
            output_expires_after=new.output_expires_after,
            wish=new.wish,
            profile_id=None if profile is None else profile.id,
            terms=terms.decide(new, profile),
            retry_of=retry_of,
            created_at=now,
            created_by=caller.actor,
            expires_at=now + timedelta(seconds=window),
        )

    async def _profile(self, project_id: str, name: str | None) -> BatchProfile | None:
        profiles = self.reads.batch_profiles
        if name is None:
            return await profiles.default(project_id)
        profile = await profiles.named(project_id, name)
        if profile is None:
            raise NotFound(kind="batch profile", id=name, path=("profile",))
        return profile

    async def _batch(self, id: str) -> Batch:
        found = await self.reads.batches.by_ids([id])
        if id not in found:
            raise _missing(id)
        return found[id]


def _usable(file: File | None, batch: Batch) -> File:
    path = ("input_file_id",)
    if (
        file is None
        or file.project_id != batch.project_id
        or file.status is not FileStatus.PROCESSED
    ):
        raise NotFound(kind="file", id=batch.input_file_id, path=path)
    if file.purpose is not FilePurpose.BATCH:
        problem = f"The file's purpose is {file.purpose.value!r}; a batch's input has 'batch'."
        raise InvalidValue(path=path, problem=problem)
    return file


def _missing(id: str) -> NotFound:
    return NotFound(kind="batch job", id=id, path=("batch_job_id",))
