"""How many replicas beyond, and below, the desired ones a strategy bears."""

from dataclasses import dataclass

from domain.deployments.strategy import BlueGreen, Canary, IntOrPercent, Rolling, Strategy


@dataclass(frozen=True, slots=True)
class Bounds:
    """Replicas that stay never rise above desired + surge; healthy ones are not taken below
    desired - unavailable."""

    desired: int
    surge: int
    unavailable: int

    @property
    def ceiling(self) -> int:
        return self.desired + self.surge

    @property
    def floor(self) -> int:
        return max(0, self.desired - self.unavailable)


def of(strategy: Strategy, desired: int, step: int | None) -> Bounds:
    """`step` is a live canary's; None where no rollout is live, so that any may have been."""
    match strategy:
        case Rolling():
            surge = _count(strategy.max_surge, desired, up=True)
            unavailable = _count(strategy.max_unavailable, desired, up=False)
            # where there is a choice the last healthy replica stays until another is healthy
            spare = desired if desired < 2 and not surge else max(0, desired - 1)
            return Bounds(desired, surge, min(unavailable, spare) if surge or unavailable else 1)
        case BlueGreen():
            return Bounds(desired, desired, 0)
        case Canary():
            surge = desired if step is None else canary_count(strategy, step, desired)
            return Bounds(desired, surge, 0)


def in_place(desired: int) -> Bounds:
    """Of what can't run beside another: the old goes before the new comes."""
    return Bounds(desired, 0, desired)


def canary_count(canary: Canary, step: int, desired: int) -> int:
    """How many replicas the new revision has at a step; behind the last one all."""
    if step >= len(canary.steps):
        return desired
    return min(desired, max(1, -(-canary.steps[step].weight * desired // 100)))


def _count(amount: IntOrPercent, desired: int, *, up: bool) -> int:
    if isinstance(amount, int):
        return amount
    hundredths = int(amount.removesuffix("%")) * desired
    return -(-hundredths // 100) if up else hundredths // 100
