"""Health of a replica from its probes, by the check that its definition has.

    starting   probed often, so that readiness is noticed soon; failures count after `initial_delay`,
               and no more often than once an `interval`
    healthy    probed once an `interval`
    failing    `max_retries` probes in a row failed (at least one); one that succeeds heals

Times are seconds since the replica's process began.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from domain.definitions.definition import HealthCheck, Service
from domain.deployments.ports import Sight

SHORTEST, SHORT = 0.05, 0.5  # pauses between the probes of a replica that starts
SHORT_FOR = 60.0  # and how long they stay short, where `initial_delay` is not longer


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """Of one model. `failures` in a row counted so far, the last of them at `counted_at`."""

    healthy: bool = False
    failures: int = 0
    counted_at: float | None = None
    problem: str = ""  # of the last probe, "" where it succeeded
    was_healthy: bool = False


def check_of(service: Service) -> HealthCheck:
    """Its own check; the default times where it has none."""
    return service.health_check or HealthCheck(enable=False)


def after(health: Health, check: HealthCheck, at: float, problem: str) -> Health:
    """What a probe that ended at `at` makes of it; "" is no problem."""
    if not problem:
        return Health(healthy=True, was_healthy=True)
    if not counts(health, check, at):
        return replace(health, problem=problem)
    failures = health.failures + 1
    healthy = health.healthy and failures < borne(check)
    return replace(health, healthy=healthy, failures=failures, counted_at=at, problem=problem)


def counts(health: Health, check: HealthCheck, at: float) -> bool:
    """Whether a failure now counts against it."""
    if health.was_healthy:
        return True  # probed once an interval, so each one counts
    if at < check.initial_delay:
        return False
    return health.counted_at is None or at - health.counted_at >= check.interval


def borne(check: HealthCheck) -> int:
    return max(check.max_retries, 1)


def pause(health: Health, check: HealthCheck, at: float) -> float:
    """How long to wait before the next probe."""
    if health.was_healthy:
        return check.interval
    short = min(max(at / 10, SHORTEST), SHORT)
    late = max(at - max(SHORT_FOR, check.initial_delay), 0.0)
    return min(check.interval, short + late / 10)


def sight(healths: Sequence[Health], checks: Sequence[HealthCheck]) -> Sight:
    """Of a replica with several models: as healthy as the worst of them."""
    if any(h.failures >= borne(c) for h, c in zip(healths, checks, strict=True)):
        return Sight.FAILING
    return Sight.HEALTHY if all(h.healthy for h in healths) else Sight.RUNNING
