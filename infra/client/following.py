"""Subscriptions that outlive their connections: a lost one is opened anew, behind what was seen."""

import time
from collections.abc import Callable, Generator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, TypeVar

from infra.client.errors import ConnectionLost, Unreachable
from infra.client.server import Server
from infra.client.socket import Socket, connected

FIRST_PAUSE = 0.1  # seconds; each is twice the one before
LONGEST_PAUSE = 5.0
GOODBYE_SECONDS = 1.5  # a server takes at most one to say it
STEADY_SECONDS = 10.0  # a connection that lasted as long was one, even if nothing came
PATIENCE = 300.0  # seconds without a server before giving up

T = TypeVar("T")
Events = Generator[Mapping[str, Any], None, None]
Connect = Callable[[Server], AbstractContextManager[Socket]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """The way to a server that may be lost and found again; `tell` hears of both."""

    server: Server
    tell: Callable[[str], None]
    connect: Connect = connected
    pause: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic

    def sockets(
        self, use: Callable[[Socket], Generator[T, None, None]]
    ) -> Generator[T, None, None]:
        """What `use` makes of one socket after the other, until it ends by itself.

        Whoever comes here has had an answer of the server before, so that the first socket is waited
        for as the later ones are; raises Unreachable when patience ends.
        """
        lost_at: float | None = None
        pause = FIRST_PAUSE
        while True:
            steady_at: float | None = None
            try:
                with self.connect(self.server) as socket:
                    steady_at = self.clock() + STEADY_SECONDS
                    if lost_at is not None:
                        self.tell("Connected again.")
                    for value in use(socket):
                        lost_at, pause = None, FIRST_PAUSE
                        yield value
                    return
            except (ConnectionLost, Unreachable) as lost:
                if steady_at is not None and self.clock() >= steady_at:
                    lost_at, pause = None, FIRST_PAUSE
                if lost_at is None:
                    self.tell(f"The connection was lost ({lost.problem}); trying again …")
                    lost_at = self.clock()
                elif self.clock() - lost_at > PATIENCE:
                    raise
            self.pause(pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    def patiently(self, act: Callable[[], T]) -> T:
        """What `act` returns, tried again while the server is away: for what may well be done twice."""
        lost_at: float | None = None
        pause = FIRST_PAUSE
        while True:
            try:
                return act()
            except (ConnectionLost, Unreachable) as lost:
                if lost_at is None:
                    self.tell(f"The connection was lost ({lost.problem}); trying again …")
                    lost_at = self.clock()
                elif self.clock() - lost_at > PATIENCE:
                    raise
            self.pause(pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    def events(self, document: str, variables: Mapping[str, Any], after: str) -> Events:
        """The events of the document's one subscription behind the cursor, each once, whatever
        happens to sockets; ends where the subscription does."""
        seen = after

        def use(socket: Socket) -> Events:
            nonlocal seen
            socket.subscribe("events", document, {**variables, "after": seen})
            while data := received(socket):
                (event,) = data.values()
                seen = event["cursor"]
                yield event

        yield from self.sockets(use)


def received(socket: Socket) -> Mapping[str, Any] | None:
    """Of a socket's only subscription; None where it has ended."""
    frame = socket.receive()
    if frame is None or frame.data is None:
        linger(socket)
        return None
    return frame.data


def linger(socket: Socket) -> None:
    """A server of before 0.3.0 that stops completes every subscription, then closes; after an end of its
    own accord nothing follows."""
    socket.receive(GOODBYE_SECONDS)
