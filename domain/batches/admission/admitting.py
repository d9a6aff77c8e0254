"""How a new batch comes in: under a profile's terms, with an input that stays while it runs."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from domain.access.access import Caller
from domain.batches.admission import durations, terms
from domain.batches.admission.options import NewBatch
from domain.batches.batch import Batch, BatchStatus
from domain.batches.external_endpoint import ExternalEndpoint
from domain.batches.facts import BatchJobCreated
from domain.batches.input.requests import Limits
from domain.batches.profile import BatchProfile
from domain.errors import InvalidValue, NotFound
from domain.files.file import KEPT, File, FilePurpose, FileStatus
from domain.work import Reads, Work


@dataclass(frozen=True, slots=True)
class Coming:
    """`endpoint` is the external endpoint that it names."""

    new: NewBatch
    endpoint: ExternalEndpoint | None
    retry_of: str | None = None


async def profile_of(reads: Reads, project_id: str, name: str | None) -> BatchProfile | None:
    """The one that is named, else the project's default; raises NotFound."""
    profiles = reads.batch_profiles
    if name is None:
        return await profiles.default(project_id)
    profile = await profiles.named(project_id, name)
    if profile is None:
        raise NotFound(kind="batch profile", id=name, path=("profile",))
    return profile


def made(
    id: str, caller: Caller, coming: Coming, profile: BatchProfile | None, now: datetime
) -> Batch:
    """Raises InvalidValue for more than the profile allows."""
    new = coming.new
    window = durations.window(new.completion_window, ("completion_window",))
    return Batch(
        id=id,
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
        retry_of=coming.retry_of,
        created_at=now,
        created_by=caller.actor,
        expires_at=now + timedelta(seconds=window),
    )


async def enter(
    work: Work, batch: Batch, coming: Coming, profile: BatchProfile | None, limits: Limits
) -> None:
    """Neither the input nor the endpoint can be deleted before the batch is there to need it."""
    locked = await work.files.lock(batch.input_file_id)
    file = usable(locked, batch.input_file_id, batch.project_id)
    terms.check_size(file.size, limits.size, profile)
    if profile is not None:
        active = await work.active_batches(batch.project_id, profile.id)
        terms.check_active(active, profile)
    if coming.endpoint is not None:
        await _hold(work, coming.endpoint)
    if batch.retry_of is not None:
        await work.files.put(replace(file, expires_at=batch.created_at + KEPT))
    await work.batches.add(batch)
    fact = BatchJobCreated(
        batch_job_id=batch.id,
        endpoint=batch.endpoint,
        input_file_id=batch.input_file_id,
        retry_of=batch.retry_of,
    )
    work.record(batch.project_id, fact)
    await work.look_at_batch(batch.id, batch.created_at)


def usable(file: File | None, id: str, project_id: str) -> File:
    path = ("input_file_id",)
    if file is None or (file.project_id, file.status) != (project_id, FileStatus.PROCESSED):
        raise NotFound(kind="file", id=id, path=path)
    if file.purpose is not FilePurpose.BATCH:
        problem = f"The file's purpose is {file.purpose.value!r}; a batch's input has 'batch'."
        raise InvalidValue(path=path, problem=problem)
    return file


async def _hold(work: Work, endpoint: ExternalEndpoint) -> None:
    locked = await work.external_endpoints.lock(endpoint.id)
    if locked is None or locked.name != endpoint.name:
        path = ("external_endpoint",)
        raise NotFound(kind="external endpoint", id=endpoint.name, path=path)
