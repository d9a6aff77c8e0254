"""What runs in a test's world: processes and gateways, each going its own way."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime

from domain.deployments.ports import Observed, Sight
from domain.deployments.reason import Reason
from domain.deployments.replica import Endpoint


@dataclass
class Process:
    """What a driver runs for a replica. `ends_at` is when it is gone, once it was told to end."""

    replica_id: str
    revision: str
    began: datetime
    healthy_after: float = 2.0
    sight: Sight = Sight.RUNNING
    reason: Reason | None = None
    exit_code: int | None = None
    ends_at: datetime | None = None
    forgotten: bool = False

    @property
    def lives(self) -> bool:
        return self.sight is not Sight.EXITED

    def observed(self) -> Observed:
        if not self.lives:
            return Observed(
                sight=Sight.ABSENT if self.forgotten else Sight.EXITED,
                exit_code=self.exit_code,
                reason=self.reason,
                log_tail=("Traceback", "ValueError: no"),
            )
        where = Endpoint(model="m", host="127.0.0.1", port=20000)
        return Observed(sight=self.sight, endpoints=(where,), placement={"pid": self.replica_id})


@dataclass
class Gateway:
    """It knows the log up to a position, and has requests in flight by replica id."""

    seen: int = 0
    in_flight: Counter[str] = field(default_factory=Counter)
