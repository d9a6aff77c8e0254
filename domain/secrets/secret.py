from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret:
    """A value that is never readable: `sealed` opens only with the server's key and for this name."""

    id: str
    project_id: str
    name: str
    sealed: bytes
    created_at: datetime
    created_by: str
