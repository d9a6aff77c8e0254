from dataclasses import dataclass

from domain.deployments.reason import Reason


@dataclass(eq=False)
class CantStart(Exception):
    """A revision that no pod can run as it stands; the message says what to do."""

    reason: Reason
    message: str

    def __str__(self) -> str:
        return self.message
