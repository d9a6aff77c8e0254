"""The load of one deployment, as its gateways report it and as this control plane has seen it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from domain.autoscaling.rule import AutoscalingRule, Metric
from domain.deployments.ports import GatewayReport

RATE_WINDOW = timedelta(seconds=20)  # a rate is the mean of that long
RATE_KNOWN = timedelta(seconds=10)  # and is not told before that long was seen
LONGEST_GAP = timedelta(seconds=15)  # who looks away for longer has not seen the time between


@dataclass(frozen=True, slots=True)
class Sample:
    at: datetime
    total: float


@dataclass(frozen=True, slots=True)
class Window:
    """One metric's totals since `since`, of which the peaks are kept: totals that no later one
    reached, oldest and highest first. The last is what was measured last."""

    since: datetime
    peaks: tuple[Sample, ...] = ()

    @property
    def total(self) -> float:
        return self.peaks[-1].total

    def highest(self, since: datetime) -> float:
        """The highest total since then; what was measured last counts however long ago it was."""
        return next((peak.total for peak in self.peaks if peak.at >= since), self.total)

    def after(self, sample: Sample, keep: timedelta) -> "Window":
        oldest = sample.at - keep
        higher = (p for p in self.peaks if p.total > sample.total and p.at >= oldest)
        return Window(max(self.since, oldest), (*higher, sample))


@dataclass(frozen=True, slots=True, kw_only=True)
class Reported:
    """One look at a deployment: its desired replicas, and what each living gateway says of it."""

    desired: int
    in_flight: int  # held ones included
    arrived: Mapping[str, int]  # by gateway


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What was seen until `at`. A metric has no window while nobody can tell its total.

    `arrived` is each living gateway's count; `arrivals` tells, for some moments of late, how many
    requests came before. `rescaled_at` is when the desired replicas were last seen to change.
    """

    at: datetime
    desired: int
    rescaled_at: datetime | None = None
    arrived: Mapping[str, int] = field(default_factory=dict)
    arrivals: tuple[Sample, ...] = ()
    windows: Mapping[Metric, Window] = field(default_factory=dict)


def reported(
    deployment_id: str, desired: int, replica_ids: Collection[str], reports: Sequence[GatewayReport]
) -> Reported:
    """`replica_ids`: the deployment's, at least those that a report names."""
    under_way = sum(report.in_flight.get(each, 0) for report in reports for each in replica_ids)
    held = sum(report.held.get(deployment_id, 0) for report in reports)
    arrived = {report.gateway: report.arrived.get(deployment_id, 0) for report in reports}
    return Reported(desired=desired, in_flight=under_way + held, arrived=arrived)


def observe(
    before: Load | None, look: Reported, rules: Sequence[AutoscalingRule], now: datetime
) -> Load:
    """The load after one more look. Who looked away for long, or finds no gateway, begins anew."""
    if before is None:
        before = Load(at=now, desired=look.desired)
    rescaled_at = before.rescaled_at if before.desired == look.desired else now
    load = replace(before, at=now, desired=look.desired, rescaled_at=rescaled_at)
    if now - before.at > LONGEST_GAP:
        load = replace(load, arrived={}, arrivals=(), windows={})
    if not look.arrived:
        return replace(load, arrived={}, arrivals=(), windows={})
    came = sum(_came(load.arrived.get(gateway), count) for gateway, count in look.arrived.items())
    so_far = load.arrivals[-1].total if load.arrivals else 0
    late = (each for each in load.arrivals if each.at >= now - RATE_WINDOW)
    load = replace(load, arrived=look.arrived, arrivals=(*late, Sample(now, so_far + came)))
    return replace(load, windows=_windows(load, _totals(load, look, came), rules))


def _came(before: int | None, count: int) -> int:
    """Of one gateway. One that counts less than before began anew; what one counted before it was
    first seen came at nobody knows what time."""
    if before is None:
        return 0
    return count - before if count >= before else count


def _totals(load: Load, look: Reported, came: int) -> Mapping[Metric, float]:
    """A request that came was in flight, though it may have ended between two looks."""
    totals = {Metric.IN_FLIGHT: float(max(look.in_flight, min(came, 1)))}
    first, last = load.arrivals[0], load.arrivals[-1]
    if last.at - first.at >= RATE_KNOWN:
        seconds = (last.at - first.at).total_seconds()
        totals[Metric.REQUEST_RATE] = (last.total - first.total) / seconds
    return totals


def _windows(
    load: Load, totals: Mapping[Metric, float], rules: Sequence[AutoscalingRule]
) -> Mapping[Metric, Window]:
    windows = {}
    for rule in rules:
        if rule.metric in totals:
            window = load.windows.get(rule.metric) or Window(load.at)
            sample = Sample(load.at, totals[rule.metric])
            windows[rule.metric] = window.after(sample, timedelta(seconds=rule.cooldown_down))
    return windows
