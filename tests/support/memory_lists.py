"""Committed rows of the store in memory."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from functools import cmp_to_key, partial
from typing import Any, Generic, TypeVar

from domain.access.access import ApiKey, Project
from domain.autoscaling.rule import AutoscalingRule
from domain.deployments.deployment import Revision, RevisionHead
from domain.deployments.replica import Replica, ReplicaGroup
from domain.deployments.rollout import Rollout
from domain.listing import Listing, Order, Page, field_of, matches, place
from domain.secrets.secret import Secret
from domain.templates.template import Template
from domain.work import Due, ReplicaOwner
from tests.support.memory_kept import Kept, Look, is_listed, is_past

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class MemoryLists(Generic[T]):
    kept: Kept
    kind: str

    @property
    def rows(self) -> Mapping[str, T]:
        return self.kept.tables[self.kind]

    async def by_ids(self, ids: Collection[str]) -> Mapping[str, T]:
        return {i: self.rows[i] for i in ids if i in self.rows}

    async def page(self, listing: Listing) -> Page[T]:
        placed = [(place(value, listing.order), value) for value in self._listed(listing)]
        compare = cmp_to_key(partial(compare_places, listing))
        placed.sort(key=lambda pair: compare(pair[0]))
        after = listing.after
        found = [v for at, v in placed if after is None or compare_places(listing, at, after) > 0]
        return Page(tuple(found[: listing.first]), has_next=len(found) > listing.first)

    async def count(self, listing: Listing) -> int:
        return len(self._listed(listing))

    def _listed(self, listing: Listing) -> list[T]:
        return [
            value
            for value in self.rows.values()
            if all(field_of(value, name) == wanted for name, wanted in listing.within.items())
            and (listing.where is None or matches(value, listing.where))
            and (listing.with_deleted or is_listed(value))
            and (listing.shows_dedicated or not getattr(value, "is_dedicated", False))
        ]


def compare_places(listing: Listing, left: tuple[Any, str], right: tuple[Any, str]) -> int:
    """Negative where `left` comes first; None before every value, ties by id."""
    sign = -1 if listing.order.descending else 1
    if left[0] == right[0]:
        return sign * ((left[1] > right[1]) - (left[1] < right[1]))
    if left[0] is None or right[0] is None:
        return -sign if left[0] is None else sign
    return sign if left[0] > right[0] else -sign


class MemoryPages(MemoryLists[T]):
    __slots__ = ()

    async def pages(self, owner_ids: Collection[str], listing: Listing) -> Mapping[str, Page[T]]:
        return {i: await self.page(inside(listing, i)) for i in owner_ids}

    async def counts(self, owner_ids: Collection[str], listing: Listing) -> Mapping[str, int]:
        return {i: await self.count(inside(listing, i)) for i in owner_ids}

    def of_each(
        self, deployment_ids: Collection[str], wanted: Callable[[T], bool]
    ) -> Mapping[str, Sequence[T]]:
        """Oldest first."""
        found: dict[str, list[T]] = {id_: [] for id_ in deployment_ids}
        for value in sorted(self.rows.values(), key=lambda v: place(v, Order())):
            if wanted(value) and field_of(value, "deployment_id") in found:
                found[field_of(value, "deployment_id")].append(value)
        return found


class MemoryRevisionLists(MemoryLists[Revision]):
    __slots__ = ()

    async def heads(self, ids: Collection[str]) -> Mapping[str, RevisionHead]:
        return {i: head(revision) for i, revision in (await self.by_ids(ids)).items()}

    async def pages(
        self, deployment_ids: Collection[str], listing: Listing
    ) -> Mapping[str, Page[RevisionHead]]:
        pages = {i: await self.page(inside(listing, i)) for i in deployment_ids}
        return {i: Page(tuple(map(head, p.items)), has_next=p.has_next) for i, p in pages.items()}

    async def counts(self, deployment_ids: Collection[str], listing: Listing) -> Mapping[str, int]:
        return {i: await self.count(inside(listing, i)) for i in deployment_ids}


class MemoryRolloutLists(MemoryPages[Rollout]):
    __slots__ = ()

    async def live(self, deployment_ids: Collection[str]) -> Mapping[str, Rollout]:
        found = self.of_each(deployment_ids, lambda rollout: rollout.is_live)
        return {id_: rollouts[0] for id_, rollouts in found.items() if rollouts}


class MemoryRuleLists(MemoryPages[AutoscalingRule]):
    __slots__ = ()

    async def of(self, deployment_ids: Collection[str]) -> Mapping[str, Sequence[AutoscalingRule]]:
        return self.of_each(deployment_ids, lambda rule: True)

    async def live(self) -> Mapping[str, Sequence[AutoscalingRule]]:
        deployments = self.kept.tables["deployment"]
        ids = {rule.deployment_id for rule in self.rows.values()}
        return await self.of([i for i in ids if deployments[i].deleted_at is None])


class MemoryGroupLists(MemoryPages[ReplicaGroup]):
    __slots__ = ()

    async def of(self, deployment_ids: Collection[str]) -> Mapping[str, Sequence[ReplicaGroup]]:
        return self.of_each(deployment_ids, lambda group: True)


class MemoryReplicaLists(MemoryPages[Replica]):
    __slots__ = ()

    async def pages(
        self, owner_ids: Collection[str], listing: Listing, of: ReplicaOwner = "deployment_id"
    ) -> Mapping[str, Page[Replica]]:
        return {i: await self.page(inside(listing, i, of)) for i in owner_ids}

    async def counts(
        self, owner_ids: Collection[str], listing: Listing, of: ReplicaOwner = "deployment_id"
    ) -> Mapping[str, int]:
        return {i: await self.count(inside(listing, i, of)) for i in owner_ids}

    async def present(self, deployment_ids: Collection[str]) -> Mapping[str, Sequence[Replica]]:
        return self.of_each(deployment_ids, is_listed)


@dataclass(frozen=True, slots=True)
class MemoryDueLists:
    kept: Kept

    async def due(self, shards: Collection[int], now: datetime, limit: int) -> Sequence[Due]:
        waiting = [
            (look.at, look.due.deployment_id, look.due)
            for look in self.kept.looks.values()
            if look.at is not None and look.at <= now and look.due.shard in shards
        ]
        return [due for _, _, due in sorted(waiting, key=lambda one: one[:2])[:limit]]

    async def of(self, deployment_ids: Collection[str]) -> Mapping[str, Due]:
        return {i: self.kept.looks[i].due for i in deployment_ids if i in self.kept.looks}

    async def running(self, shards: Collection[int]) -> Sequence[str]:
        replicas = self.kept.tables["replica"].values()
        present = {r.deployment_id for r in replicas if not self.kept.has_exited(r.id)}
        return [i for i in sorted(present) if self.kept.looks[i].due.shard in shards]

    async def postpone(self, looks: Collection[tuple[Due, datetime | None]]) -> None:
        async with self.kept.turn:
            for due, at in looks:
                held = self.kept.looks.get(due.deployment_id)
                if held is not None and held.due == due:
                    self.kept.looks[due.deployment_id] = Look(due, at)


def head(revision: Revision) -> RevisionHead:
    """Without the documents: whoever wants them has to ask for them."""
    return RevisionHead(**{f.name: getattr(revision, f.name) for f in fields(RevisionHead)})


def inside(listing: Listing, owner_id: str, of: str = "deployment_id") -> Listing:
    return replace(listing, within={**listing.within, of: owner_id})


class MemorySecretLists(MemoryLists[Secret]):
    __slots__ = ()

    async def named(self, project_id: str, names: Collection[str]) -> Mapping[str, Secret]:
        mine = [s for s in self.rows.values() if s.project_id == project_id]
        return {secret.name: secret for secret in mine if secret.name in names}

    async def used_by(self, project_id: str, names: Collection[str]) -> Mapping[str, Sequence[str]]:
        users: dict[str, set[str]] = {name: set() for name in names}
        for revision in self.kept.tables["revision"].values():
            if is_past(self.kept.tables["deployment"][revision.deployment_id]):
                continue
            for entry in revision.environment.values():
                if revision.project_id == project_id and entry.secret in users:
                    users[entry.secret].add(revision.deployment_id)
        return {name: sorted(ids) for name, ids in users.items()}


class MemoryTemplateLists(MemoryLists[Template]):
    __slots__ = ()

    async def versions(self, project_id: str, name: str) -> Sequence[Template]:
        mine = [t for t in self.rows.values() if (t.project_id, t.name) == (project_id, name)]
        return sorted(mine, key=lambda template: template.version, reverse=True)


class MemoryProjectLists(MemoryLists[Project]):
    __slots__ = ()

    async def named(self, name: str) -> Project | None:
        return next((p for p in self.rows.values() if p.name == name), None)


class MemoryKeyLists(MemoryLists[ApiKey]):
    __slots__ = ()

    async def by_digest(self, digest: str) -> ApiKey | None:
        return next((k for k in self.rows.values() if k.digest == digest), None)

    async def any_ever(self) -> bool:
        return bool(self.rows)
