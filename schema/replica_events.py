"""Facts about replicas."""

from schema import versions
from schema.enums import Reason
from schema.event_kinds import ReplicaEvent, RevisionEvent


@versions.type(added="0.1.0")
class ReplicaStarted(ReplicaEvent, RevisionEvent):
    """A replica is about to be started."""


@versions.type(added="0.2.0")
class ReplicaProgressed(ReplicaEvent):
    """It is not healthy yet: what it waits for is another thing than before."""

    reason: Reason | None
    message: str = versions.field(description="The reason in words.")


@versions.type(added="0.1.0")
class ReplicaBecameHealthy(ReplicaEvent):
    """Gateways send it requests from here on."""


@versions.type(added="0.1.0")
class ReplicaBecameUnhealthy(ReplicaEvent):
    """It was healthy; gateways send it nothing new from here on."""

    reason: Reason | None
    message: str = versions.field(description="The reason in words.")


@versions.type(added="0.1.0")
class ReplicaDraining(ReplicaEvent):
    """Gateways send it nothing new from here on; it finishes what it has."""

    reason: Reason | None


@versions.type(added="0.1.0")
class ReplicaStopping(ReplicaEvent):
    """It was told to end."""

    reason: Reason | None


@versions.type(added="0.1.0")
class ReplicaExited(ReplicaEvent):
    """Nothing of it is left."""

    wanted: bool = versions.field(description="Whether it was told to end.")
    exit_code: int | None = versions.field(
        description="Negative: the signal that ended it. Null also where nobody could see it."
    )
    reason: Reason | None = versions.field(description="Null where it simply did as told.")
    message: str = versions.field(description="The reason in words; may be empty.")
