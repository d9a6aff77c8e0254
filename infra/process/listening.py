"""Whose port it is: an answer from a port says nothing of a replica that doesn't listen there."""

import socket
from collections.abc import Sequence
from contextlib import closing
from enum import Enum

from domain.definitions.render import ANY_HOST
from infra.process.processes import Processes, Seen, members


class Owner(Enum):
    NOBODY = "nobody"
    OURS = "ours"
    OTHERS = "others"  # or some of the sockets are others'


def owner(port: int, mark: str, mains: Sequence[Seen], processes: Processes) -> Owner:
    """Most replicas listen in their own process; only for others all processes are looked through."""
    sockets = processes.listeners(port)
    if not sockets:
        return Owner.NOBODY
    for main in mains:
        sockets -= processes.sockets(main.pid)
    if not sockets:
        return Owner.OURS
    for each in members(processes.all(), mark, mains):
        sockets -= processes.sockets(each.pid)
    return Owner.OTHERS if sockets else Owner.OURS


def is_free(port: int) -> bool:
    """Whether a server could listen there now, on any address."""
    with closing(socket.socket()) as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((ANY_HOST, port))
        except OSError:
            return False
    return True
