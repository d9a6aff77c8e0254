"""What the plan is made from, and what it says."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from domain.deployments.deployment import Deployment
from domain.deployments.ports import Observed
from domain.deployments.replica import Replica, ReplicaGroup
from domain.deployments.rollout import Rollout
from domain.events import Fact


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long a leaving replica gets: to finish its requests, then to end by itself."""

    drain: timedelta = timedelta(seconds=300)
    grace: timedelta = timedelta(seconds=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """All that matters of one deployment at one moment.

    `replicas` are those that have not exited, oldest first; `groups` all of its groups. `observed` is
    by replica id; what the driver couldn't tell of is left out. `unused` are draining replicas that
    every living gateway has left; `known` are healthy replicas that every living gateway sends to.
    `in_place` holds the ids of revisions that can't run beside another replica of this deployment:
    their command has a fixed port.
    """

    deployment: Deployment
    rollout: Rollout | None
    groups: tuple[ReplicaGroup, ...] = ()
    replicas: tuple[Replica, ...] = ()
    observed: Mapping[str, Observed] = field(default_factory=dict)
    unused: frozenset[str] = frozenset()
    known: frozenset[str] = frozenset()
    in_place: frozenset[str] = frozenset()
    patience: Patience = field(default_factory=Patience)


@dataclass(frozen=True, slots=True)
class Start:
    """Have the driver run it. Its row is committed with the decision, or was before."""

    replica_id: str


@dataclass(frozen=True, slots=True)
class Stop:
    """Have the driver end it. That it is STOPPING is committed with the decision, or was before."""

    replica_id: str


Action = Start | Stop


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """How the rows are to be, what happened, and what to do once that is committed.

    `replicas` and `groups` are new or changed ones alone; `rollout` is the live one as it is to be,
    also where that ends it. `look_at` is when time alone makes another look worth while.
    """

    deployment: Deployment
    rollout: Rollout | None
    groups: tuple[ReplicaGroup, ...]
    replicas: tuple[Replica, ...]
    facts: tuple[Fact, ...]
    actions: tuple[Action, ...]
    look_at: datetime | None
