from dataclasses import dataclass, replace
from typing import Any, TypedDict

from domain import checks, idempotency
from domain.access.access import Caller, Role
from domain.batches.admission import durations, options
from domain.batches.batch import Retry
from domain.batches.facts import (
    BatchProfileCreated,
    BatchProfileDeleted,
    BatchProfileUpdated,
)
from domain.batches.profile import BatchProfile, Quotas, Scheduling
from domain.clock import Clock
from domain.errors import InUse, InvalidValue, NotFound
from domain.ids import NewId
from domain.work import Reads, StartWork, Work

MOST = 2**53  # of requests and bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class NewProfile:
    """As Scheduling and Quotas have them."""

    name: str
    is_default: bool = False
    max_window: float | None = None
    priority: int | None = None
    max_concurrency: int | None = None
    request_timeout: float | None = None
    retry: Retry | None = None
    max_requests: int | None = None
    max_bytes: int | None = None
    max_active: int | None = None


class ProfilePatch(TypedDict, total=False):
    """Null takes a rule away; for `name` there has to be a value."""

    name: str | None
    is_default: bool | None
    max_window: float | None
    priority: int | None
    max_concurrency: int | None
    request_timeout: float | None
    retry: Retry | None
    max_requests: int | None
    max_bytes: int | None
    max_active: int | None


SCHEDULING = ("max_window", "priority", "max_concurrency", "request_timeout", "retry")
QUOTAS = ("max_requests", "max_bytes", "max_active")


@dataclass(frozen=True, slots=True, kw_only=True)
class Profiles:
    start_work: StartWork
    reads: Reads
    clock: Clock
    new_id: NewId

    async def create(self, caller: Caller, new: NewProfile, key: str | None = None) -> BatchProfile:
        """A new default takes the place of the one before."""
        project_id = caller.project_id
        caller.require_selected(Role.ADMIN)
        repeat = idempotency.repeat(project_id, "createBatchProfile", key, new)
        if first := await repeat.answered(self.reads, self.clock()):
            return await self._first(first)
        now = self.clock()
        profile = _checked(
            BatchProfile(
                id=self.new_id(),
                project_id=project_id,
                name=new.name,
                is_default=new.is_default,
                scheduling=Scheduling(**{name: getattr(new, name) for name in SCHEDULING}),
                quotas=Quotas(**{name: getattr(new, name) for name in QUOTAS}),
                created_at=now,
                created_by=caller.actor,
                updated_at=now,
            )
        )
        async with self.start_work(caller.actor, caller.cause) as work:
            twin = await repeat.claim(work, profile.id, now)
            if twin is None:
                await self._replace_default(work, profile)
                await work.batch_profiles.add(profile)
                fact = BatchProfileCreated(batch_profile_id=profile.id, name=profile.name)
                work.record(project_id, fact)
        return profile if twin is None else await self._first(twin)

    async def update(self, caller: Caller, id: str, patch: ProfilePatch) -> BatchProfile:
        """What it says of scheduling holds for batches that are made from now on."""
        known = await self.reads.batch_profiles.by_ids([id])
        project_id = caller.owned(known.get(id), Role.ADMIN, _missing(id)).project_id
        async with self.start_work(caller.actor, caller.cause) as work:
            await work.projects.lock(project_id)
            profile = caller.owned(await work.batch_profiles.lock(id), Role.ADMIN, _missing(id))
            changed = _checked(_patched(profile, patch))
            if changed == profile:
                return profile
            changed = replace(changed, updated_at=self.clock())
            await self._replace_default(work, changed)
            await work.batch_profiles.put(changed)
            fact = BatchProfileUpdated(batch_profile_id=id, name=changed.name)
            work.record(project_id, fact)
        return changed

    async def delete(self, caller: Caller, id: str) -> BatchProfile:
        """Raises InUse while a batch that has not ended is under it."""
        async with self.start_work(caller.actor, caller.cause) as work:
            profile = caller.owned(await work.batch_profiles.lock(id), Role.ADMIN, _missing(id))
            if await work.active_batches(profile.project_id, id):
                raise InUse(kind="batch profile", name=profile.name, path=("batch_profile_id",))
            await work.batch_profiles.remove(id)
            fact = BatchProfileDeleted(batch_profile_id=id, name=profile.name)
            work.record(profile.project_id, fact)
        return profile

    async def _replace_default(self, work: Work, coming: BatchProfile) -> None:
        """A project's defaults are changed one after the other, by whoever has its row."""
        if not coming.is_default:
            return
        await work.projects.lock(coming.project_id)
        former = await work.default_profile(coming.project_id)
        if former is None or former.id == coming.id:
            return
        await work.batch_profiles.put(
            replace(former, is_default=False, updated_at=coming.updated_at)
        )
        fact = BatchProfileUpdated(batch_profile_id=former.id, name=former.name)
        work.record(former.project_id, fact)

    async def _first(self, id: str) -> BatchProfile:
        found = await self.reads.batch_profiles.by_ids([id])
        if id not in found:
            raise _missing(id)
        return found[id]


def _patched(profile: BatchProfile, patch: ProfilePatch) -> BatchProfile:
    said: dict[str, Any] = dict(patch)
    return replace(
        profile,
        name=said.get("name", profile.name),
        is_default=bool(said.get("is_default", profile.is_default)),
        scheduling=replace(
            profile.scheduling, **{name: said[name] for name in SCHEDULING if name in said}
        ),
        quotas=replace(profile.quotas, **{name: said[name] for name in QUOTAS if name in said}),
    )


def _checked(profile: BatchProfile) -> BatchProfile:
    rules = profile.scheduling
    checks.name(profile.name, ("name",))
    if rules.max_window is not None:
        path = ("max_window",)
        durations.within(
            rules.max_window, path, durations.SHORTEST_WINDOW, durations.LONGEST_WINDOW
        )
    options.check_priority(rules.priority)
    options.check_concurrency(rules.max_concurrency)
    options.check_request_timeout(rules.request_timeout)
    options.check_retry(rules.retry)
    for name in QUOTAS:
        value: int | None = getattr(profile.quotas, name)
        if value is not None and not 1 <= value <= MOST:
            raise InvalidValue(path=(name,), problem=f"{value} is not between 1 and {MOST}.")
    return profile


def _missing(id: str) -> NotFound:
    return NotFound(kind="batch profile", id=id, path=("batch_profile_id",))
