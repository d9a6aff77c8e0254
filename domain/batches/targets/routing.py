"""A deployment as a place where requests of batches go, beside those of clients."""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Protocol

from domain.batches.batch import BatchReason
from domain.batches.ports import Seat, Standstill
from domain.batches.targets import room
from domain.batches.targets.elsewhere import Elsewhere
from domain.batches.targets.room import Load
from domain.deployments.replica import Endpoint
from domain.gateway.choice import Choice, Lot, lots
from domain.gateway.naming import Wanted
from domain.gateway.refusals import ModelNotFound, ModelNotReady
from domain.gateway.route import Route
from domain.signal import Signal

Share = Callable[[int], int]
"""Of a limit on all living workers together, what this one may use now."""


class Traffic(Protocol):
    """This process's gateway: it knows where requests may go, and tells everybody what it has sent.
    Nobody stops a replica that it has not left. `signal` is given when any of that changes but for
    batches."""

    @property
    def id(self) -> str: ...

    @property
    def is_current(self) -> bool:
        """Whether what it knows may be relied on."""

    @property
    def signal(self) -> Signal: ...

    def route(self, deployment_id: str) -> Route | None: ...

    def in_flight(self, replica_id: str) -> int:
        """All that were sent there, those of batches included."""

    def batch(self, replica_id: str) -> int: ...

    def held(self, deployment_id: str) -> int:
        """Clients' requests that wait for a first replica."""

    def send(self, replica_id: str) -> AbstractContextManager[None]:
        """Counts a batch's request as in flight."""


@dataclass(slots=True, kw_only=True, weakref_slot=True)
class DeploymentTarget:
    """Implements `Target`. `wanted` has the name by which it is told of, and perhaps a revision and a
    model. `address` is what `Inference` knows an endpoint by."""

    deployment_id: str
    wanted: Wanted
    traffic: Traffic
    elsewhere: Elsewhere
    share: Share
    address: Callable[[Endpoint], str]
    _looked: int = 0
    _was_there: bool = False
    _weights: Mapping[int, int] = field(default_factory=dict)
    _sent: "Counter[int]" = field(default_factory=Counter)

    def seat(self, endpoint: str, avoid: Collection[str]) -> Seat | Standstill:
        self._looked = self.traffic.signal.count
        self.elsewhere.ask()
        found = self._lots(avoid)
        if isinstance(found, Standstill):
            return found
        route, some = found
        choice = room.chosen(some, lambda i: self._left(route, i), self._outstanding, self._sent)
        if choice is None:
            return self._full(route, some)
        return Seat(
            id=choice.replica_id,
            url=f"{self.address(choice.endpoint)}{endpoint}",
            model=choice.endpoint.model,
            revision=choice.revision_number,
        )

    @contextmanager
    def taken(self, seat: Seat) -> Iterator[None]:
        if seat.revision is not None and seat.revision in self._weights:
            self._sent[seat.revision] += 1
        with self.traffic.send(seat.id):
            yield

    def room(self) -> int:
        found = self._lots(())
        if isinstance(found, Standstill):
            return 0
        route, some = found
        return room.in_all(some, lambda i: self._left(route, i), self._sent)

    def is_left_out(self) -> bool:
        found = self._lots(())
        if isinstance(found, Standstill):
            return False
        route, some = found
        limits = [
            room.for_batches(self._load(route, choice.replica_id))
            for lot in some
            for choice in lot.choices
        ]
        return any(limits) and not any(map(self.share, limits))

    async def changed(self) -> None:
        """Each change once, whether or not a seat was asked for since."""
        with self.elsewhere.asking():
            await self.traffic.signal.after(self._looked)
        self._looked = self.traffic.signal.count

    def _lots(self, avoid: Collection[str]) -> tuple[Route, Sequence[Lot]] | Standstill:
        """What it may be sent to, full or not."""
        if not (self.traffic.is_current and self.elsewhere.is_known):
            message = "Where requests may be sent could not be read from the database."
            return Standstill(BatchReason.STORAGE_UNAVAILABLE, message)
        route = self.traffic.route(self.deployment_id)
        if route is None:
            return self._nowhere()
        self._was_there = True
        if held := self._held():
            said = f"{held} online requests wait for a replica of {route.name!r}: they go first."
            return Standstill(BatchReason.ONLINE_FIRST, said)
        try:
            every = lots(route, self.wanted, ())
            found = lots(route, self.wanted, avoid) if avoid else every
        except ModelNotFound:
            return Standstill(BatchReason.NO_HEALTHY_REPLICA, self._unknown(route))
        if not every:
            if route.wakes:
                self.elsewhere.wake(self.deployment_id)
            return Standstill(
                BatchReason.NO_HEALTHY_REPLICA, ModelNotReady.of(route, self._name(route)).message
            )
        self._weigh(every)
        return route, found or every

    def _nowhere(self) -> Standstill:
        if self._was_there:
            message = f"The deployment {self.wanted.deployment!r} was deleted."
            return Standstill(BatchReason.DEPLOYMENT_GONE, message)
        message = f"The deployment {self.wanted.deployment!r} is not known here yet."
        return Standstill(BatchReason.NO_HEALTHY_REPLICA, message)

    def _held(self) -> int:
        return self.traffic.held(self.deployment_id) + self.elsewhere.held(self.deployment_id)

    def _weigh(self, every: Sequence[Lot]) -> None:
        """Who was sent how much counts from when the weights were last decided."""
        weights = {room.number(lot): lot.weight for lot in every if not lot.is_counted}
        if weights != self._weights:
            self._weights = weights
            self._sent.clear()

    def _load(self, route: Route, replica_id: str) -> Load:
        batch = self.traffic.batch(replica_id)
        own = self.traffic.in_flight(replica_id) - batch
        return Load(
            max_in_flight=route.max_in_flight,
            is_dedicated=route.is_dedicated,
            online=own + self.elsewhere.online(replica_id),
            batch=batch,
        )

    def _left(self, route: Route, replica_id: str) -> int:
        return room.left(self._load(route, replica_id), self.share)

    def _outstanding(self, replica_id: str) -> int:
        return self.traffic.in_flight(replica_id) + self.elsewhere.in_flight(replica_id)

    def _full(self, route: Route, some: Sequence[Lot]) -> Standstill:
        choices: list[Choice] = [choice for lot in some for choice in lot.choices]
        loads = [self._load(route, choice.replica_id) for choice in choices]
        if any(load.online for load in loads):
            said = (
                "Online requests take what the replicas of {!r} are given at a time: they go first."
            )
            return Standstill(BatchReason.ONLINE_FIRST, said.format(route.name))
        said = "The replicas of {!r} have all the requests that they are given at a time."
        return Standstill(BatchReason.ENGINE_BUSY, said.format(route.name))

    def _unknown(self, route: Route) -> str:
        if self.wanted.revision is not None:
            return f"{self._name(route)!r} has no replicas, and none are to come."
        return f"{route.name!r} serves no model {self.wanted.model!r} now."

    def _name(self, route: Route) -> str:
        return route.name + (f"@{self.wanted.revision}" if self.wanted.revision else "")
