from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """A folder with a model's files: `file:///…` under a configured root, `s3://`, `gs://`, `az://`, or
    `pvc://claim/path` where replicas are pods."""

    id: str
    project_id: str
    name: str
    uri: str
    created_at: datetime
    created_by: str
    updated_at: datetime
