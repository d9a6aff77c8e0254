"""Deployments that are made for batches."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Dedicated:
    """A recorded obligation: the row is written with the deployment's own, and goes when that is deleted.

    `id` is the deployment's. `digest` is its revision's (until that is
    added, what it is expected to be). `batch_id` is the batch that uses it; None: it is
    warm until `keep_until`, for the next batch of the same digest and project, and then deleted; without
    a `keep_until`, too, nobody takes it any more, and it is about to be deleted.
    """

    id: str
    project_id: str
    digest: str
    batch_id: str | None
    keep_until: datetime | None
    created_at: datetime
