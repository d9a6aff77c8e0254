"""What the databases' CHECKs refuse, for the store in memory: a piece that breaks one hears of it in its
own tests."""

from domain.batches.batch import Batch, BatchStatus
from domain.batches.shard import Shard
from domain.files.file import File, FileStatus
from domain.webhooks.webhook import Delivery, DeliveryStatus

S = BatchStatus
RAN = frozenset({S.IN_PROGRESS, S.FINALIZING, S.COMPLETED})
NEVER_RAN = frozenset({S.VALIDATING, S.FAILED})
FINALIZED = frozenset({S.FINALIZING, S.COMPLETED})
HAS_FILES = frozenset({S.COMPLETED, S.EXPIRED, S.CANCELLED})


class BrokenRule(Exception):
    """What a database raises an IntegrityError for."""


def require_rules(value: object) -> None:
    match value:
        case Batch():
            rules = _of_batch(value)
        case File():
            rules = _of_file(value)
        case Shard():
            rules = _of_shard(value)
        case Delivery():
            pending = value.status is DeliveryStatus.PENDING
            rules = {
                "pending_is_unfinished": (value.finished_at is None) == pending,
                "attempts": value.attempts >= 0,
            }
        case _:
            rules = {}
    for name, holds in rules.items():
        if not holds:
            raise BrokenRule(f"{name}: {value}")


def _of_batch(batch: Batch) -> dict[str, bool]:
    status, done = batch.status, batch.completed + batch.failed
    finalized = batch.finalizing_at is not None
    files = batch.output_file_id is not None or batch.error_file_id is not None
    return {
        "ending": batch.ending is None or batch.ending in HAS_FILES,
        "completed_at": (batch.completed_at is not None) == (status is S.COMPLETED),
        "failed_at": (batch.failed_at is not None) == (status is S.FAILED),
        "expired_at": (batch.expired_at is not None) == (status is S.EXPIRED),
        "cancelling_at": (batch.cancelling_at is not None)
        == (status in {S.CANCELLING, S.CANCELLED}),
        "cancelled_at": (batch.cancelled_at is not None) == (status is S.CANCELLED),
        "in_progress_at": (status not in RAN or batch.in_progress_at is not None)
        and (status not in NEVER_RAN or batch.in_progress_at is None),
        "finalizing_at": status is S.EXPIRED or finalized == (status in FINALIZED),
        "counts": min(batch.completed, batch.failed) >= 0 and done <= batch.total,
        "final_counts": not batch.is_final or done == batch.total,
        "nothing_ran": status is not S.FAILED or batch.total == 0,
        "final_files": not files or status in HAS_FILES,
    }


def _of_file(file: File) -> dict[str, bool]:
    return {
        "size": file.size >= 0,
        "processed_is_whole": file.status is not FileStatus.PROCESSED or file.sha256 != "",
        "deleted_at": (file.deleted_at is not None) == (file.status is FileStatus.DELETED),
        "uploading_is_swept": file.status is not FileStatus.UPLOADING or file.sweep_at is not None,
    }


def _of_shard(shard: Shard) -> dict[str, bool]:
    return {
        "lines": shard.lines > 0 and shard.first >= 0,
        "ranges": shard.start < shard.end and shard.index_start <= shard.index_end,
    }
