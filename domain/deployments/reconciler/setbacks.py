"""Deployments that could not be looked at without a fault: each waits by itself, ever longer."""

from dataclasses import dataclass, field

LONGEST_WAIT = 60.0


@dataclass(slots=True)
class Setbacks:
    """Seconds of waiting: 1, 2, 4 … 60, until all went well once. `now` is a timer's."""

    _counts: dict[str, int] = field(default_factory=dict)
    _until: dict[str, float] = field(default_factory=dict)

    def add(self, deployment_id: str, now: float) -> float:
        """How many seconds it waits now."""
        count = self._counts.get(deployment_id, 0)
        wait = min(2.0**count, LONGEST_WAIT)
        self._counts[deployment_id] = count + 1
        self._until[deployment_id] = now + wait
        return wait

    def clear(self, deployment_id: str) -> None:
        self._counts.pop(deployment_id, None)
        self._until.pop(deployment_id, None)

    def left(self, deployment_id: str, now: float) -> float:
        """How many seconds it still waits."""
        return max(0.0, self._until.get(deployment_id, now) - now)

    def over(self, now: float) -> list[str]:
        """Those whose wait has ended; each is told once."""
        ended = [deployment_id for deployment_id, until in self._until.items() if until <= now]
        for deployment_id in ended:
            del self._until[deployment_id]
        return ended
