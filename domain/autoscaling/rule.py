"""What a user asks of autoscaling: how much load a replica is to have, and within which bounds."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

COOLDOWN_UP = 30.0  # seconds
COOLDOWN_DOWN = 300.0
LONGEST_COOLDOWN = 86_400.0
MOST_REPLICAS = 1_000


class Metric(StrEnum):
    IN_FLIGHT = "in_flight"  # requests under way, with those held for a first replica
    REQUEST_RATE = "request_rate"  # requests that arrive in a second


@dataclass(frozen=True, slots=True, kw_only=True)
class AutoscalingRule:
    """`target` is the metric's value that each replica is to have; cooldowns are in seconds.

    Of the rules of a deployment, one for each metric, the one that asks for most replicas decides.
    `last_scaled_at` is when this one last did.
    """

    id: str
    project_id: str
    deployment_id: str
    metric: Metric
    target: float
    min_replicas: int
    max_replicas: int
    cooldown_up: float = COOLDOWN_UP
    cooldown_down: float = COOLDOWN_DOWN
    created_at: datetime
    created_by: str
    updated_at: datetime
    last_scaled_at: datetime | None = None
