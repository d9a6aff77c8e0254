"""From rules and load to a number of replicas. The rule that asks for most decides.

Up as soon as a rule asks for it and its cooldown has passed. Down once every rule has asked for less
for as long as its cooldown, to the most that any asked for in that time: a moment of silence takes
nothing away. A number outside the rules' bounds is brought inside at once.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

from domain.autoscaling.load import Load, Reported
from domain.autoscaling.rule import MOST_REPLICAS, AutoscalingRule, Metric
from domain.deployments.deployment import Deployment, DeploymentStatus

TOLERANCE = 0.1  # as much more or less than the target is as good as the target
ROUNDING = 1e-9  # 0.6 ÷ 0.2 is 3, whatever floats say
SCALED = frozenset({DeploymentStatus.DEPLOYING, DeploymentStatus.READY, DeploymentStatus.DEGRADED})
UNITS = {Metric.IN_FLIGHT: "requests in flight", Metric.REQUEST_RATE: "requests a second"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Scaling:
    """`measured` is what the metric came to for each replica of before (for none: altogether); None
    where the rule's bounds alone decided."""

    rule: AutoscalingRule
    before: int
    after: int
    measured: float | None
    note: str


@dataclass(frozen=True, slots=True)
class Wish:
    """How many replicas a rule asks for, and the load that makes it; None: its bounds do."""

    rule: AutoscalingRule
    replicas: int
    total: float | None = None


def decide(
    rules: Sequence[AutoscalingRule],
    deployment: Deployment,
    load: Load,
    *,
    rolling_out: bool,
    most: int = MOST_REPLICAS,
) -> Scaling | None:
    """At the moment of the load's last look. None: all stays as it is. `most` is what the active
    revision can have, whatever the rules say."""
    steady = deployment.status in SCALED and deployment.active_revision_id is not None
    if not rules or rolling_out or not steady:
        return None
    desired = deployment.desired_replicas
    least = _highest((Wish(rule, rule.min_replicas) for rule in rules), most)
    allowed = _highest((Wish(rule, rule.max_replicas) for rule in rules), most)
    if desired > allowed.replicas:
        return _scaling(desired, allowed, f"At most {allowed.replicas} are allowed.")
    up = _highest((*_asking(rules, load, desired), least), most)
    if up.replicas > desired:
        return _scaling(desired, up, _why(up, "now"))
    down = _released(rules, load, desired, most)
    if down is not None and down.replicas < desired:
        return _scaling(desired, down, _why(down, f"at most in {down.rule.cooldown_down:g} s"))
    return None


def is_at_rest(
    rules: Sequence[AutoscalingRule], load: Load, look: Reported, most: int = MOST_REPLICAS
) -> bool:
    """Whether nothing came since the load was seen, and nothing is there to take away: one more look
    would decide nothing."""
    least = min(max(rule.min_replicas for rule in rules), most)
    is_same = (look.desired, look.arrived) == (load.desired, load.arrived)
    is_silent = look.in_flight == 0 and all(w.total == 0 for w in load.windows.values())
    is_known = all(rule.metric in load.windows for rule in rules)
    return is_same and is_silent and is_known and look.desired == least


def first(rules: Sequence[AutoscalingRule], held: int, most: int) -> Scaling | None:
    """The first replicas, for so many held requests (at least one); None where no rule allows none."""
    able = [rule for rule in rules if rule.min_replicas == 0]
    if not able:
        return None
    held = max(held, 1)
    note = f"{held} requests held." if held > 1 else "1 request held."
    counts = [rule for rule in able if rule.metric is Metric.IN_FLIGHT]
    wishes = [Wish(rule, max(1, proposal(rule, held, 0)), held) for rule in counts]
    return _scaling(0, _highest(wishes or [Wish(able[0], 1)], most), note)


def proposal(rule: AutoscalingRule, total: float, desired: int) -> int:
    """How many replicas the rule asks for under such a load: `desired` where that is about right."""
    wanted = min(total / rule.target, MOST_REPLICAS)
    near = abs(wanted - desired) <= (TOLERANCE + ROUNDING) * desired
    replicas = desired if near else ceil(wanted - ROUNDING)
    return min(max(replicas, rule.min_replicas), rule.max_replicas)


def _asking(rules: Sequence[AutoscalingRule], load: Load, desired: int) -> Iterable[Wish]:
    """What the rules ask for now that are free to."""
    last = _last_scaled_at(rules, load)
    for rule in rules:
        window = load.windows.get(rule.metric)
        if window is not None and _passed(rule.cooldown_up, last, load.at):
            yield Wish(rule, proposal(rule, window.total, desired), window.total)


def _released(rules: Sequence[AutoscalingRule], load: Load, desired: int, most: int) -> Wish | None:
    """The most that any rule asked for all through its cooldown; None before each has seen all of it."""
    last, wishes = _last_scaled_at(rules, load), []
    for rule in rules:
        window = load.windows.get(rule.metric)
        since = load.at - timedelta(seconds=rule.cooldown_down)
        if window is None or window.since > since:
            return None
        if not _passed(rule.cooldown_down, last, load.at):
            return None
        peak = window.highest(since)
        wishes.append(Wish(rule, proposal(rule, peak, desired), peak))
    return _highest(wishes, most)


def _last_scaled_at(rules: Sequence[AutoscalingRule], load: Load) -> datetime | None:
    known = (*(rule.last_scaled_at for rule in rules), load.rescaled_at)
    return max((at for at in known if at is not None), default=None)


def _passed(cooldown: float, last: datetime | None, now: datetime) -> bool:
    return last is None or now - last >= timedelta(seconds=cooldown)


def _highest(wishes: Iterable[Wish], most: int) -> Wish:
    """The first of those that ask for most, as far as it can be had."""
    highest = max(wishes, key=lambda wish: wish.replicas)
    return Wish(highest.rule, min(highest.replicas, most), highest.total)


def _scaling(desired: int, wish: Wish, note: str) -> Scaling:
    measured = None if wish.total is None else wish.total / max(desired, 1)
    return Scaling(
        rule=wish.rule, before=desired, after=wish.replicas, measured=measured, note=note
    )


def _why(wish: Wish, when: str) -> str:
    if wish.total is None:
        return f"At least {wish.replicas} are wanted."
    rule = wish.rule
    return f"{wish.total:g} {UNITS[rule.metric]} {when}, {rule.target:g} for each replica."
