"""Whose port it is: an answer from a port says nothing of a replica that doesn't listen there."""

import socket
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from enum import Enum

from domain.definitions.render import ANY_HOST
from infra.process.processes import Processes, Seen, members

MOST = 16  # processes that are remembered beside the new ones


class Owner(Enum):
    NOBODY = "nobody"
    OURS = "ours"
    OTHERS = "others"  # or some of the sockets are others'


@dataclass(slots=True)
class Ports:
    """A replica's. `mains` and `holders` are asked for their sockets before all processes are looked
    through; `holders` are those that had some when that was last done."""

    mark: str
    processes: Processes
    mains: Sequence[Seen] = ()
    holders: Sequence[Seen] = ()

    def owner(self, port: int) -> Owner:
        sockets = self.processes.listeners(port)
        if not sockets:
            return Owner.NOBODY
        for each in (*self.mains, *self.holders):
            sockets -= self._held(each)
        if not sockets:
            return Owner.OURS
        family = members(self.processes.all(), self.mark, self.mains)
        held = {each: self._held(each) & sockets for each in family}
        self.holders = [*self.holders[-MOST:], *(each for each, some in held.items() if some)]
        return Owner.OURS if sockets <= frozenset[str]().union(*held.values()) else Owner.OTHERS

    def _held(self, seen: Seen) -> frozenset[str]:
        held = self.processes.sockets(seen.pid)
        return held if self.processes.one(seen.pid) == seen else frozenset()


def is_free(port: int) -> bool:
    """Whether a server could listen there now, on any address."""
    with closing(socket.socket()) as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((ANY_HOST, port))
        except OSError:
            return False
    return True
