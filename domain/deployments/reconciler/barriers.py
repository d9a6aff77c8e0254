"""How the reconciler knows what gateways know.

That a replica is HEALTHY or DRAINING is committed at some position of the event log. Once a gateway
reports that it has seen the log up to there, it sends to the healthy one, and sends the draining one
nothing new. The barrier of a replica is such a position: the log's head, read after the row was. It
lives in memory; whoever comes later (a restart, another control plane) takes the head of its own
moment, which only is later.
"""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from domain.deployments.ports import GatewayReport
from domain.deployments.replica import Replica, ReplicaStatus

GUARDED = frozenset({ReplicaStatus.HEALTHY, ReplicaStatus.DRAINING})


@dataclass(frozen=True, slots=True, kw_only=True)
class Barrier:
    """Of one replica in one status. Once passed it stays so: a gateway that begins later reads rows
    that say the same."""

    deployment_id: str
    replica_id: str
    status: ReplicaStatus
    since: datetime
    position: int
    passed: bool = False

    def guards(self, replica: Replica) -> bool:
        return (self.status, self.since) == (replica.status, replica.status_since)

    def passed_by(self, reports: Sequence[GatewayReport]) -> bool:
        leaving = self.status is ReplicaStatus.DRAINING
        return all(
            report.position >= self.position
            and not (leaving and report.in_flight.get(self.replica_id, 0))
            for report in reports
        )


@dataclass(slots=True)
class Barriers:
    """`added` is set whenever there is a new one to wait for."""

    added: asyncio.Event = field(default_factory=asyncio.Event)
    _by_replica: dict[str, Barrier] = field(default_factory=dict)
    _waiting: set[str] = field(default_factory=set)

    @property
    def are_waited_for(self) -> bool:
        return bool(self._waiting)

    def lacking(self, replicas: Iterable[Replica]) -> bool:
        """Whether one of them needs a barrier that is not there yet."""
        return any(r.status in GUARDED and self._of(r) is None for r in replicas)

    def set(self, replicas: Iterable[Replica], position: int) -> None:
        """Where they need one; `position` was read after they were."""
        for replica in replicas:
            if replica.status in GUARDED and self._of(replica) is None:
                self._by_replica[replica.id] = Barrier(
                    deployment_id=replica.deployment_id,
                    replica_id=replica.id,
                    status=replica.status,
                    since=replica.status_since,
                    position=position,
                )
                self._waiting.add(replica.id)
                self.added.set()

    def hear(self, reports: Sequence[GatewayReport]) -> frozenset[str]:
        """The ids of the deployments of whose replicas more is known now."""
        heard = {i for i in self._waiting if self._by_replica[i].passed_by(reports)}
        for replica_id in heard:
            self._by_replica[replica_id] = replace(self._by_replica[replica_id], passed=True)
        self._waiting -= heard
        return frozenset(self._by_replica[i].deployment_id for i in heard)

    def passed(self, replicas: Iterable[Replica], status: ReplicaStatus) -> frozenset[str]:
        """The ids of those that are in the status, as every living gateway knows."""
        found = ((replica, self._of(replica)) for replica in replicas if replica.status is status)
        return frozenset(replica.id for replica, barrier in found if barrier and barrier.passed)

    def keep(self, before: Iterable[Replica], now: Iterable[Replica]) -> None:
        """Forget those of `before` that are not in `now`, or need none any more."""
        kept = {replica.id for replica in now if replica.status in GUARDED}
        for replica in before:
            if replica.id not in kept:
                self._by_replica.pop(replica.id, None)
                self._waiting.discard(replica.id)

    def _of(self, replica: Replica) -> Barrier | None:
        barrier = self._by_replica.get(replica.id)
        return barrier if barrier is not None and barrier.guards(replica) else None
