"""The logs of a deployment's replicas, followed over one socket: also of those that start later."""

import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import Any

from infra.client import documents
from infra.client.following import Line, linger
from infra.client.socket import Frame, Socket
from infra.client.tail import KEPT, Tail

EVENTS = "events"  # the id of the subscription to the deployment's events
Lines = Generator[tuple[str, str], None, None]
"""Replicas' ids and their lines."""
CATCH_UP_SECONDS = 0.5  # within these a log that is followed anew has sent what it held


@dataclass(slots=True)
class Log:
    """`first` is how many of its last lines it begins with; `caught` is what came since it is followed
    anew, until it is known what of that is new, and None where all that comes is."""

    first: int = KEPT
    tail: Tail = field(default_factory=Tail)
    caught: list[str] | None = None
    until: float = 0.0
    exited: bool = False
    complete: bool = False


@dataclass(slots=True, kw_only=True)
class Logs:
    """`deployment_id` is None where one replica's log is all that is wanted."""

    line: Line
    deployment_id: str | None
    cursor: str
    logs: dict[str, Log]
    clock: Callable[[], float] = time.monotonic

    def follow(self) -> Lines:
        """Until the deployment is deleted, or the only replica has ended."""
        return self.line.sockets(self._use)

    def _use(self, socket: Socket) -> Lines:
        if self.deployment_id is not None:
            said = {"deploymentId": self.deployment_id, "after": self.cursor}
            socket.subscribe(EVENTS, documents.FOLLOW_DEPLOYMENT, said)
        for replica_id, log in self.logs.items():
            if not (log.complete and log.exited):
                self._begin(socket, replica_id, log)
        while True:
            catching = any(log.caught is not None for log in self.logs.values())
            frame = socket.receive(CATCH_UP_SECONDS / 2 if catching else None)
            if frame is not None and frame.id != EVENTS:
                yield from self._heard(socket, frame)
                if self.deployment_id is None and frame.data is None:
                    return
            elif frame is not None and not self._learned(socket, frame.data):
                linger(socket)
                return
            yield from self._settled()

    def _begin(self, socket: Socket, id: str, log: Log) -> None:
        log.complete = False
        anew = bool(log.tail.shown)
        log.caught, log.until = ([] if anew else None), self.clock() + CATCH_UP_SECONDS
        said = {"replicaId": id, "tail": KEPT if anew else log.first}
        socket.subscribe(id, documents.REPLICA_LOGS, said)

    def _learned(self, socket: Socket, data: Mapping[str, Any] | None) -> bool:
        """Whether more events are to come."""
        if data is None:
            return False
        (event,) = data.values()
        self.cursor = event["cursor"]
        match event["__typename"]:
            case "ReplicaStarted" if event["replicaId"] not in self.logs:
                self.logs[event["replicaId"]] = Log()
                self._begin(socket, event["replicaId"], self.logs[event["replicaId"]])
            case "ReplicaExited" if event["replicaId"] in self.logs:
                self.logs[event["replicaId"]].exited = True
        return True

    def _heard(self, socket: Socket, frame: Frame) -> Lines:
        log = self.logs[frame.id]
        if frame.data is None:
            log.complete, log.until = True, 0.0
            yield from self._settled()
            if self.deployment_id is None:
                linger(socket)
            return
        line = frame.data["replicaLogs"]["text"]
        if log.caught is None:
            log.tail.show([line])
            yield frame.id, line
        else:
            log.caught.append(line)

    def _settled(self) -> Lines:
        """What is new in the logs that have caught up."""
        for replica_id, log in self.logs.items():
            if log.caught is None:
                continue
            if len(log.caught) >= KEPT or self.clock() >= log.until:
                news = log.tail.news(log.caught)
                log.tail.show(news)
                log.caught = None
                yield from ((replica_id, line) for line in news)
