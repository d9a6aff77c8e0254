"""Whether others still count on this gateway."""

from dataclasses import dataclass
from math import inf

from domain.clock import Timer
from domain.deployments.ports import GATEWAY_LIVES

LASTS = GATEWAY_LIVES.total_seconds() - 2.0  # what is sent last has to arrive, too


@dataclass(slots=True)
class Standing:
    """A gateway that has not reported for a while (it was stopped, or cut off from the database) counts as
    gone: replicas end without it, and others may listen on their ports. What it knows must then be
    read anew before it sends anything."""

    timer: Timer
    _until: float = -inf

    @property
    def is_lost(self) -> bool:
        return self.timer.now() >= self._until

    def gain(self, since: float) -> None:
        """With a report that was begun then."""
        self._until = since + LASTS

    def renew(self, since: float) -> None:
        """What is lost stays so: nobody waited in between."""
        if not self.is_lost:
            self.gain(since)
