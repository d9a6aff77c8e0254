"""What autoscaling has to know of deployments, read again only where the event log tells of a change."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from domain.autoscaling.rule import MOST_REPLICAS, AutoscalingRule
from domain.deployments.deployment import Deployment, Revision
from domain.errors import CursorExpired, CursorUnknown
from domain.events import FACTS, Cursor, Scope
from domain.work import EventLog, Reads

READ_AT_ONCE = 1_000
REVISIONS_REMEMBERED = 50_000
TOLD = frozenset(
    name
    for name in FACTS
    if name.startswith(("AutoscalingRule", "Deployment", "RevisionActivated", "Roll"))
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ceilings:
    """How many replicas a revision can have; one that runs in place can have one. A revision never
    changes, so that each is asked once."""

    reads: Reads
    in_place: Callable[[Revision], bool]
    _asked: dict[str, int] = field(default_factory=dict)

    async def of(self, revision_ids: Collection[str]) -> Mapping[str, int]:
        if len(self._asked) > REVISIONS_REMEMBERED:
            self._asked.clear()
        if new := [i for i in revision_ids if i not in self._asked]:
            for i, revision in (await self.reads.revisions.by_ids(new)).items():
                self._asked[i] = 1 if self.in_place(revision) else MOST_REPLICAS
        return {i: self._asked[i] for i in revision_ids if i in self._asked}


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """`rules` is never empty. `most` is how many replicas the active revision can have."""

    deployment: Deployment
    rules: Sequence[AutoscalingRule]
    rolling_out: bool
    most: int


@dataclass(slots=True, kw_only=True)
class Watch:
    reads: Reads
    log: EventLog
    ceilings: Ceilings
    _seen: Cursor | None = None
    _watched: dict[str, Watched] = field(default_factory=dict)
    _doubtful: set[str] = field(default_factory=set)

    async def current(self) -> Mapping[str, Watched]:
        """Deployments with rules, by id. The log's head is read first: what changes after it is heard
        of the next time."""
        head = await self.log.head()
        changed = await self._changed(head)
        if changed is None:
            self._watched = await self._loaded(await self.reads.rules.live())
        elif changed := changed | self._doubtful:
            loaded = await self._loaded(await self.reads.rules.of(changed))
            kept = {i: each for i, each in self._watched.items() if i not in changed}
            self._watched = {**kept, **loaded}
        self._seen = head
        self._doubtful.clear()
        return self._watched

    def doubt(self, deployment_id: str) -> None:
        """It was found to be otherwise: read it again."""
        self._doubtful.add(deployment_id)

    async def _changed(self, head: Cursor) -> set[str] | None:
        """The ids of deployments that something happened to; None: nobody can tell of which."""
        if self._seen is None:
            return None
        if self._seen == head:
            return set()
        try:
            events = await self.log.read(self._seen, READ_AT_ONCE, Scope(types=TOLD))
        except (CursorExpired, CursorUnknown):
            return None
        return None if len(events) == READ_AT_ONCE else {event.subject_id for event in events}

    async def _loaded(self, rules: Mapping[str, Sequence[AutoscalingRule]]) -> dict[str, Watched]:
        ids = [i for i, some in rules.items() if some]
        if not ids:
            return {}
        found = (await self.reads.deployments.by_ids(ids)).values()
        deployments = [each for each in found if each.deleted_at is None]
        rollouts = await self.reads.rollouts.live([each.id for each in deployments])
        active = {each.active_revision_id for each in deployments} - {None}
        most = await self.ceilings.of([i for i in active if i is not None])
        return {
            each.id: Watched(
                deployment=each,
                rules=rules[each.id],
                rolling_out=each.id in rollouts,
                most=most.get(each.active_revision_id or "", MOST_REPLICAS),
            )
            for each in deployments
        }
