"""Facts about rollouts."""

from schema import versions
from schema.enums import Reason, RolloutKind, StrategyKind
from schema.event_kinds import RevisionEvent, RolloutEvent


@versions.type(added="0.1.0")
class RolloutStarted(RolloutEvent, RevisionEvent):
    """A rollout to a revision began."""

    kind: RolloutKind = versions.field(name="rolloutKind")
    strategy: StrategyKind = versions.field(
        name="strategyKind", description="The rollout itself has the strategy in full."
    )
    note: str = versions.field(description="Why, in the words of who began it; may be empty.")


@versions.type(added="0.1.0")
class RolloutAdvanced(RolloutEvent):
    """A rollout came a step further."""

    step: int = versions.field(description="Counts a canary's steps from 0; 0 elsewhere.")
    weight: int | None = versions.field(
        description="The percentage of requests that its revision gets; null where replicas share."
    )
    healthy_replicas: int = versions.field(
        description="How many replicas of its revision were healthy."
    )
    desired_replicas: int = versions.field(description="How many were desired of the deployment.")


@versions.type(added="0.1.0")
class RolloutPaused(RolloutEvent):
    """A rollout waits for somebody."""

    reason: Reason | None


@versions.type(added="0.1.0")
class RolloutResumed(RolloutEvent):
    """A rollout goes on."""


@versions.type(added="0.1.0")
class RolloutPromoted(RolloutEvent):
    """Somebody gave the go-ahead."""


@versions.type(added="0.1.0")
class RolloutSucceeded(RolloutEvent, RevisionEvent):
    """Its revision is the active one from here on."""

    duration_seconds: float = versions.field(description="From its start to its end.")


@versions.type(added="0.1.0")
class RolloutFailed(RolloutEvent, RevisionEvent):
    """The way back begins; RolledBack ends it."""

    reason: Reason | None
    message: str = versions.field(description="The reason in words.")
    log_tail: list[str] = versions.field(description="The failing replica's last lines.")


@versions.type(added="0.1.0")
class RolloutAborted(RolloutEvent, RevisionEvent):
    """Somebody ended the rollout; the way back begins, and RolledBack ends it."""


@versions.type(added="0.1.0")
class RolloutReplaced(RolloutEvent, RevisionEvent):
    """Another rollout took its place."""
