"""A control plane's leases, as far as it may trust them."""

from dataclasses import dataclass, field
from datetime import timedelta
from math import inf

from domain.clock import Clock, Timer
from domain.deployments.ports import Lease, Leases

LEASE = timedelta(seconds=12)  # with a renewal: who dies is followed within 15 seconds
MARGIN = timedelta(seconds=2)  # what clocks of two control planes may differ by
RENEW_EVERY = 3.0


@dataclass(frozen=True, slots=True)
class Handover:
    """Which shards came (also: came back, when nothing was done for them meanwhile), and which went."""

    gained: frozenset[int]
    lost: frozenset[int]


@dataclass(slots=True, kw_only=True)
class Tenure:
    """What the database says of a lease counts in the end; but a plane that could not renew in time
    stops by itself, and before another one may take over: its own timer tells it to, also where it
    does not reach the database, or was itself stopped for a while."""

    leases: Leases
    plane: str
    clock: Clock
    timer: Timer
    _held: dict[int, Lease] = field(default_factory=dict)
    _until: float = -inf

    async def renew(self) -> Handover:
        """Raises StorageUnavailable; what is held then runs on until its time is over."""
        began, now, was_trusted = self.timer.now(), self.clock(), self._is_trusted
        renewed = await self.leases.renew(self.plane, now, now + LEASE)
        before, self._held = self._held, {lease.shard: lease for lease in renewed}
        self._until = began + (LEASE - MARGIN).total_seconds()
        kept = {shard for shard, lease in before.items() if self._held.get(shard) == lease}
        return Handover(
            gained=frozenset(self._held.keys() - (kept if was_trusted else ())),
            lost=frozenset(before.keys() - kept),
        )

    async def leave(self) -> None:
        self._held, self._until = {}, -inf
        await self.leases.leave(self.plane)

    def shards(self) -> frozenset[int]:
        return frozenset(self._held) if self._is_trusted else frozenset()

    def lease(self, shard: int) -> Lease | None:
        return self._held.get(shard) if self._is_trusted else None

    def holds(self, lease: Lease) -> bool:
        return self.lease(lease.shard) == lease

    @property
    def _is_trusted(self) -> bool:
        return self.timer.now() < self._until
