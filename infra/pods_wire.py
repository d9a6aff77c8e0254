"""How a server and the workers of a Kubernetes Job write to each other: values as JSON.

    POST   /v1/batch-workers/{batch}/begin, /renew, /leave        that a worker lives
    POST   /v1/batch-workers/{batch}/take, /keep, /release        shards
    POST   /v1/batch-workers/{batch}/store, /tell, /look          what becomes of them
    GET    /v1/batch-workers/{batch}                              the batch
    GET    /v1/batch-workers/{batch}/objects/{key}?start=&end=    its input and its index
    PUT    /v1/batch-workers/{batch}/objects/{key}                its segments

No times are sent but the server's: a pod's clock is nobody's.
"""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from pydantic import TypeAdapter

from domain.batches.batch import Batch, BatchReason, Usage
from domain.batches.ports import Standstill, Worker
from domain.batches.shard import Entry, Progress, Shard

ROOT = "/v1/batch-workers"
OBJECT_MISSING = "object_missing"
OBJECT_LIMIT = 80 * 1024 * 1024  # bytes: all that a worker may hold in memory, and its newlines

LONGEST_MESSAGE = 4_000  # characters

BATCH: TypeAdapter[Batch] = TypeAdapter(Batch)
WORKERS: TypeAdapter[list[Worker]] = TypeAdapter(list[Worker])
USAGE: TypeAdapter[Usage] = TypeAdapter(Usage)

Json = Mapping[str, Any]


def batch(written: Any) -> Batch | None:
    return None if written is None else BATCH.validate_python(written, strict=False)


def of_batch(value: Batch | None) -> Any:
    return None if value is None else BATCH.dump_python(value, mode="json")


def shard(written: Json) -> Shard:
    bits = {name: bytes.fromhex(written[name]) for name in ("done", "failed")}
    return Shard(**{**written, **bits, "usage": USAGE.validate_python(written["usage"])})


def of_shard(value: Shard) -> Json:
    return {
        "batch_id": value.batch_id,
        "number": value.number,
        "first": value.first,
        "lines": value.lines,
        "start": value.start,
        "end": value.end,
        "index_start": value.index_start,
        "index_end": value.index_end,
        "done": value.done.hex(),
        "failed": value.failed.hex(),
        "usage": asdict(value.usage),
        "token": value.token,
    }


def progress(written: Json) -> Progress:
    """Raises KeyError, TypeError, ValueError for what is none."""
    entries = tuple(
        Entry(int(line), bool(is_error), int(start), int(end))
        for line, is_error, start, end in written["entries"]
    )
    usage = USAGE.validate_python(written["usage"])
    return Progress(shard(written["shard"]), str(written["key"]), entries, usage)


def of_progress(value: Progress) -> Json:
    return {
        "shard": of_shard(value.shard),
        "key": value.key,
        "entries": [(each.line, each.is_error, each.start, each.end) for each in value.entries],
        "usage": asdict(value.usage),
    }


def standstill(written: Any) -> Standstill | None:
    if written is None:
        return None
    return Standstill(BatchReason(written["reason"]), str(written["message"])[:LONGEST_MESSAGE])


def of_standstill(value: Standstill | None) -> Any:
    return None if value is None else {"reason": value.reason.value, "message": value.message}
