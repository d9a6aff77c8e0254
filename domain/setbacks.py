"""What could not be looked at without a fault: each waits by itself, ever longer."""

from dataclasses import dataclass, field

LONGEST_WAIT = 60.0


@dataclass(slots=True)
class Setbacks:
    """Seconds of waiting: 1, 2, 4 … 60, until all went well once. `now` is a timer's."""

    _counts: dict[str, int] = field(default_factory=dict)
    _until: dict[str, float] = field(default_factory=dict)

    def add(self, id: str, now: float) -> float:
        """How many seconds it waits now."""
        count = self._counts.get(id, 0)
        wait = min(2.0**count, LONGEST_WAIT)
        self._counts[id] = count + 1
        self._until[id] = now + wait
        return wait

    def clear(self, id: str) -> None:
        self._counts.pop(id, None)
        self._until.pop(id, None)

    def left(self, id: str, now: float) -> float:
        """How many seconds it still waits."""
        return max(0.0, self._until.get(id, now) - now)

    def over(self, now: float) -> list[str]:
        """Those whose wait has ended; each is told once."""
        ended = [name for name, until in self._until.items() if until <= now]
        for name in ended:
            del self._until[name]
        return ended
