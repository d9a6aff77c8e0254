"""Processes as the system shows them, and which of them make up a replica."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

MARK = "MODELYARD_REPLICA"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One process. `started` tells it from another one with its pid, since the machine's start.

    `mark` is what its environment has under MARK. `veiled`: its environment can't be seen, because it
    is another user's or because the process wrote its title over it, as vLLM's do.
    """

    pid: int
    started: int
    parent: int = field(compare=False)
    group: int = field(compare=False)
    session: int = field(compare=False)
    mark: str | None = field(compare=False)
    veiled: bool = field(default=False, compare=False)


class Processes(Protocol):
    """What the system tells. What has ended but was not waited for yet is not there any more."""

    def boot(self) -> str:
        """Another one after each start of the machine."""

    def all(self) -> Sequence[Seen]: ...

    def one(self, pid: int) -> Seen | None: ...

    def age(self, seen: Seen) -> float:
        """Seconds since it started."""

    def listeners(self, port: int) -> frozenset[str]:
        """The sockets that accept connections to the port of 127.0.0.1."""

    def sockets(self, pid: int) -> frozenset[str]:
        """The sockets that a process holds, among those of `listeners` at least."""


def mark(installation: str, replica_id: str) -> str:
    return f"{installation}:{replica_id}"


def marked(seen: Sequence[Seen], installation: str) -> Mapping[str, list[Seen]]:
    """The processes of an installation, by replica id."""
    found: dict[str, list[Seen]] = {}
    for each in seen:
        owner, _, replica_id = (each.mark or "").rpartition(":")
        if owner == installation:
            found.setdefault(replica_id, []).append(each)
    return found


def members(seen: Sequence[Seen], mark: str, mains: Collection[Seen]) -> list[Seen]:
    """All that belongs to a replica: what carries its mark, what is in its processes' sessions, and
    the descendants of these. `mains` may be gone already; what they left keeps their session.
    """
    by_pid = {each.pid: each for each in seen}
    sessions = {
        main.pid: main.started
        for main in mains
        if (now := by_pid.get(main.pid)) is None or now.started == main.started
    }
    free = [each for each in seen if each.mark in (None, mark)]
    found = {
        each.pid: each
        for each in free
        if each.mark == mark
        or (each.session in sessions and each.started >= sessions[each.session])
    }
    grown = True
    while grown:
        young = [each for each in free if each.pid not in found and each.parent in found]
        found.update((each.pid, each) for each in young)
        grown = bool(young)
    return list(found.values())
