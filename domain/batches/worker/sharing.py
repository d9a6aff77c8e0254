"""A limit that several workers keep together, without asking each other."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from domain.batches.ports import Worker


def share(limit: int, number: int, of: int) -> int:
    """What the worker of that number (from 0, by id) has of the limit; all shares sum up to it."""
    return limit // of + (number < limit % of)


@dataclass(frozen=True, slots=True)
class Crew:
    """The living workers as one of them, `me`, knows them.

    `heard` holds the renewal in which those that were there before learned of `me`: with the next one
    they have acted on it, and only then `me` may use its share. Who comes later waits for `me` likewise.
    """

    me: str
    workers: Sequence[Worker] = ()
    heard: Mapping[str, datetime] = field(default_factory=dict)

    @property
    def is_known(self) -> bool:
        """Whether all others keep to shares that count `me`."""
        mine = next((each for each in self.workers if each.id == self.me), None)
        return mine is not None and all(
            _order(each) >= _order(mine) or self._acted(each) for each in self.workers
        )

    def share(self, limit: int) -> int:
        """Of a limit on all workers together, what this one may use now."""
        if not self.is_known:
            return 0
        ids = sorted(worker.id for worker in self.workers)
        return share(limit, ids.index(self.me), len(ids))

    def _acted(self, worker: Worker) -> bool:
        heard = self.heard.get(worker.id)
        return heard is not None and worker.renewed_at > heard


@dataclass(slots=True)
class Roster:
    """The crew as it was last heard of: kept by one, looked at by many."""

    crew: Crew

    def share(self, limit: int) -> int:
        return self.crew.share(limit)


def renewed(crew: Crew, workers: Sequence[Worker]) -> Crew:
    """With what a renewal told."""
    mine = next((w.registered_at for w in workers if w.id == crew.me), None)
    known = {w.id: w.registered_at for w in crew.workers}
    if mine is None or known.get(crew.me, mine) != mine:  # forgotten, and registered again
        return Crew(crew.me, workers if mine is not None else ())
    heard = {
        w.id: crew.heard.get(w.id, w.renewed_at)
        for w in workers
        if w.id != crew.me and (w.id in crew.heard or w.renewed_at > mine)
    }
    return Crew(crew.me, workers, heard)


def crew_of(worker: str) -> str:
    """Workers of one Kubernetes Job, `pods/<batch>/<name>`, share with nobody but each other."""
    return worker.rpartition("/")[0]


def beside(me: str, workers: Sequence[Worker]) -> Sequence[Worker]:
    """Those that `me` shares with, and `me`."""
    return [each for each in workers if crew_of(each.id) == crew_of(me)]


def _order(worker: Worker) -> tuple[datetime, str]:
    return worker.registered_at, worker.id
