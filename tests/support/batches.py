"""Files, batches and what belongs to them, for tests: valid as they are, and as the test says."""

from datetime import timedelta
from typing import Any

from domain.access.access import Project
from domain.batches.batch import Batch, BatchStatus, Place, TargetKind
from domain.batches.dedicated import Dedicated
from domain.batches.external_endpoint import ExternalEndpoint
from domain.batches.profile import BatchProfile, Quotas, Scheduling
from domain.batches.shard import Entry, Progress, Shard
from domain.deployments.deployment import Deployment
from domain.files.file import KEPT, File, FilePurpose, FileStatus
from domain.webhooks.webhook import Delivery, DeliveryStatus, Webhook, WebhookEvent
from tests.support.builders import NOON, fresh

DAY = timedelta(days=1)
ECHO = Place(target=TargetKind.ECHO, why="It was asked for.")


def a_file(project: Project, **said: Any) -> File:
    """An input that is all there."""
    id_ = fresh()
    return File(
        **{
            "id": id_,
            "project_id": project.id,
            "name": "requests.jsonl",
            "purpose": FilePurpose.BATCH,
            "status": FileStatus.PROCESSED,
            "key": f"files/{id_}",
            "size": 100,
            "sha256": "a" * 64,
            "created_at": NOON,
            "created_by": "ada",
            "expires_at": NOON + KEPT,
            **said,
        }
    )


def an_upload(project: Project, **said: Any) -> File:
    """One whose bytes are not yet there."""
    own = {"status": FileStatus.UPLOADING, "size": 0, "sha256": "", "sweep_at": NOON + DAY}
    return a_file(project, **{**own, **said})


def a_batch(project: Project, **said: Any) -> Batch:
    """VALIDATING."""
    return Batch(
        **{
            "id": fresh(),
            "project_id": project.id,
            "status": BatchStatus.VALIDATING,
            "status_since": NOON,
            "endpoint": "/v1/chat/completions",
            "input_file_id": fresh(),
            "completion_window": "24h",
            "created_at": NOON,
            "created_by": "ada",
            "expires_at": NOON + DAY,
            **said,
        }
    )


def a_running_batch(project: Project, **said: Any) -> Batch:
    """IN_PROGRESS at the echo, with ten lines to do."""
    own = {"status": BatchStatus.IN_PROGRESS, "in_progress_at": NOON, "place": ECHO}
    own |= {"model": "echo", "total": 10, "index_key": f"batches/{fresh()}/index-1"}
    return a_batch(project, **{**own, **said})


def a_completed_batch(project: Project, **said: Any) -> Batch:
    """All of its ten lines have a result."""
    own = {"status": BatchStatus.COMPLETED, "finalizing_at": NOON, "completed_at": NOON}
    own |= {"ending": BatchStatus.COMPLETED, "completed": 10, "output_file_id": fresh()}
    return a_running_batch(project, **{**own, **said})


def a_shard(batch: Batch, **said: Any) -> Shard:
    """Ten lines that nobody has begun with."""
    number, lines = said.get("number", 0), said.get("lines", 10)
    blank = bytes((lines + 7) // 8)
    return Shard(
        **{
            "batch_id": batch.id,
            "number": number,
            "first": number * lines,
            "lines": lines,
            "start": number * lines * 100,
            "end": (number + 1) * lines * 100,
            "index_start": number * lines * 20,
            "index_end": (number + 1) * lines * 20,
            "done": blank,
            "failed": blank,
            **said,
        }
    )


def bits(lines: int, *which: int) -> bytes:
    """As `Shard.done` has them: those of `which` among so many lines."""
    return sum(1 << line for line in which).to_bytes((lines + 7) // 8, "little")


def a_progress(shard: Shard, *which: int, key: str | None = None, **said: Any) -> Progress:
    """These lines of the shard have an answer too, 50 bytes each."""
    before = [line for line in range(shard.lines) if shard.done[line // 8] >> line % 8 & 1]
    done = bits(shard.lines, *before, *(line for line in which if line not in before))
    entries = tuple(Entry(line, False, at * 51, at * 51 + 50) for at, line in enumerate(which))
    changed = Shard(**{**_fields(shard), "done": done, **said})
    where = key or f"batches/{shard.batch_id}/segments/{fresh()}"
    return Progress(changed, where, entries, changed.usage)


def a_profile(project: Project, **said: Any) -> BatchProfile:
    return BatchProfile(
        **{
            "id": fresh(),
            "project_id": project.id,
            "name": f"profile-{fresh()}",
            "is_default": False,
            "scheduling": Scheduling(),
            "quotas": Quotas(),
            "created_at": NOON,
            "created_by": "ada",
            "updated_at": NOON,
            **said,
        }
    )


def an_external_endpoint(project: Project, **said: Any) -> ExternalEndpoint:
    return ExternalEndpoint(
        **{
            "id": fresh(),
            "project_id": project.id,
            "name": f"endpoint-{fresh()}",
            "base_url": "https://models.example/v1",
            "models": ("llama",),
            "api_key_secret": None,
            "created_at": NOON,
            "created_by": "ada",
            "updated_at": NOON,
            **said,
        }
    )


def a_dedicated(deployment: Deployment, **said: Any) -> Dedicated:
    """Warm for an hour, and free."""
    return Dedicated(
        **{
            "id": deployment.id,
            "project_id": deployment.project_id,
            "digest": "d" * 64,
            "batch_id": None,
            "keep_until": NOON + timedelta(hours=1),
            "created_at": NOON,
            **said,
        }
    )


def a_webhook(project: Project, **said: Any) -> Webhook:
    return Webhook(
        **{
            "id": fresh(),
            "project_id": project.id,
            "name": f"hook-{fresh()}",
            "url": "https://hooks.example/batches",
            "events": tuple(WebhookEvent),
            "sealed_secret": b"\x00\xffsealed",
            "position": 0,
            "created_at": NOON,
            "created_by": "ada",
            **said,
        }
    )


def a_delivery(webhook: Webhook, **said: Any) -> Delivery:
    """Due now, for the first time."""
    return Delivery(
        **{
            "id": fresh(),
            "project_id": webhook.project_id,
            "webhook_id": webhook.id,
            "event": WebhookEvent.BATCH_COMPLETED,
            "batch_job_id": fresh(),
            "status": DeliveryStatus.PENDING,
            "attempts": 0,
            "due_at": NOON,
            "created_at": NOON,
            **said,
        }
    )


def _fields(shard: Shard) -> dict[str, Any]:
    return {name: getattr(shard, name) for name in Shard.__dataclass_fields__}
