"""A batch's input is read, cut, and given a place: all of it in one unit of work, or refused."""

from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass

from domain.batches.admission import terms
from domain.batches.batch import Batch, BatchReason, BatchStatus, InputError, Place
from domain.batches.facts import BatchJobPlaced
from domain.batches.input.lines import Json
from domain.batches.input.requests import Limits
from domain.batches.input.validation import Reading
from domain.batches.placing import capacity, planner
from domain.batches.placing.planner import Ask
from domain.batches.ports import Claim
from domain.batches.tending import course
from domain.batches.tending.areas import index_key
from domain.batches.tending.changing import Change, Changes, Overtaken
from domain.clock import Clock
from domain.errors import ObjectMissing, UserError
from domain.files.file import File, FileStatus
from domain.files.ports import Objects
from domain.work import Reads

ABSENT = "file_not_found"


@dataclass(frozen=True, slots=True, kw_only=True)
class Validating:
    reads: Reads
    objects: Objects
    changes: Changes
    json: Json
    limits: Limits
    no_jobs: UserError | None
    clock: Clock

    async def validate(self, claim: Claim, batch: Batch) -> None:
        """Raises StorageUnavailable and StorageFull: that is no verdict on the input."""
        file = (await self.reads.files.by_ids([batch.input_file_id])).get(batch.input_file_id)
        if file is None or file.status is not FileStatus.PROCESSED:
            return await self._refuse(claim, [_absent(batch)], BatchReason.INPUT_UNAVAILABLE)
        reading = Reading(
            objects=self.objects,
            file=file,
            endpoint=batch.endpoint,
            limits=await self._limits(batch),
            loads=self.json.loads,
            dumps=self.json.dumps,
            batch_id=batch.id,
        )
        if not await self._read(claim, file, reading):
            return await self._refuse(claim, [_absent(batch)], BatchReason.INPUT_UNAVAILABLE)
        if errors := reading.checked.errors:
            return await self._refuse(claim, errors, BatchReason.INPUT_REFUSED)
        while True:
            place = await self._place(batch, reading.checked.model or "")
            if isinstance(place, InputError):
                return await self._refuse(claim, [place], BatchReason.INPUT_REFUSED)
            if await self._is_accepted(claim, reading, place):
                return None

    async def _limits(self, batch: Batch) -> Limits:
        if batch.profile_id is None:
            return self.limits
        profiles = await self.reads.batch_profiles.by_ids([batch.profile_id])
        return terms.limits(self.limits, profiles.get(batch.profile_id))

    async def _read(self, claim: Claim, file: File, reading: Reading) -> bool:
        """Whether the file's bytes were there."""
        try:
            async with aclosing(reading.index()) as index:
                await self.objects.put(index_key(claim), index)
        except ObjectMissing as error:
            if error.key != file.key:
                raise
            return False
        return True

    async def _place(self, batch: Batch, model: str) -> Place | InputError:
        there = await capacity.load(self.reads, batch.project_id, batch.wish, model, self.no_jobs)
        return planner.plan(Ask(endpoint=batch.endpoint, model=model, wish=batch.wish), there)

    async def _is_accepted(self, claim: Claim, reading: Reading, place: Place) -> bool:
        """False where the place went meanwhile."""
        checked = reading.checked
        async with self.changes.of(claim) as change:
            _require_unread(change)
            if not await _is_there(change, place):
                return False
            now, key = self.clock(), index_key(claim)
            await change.work.batch_shards.add(checked.shards)
            await change.put(
                course.accepted(change.batch, checked.total, checked.model, key, place, now)
            )
            change.work.record(change.batch.project_id, _placed(change.batch, place))
        return True

    async def _refuse(
        self, claim: Claim, errors: Sequence[InputError], reason: BatchReason
    ) -> None:
        async with self.changes.of(claim) as change:
            _require_unread(change)
            await change.put(course.refused(change.batch, errors, reason, self.clock()))


def _require_unread(change: Change) -> None:
    """A cancel that came meanwhile changes what becomes of it, not what is in the file."""
    batch = change.batch
    waiting = batch.status in (BatchStatus.VALIDATING, BatchStatus.CANCELLING)
    if not waiting or batch.index_key is not None:
        raise Overtaken(batch=batch.id)


async def _is_there(change: Change, place: Place) -> bool:
    """Whoever deletes an external endpoint looks for batches that need it, under the same lock."""
    wanted = place.external_endpoint_id
    return wanted is None or await change.work.external_endpoints.lock(wanted) is not None


def _absent(batch: Batch) -> InputError:
    return InputError(
        code=ABSENT,
        message=f"The content of the input file file-{batch.input_file_id} is gone from the store.",
        param="input_file_id",
    )


def _placed(batch: Batch, place: Place) -> BatchJobPlaced:
    return BatchJobPlaced(
        batch_job_id=batch.id,
        target=place.target,
        why=place.why,
        placed_deployment_id=place.deployment_id,
        placed_endpoint_id=place.external_endpoint_id,
    )
