"""How a deployment goes from one revision to the next: what a user decides, checked here."""

from dataclasses import dataclass
from typing import Literal

IntOrPercent = int | str  # 2, or "50%"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rolling:
    kind: Literal["rolling"] = "rolling"
    max_surge: IntOrPercent = "50%"
    max_unavailable: IntOrPercent = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class BlueGreen:
    kind: Literal["blue_green"] = "blue_green"
    auto_promote: bool = True
    promote_delay: float = 0.0  # seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class CanaryStep:
    weight: int  # percent of requests, 1–100
    pause: float | None = None  # seconds; None waits for resumeRollout


@dataclass(frozen=True, slots=True, kw_only=True)
class Canary:
    kind: Literal["canary"] = "canary"
    steps: tuple[CanaryStep, ...]


Strategy = Rolling | BlueGreen | Canary


def problem(strategy: Strategy) -> str | None:
    """What is wrong with it in one sentence; None where nothing is."""
    match strategy:
        case Rolling():
            return _rolling_problem(strategy)
        case BlueGreen():
            return "promoteDelay can't be negative." if strategy.promote_delay < 0 else None
        case Canary():
            return _canary_problem(strategy)


def _rolling_problem(rolling: Rolling) -> str | None:
    amounts = {"maxSurge": rolling.max_surge, "maxUnavailable": rolling.max_unavailable}
    for name, amount in amounts.items():
        if not _is_amount(amount):
            return f"{name} is a count (2) or a percentage (50%), not {amount!r}."
    if all(str(amount).rstrip("%") == "0" for amount in amounts.values()):
        return "maxSurge and maxUnavailable can't both be zero: nothing could move."
    return None


def _is_amount(amount: IntOrPercent) -> bool:
    if isinstance(amount, int):
        return not isinstance(amount, bool) and 0 <= amount <= 1_000
    digits = amount.removesuffix("%")
    return amount.endswith("%") and digits.isascii() and digits.isdigit() and int(digits) <= 100


def _canary_problem(canary: Canary) -> str | None:
    weights = [step.weight for step in canary.steps]
    if not weights:
        return "A canary needs at least one step."
    if any(not 1 <= weight <= 100 for weight in weights):
        return "A canary step's weight is a percentage from 1 to 100."
    if weights != sorted(set(weights)):
        return "The weights of canary steps must rise from step to step."
    if any(step.pause is not None and step.pause < 0 for step in canary.steps):
        return "A canary step's pause can't be negative."
    return None
