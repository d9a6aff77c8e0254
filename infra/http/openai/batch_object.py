"""A batch in OpenAI's shape."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from domain.batches.batch import Batch, InputError, Usage
from infra.http.openai import ids

TIMES = (
    "created_at",
    "in_progress_at",
    "expires_at",
    "finalizing_at",
    "completed_at",
    "failed_at",
    "expired_at",
    "cancelling_at",
    "cancelled_at",
)


@dataclass(frozen=True, slots=True)
class Names:
    """Of what batches name by id: external endpoints and profiles; none of those that are gone."""

    endpoints: Mapping[str, str] = field(default_factory=dict)
    profiles: Mapping[str, str] = field(default_factory=dict)


def shown(batch: Batch, names: Names) -> Mapping[str, Any]:
    """Times in whole seconds since 1970. What OpenAI's has no word for stands under `modelyard`."""
    return {
        "id": ids.of_batch(batch.id),
        "object": "batch",
        "endpoint": batch.endpoint,
        "model": batch.model,
        "errors": _errors(batch.errors),
        "input_file_id": ids.of_file(batch.input_file_id),
        "completion_window": batch.completion_window,
        "status": batch.status.value,
        "output_file_id": _file(batch.output_file_id),
        "error_file_id": _file(batch.error_file_id),
        **{name: _seconds(getattr(batch, name)) for name in TIMES},
        "request_counts": {
            "total": batch.total,
            "completed": batch.completed,
            "failed": batch.failed,
        },
        "usage": _usage(batch.usage),
        "metadata": dict(batch.metadata) or None,
        "modelyard": _extension(batch, names),
    }


def _extension(batch: Batch, names: Names) -> Mapping[str, Any]:
    place = batch.place
    return {
        "target": None if place is None else place.target.name,
        "target_reason": None if place is None else place.why,
        "reason": None if batch.reason is None else batch.reason.name,
        "message": batch.message,
        "deployment": None if place is None else place.deployment_name,
        "revision": None if place is None else place.revision_number,
        "endpoint": names.endpoints.get((place and place.external_endpoint_id) or ""),
        "profile": names.profiles.get(batch.profile_id or ""),
        "priority": batch.terms.priority,
        "paused_at": _seconds(batch.paused_at),
        "retry_of": None if batch.retry_of is None else ids.of_batch(batch.retry_of),
    }


def _errors(errors: tuple[InputError, ...]) -> Mapping[str, Any] | None:
    if not errors:
        return None
    data = [
        {"code": e.code, "message": e.message, "param": e.param, "line": e.line} for e in errors
    ]
    return {"object": "list", "data": data}


def _usage(usage: Usage) -> Mapping[str, Any]:
    return {
        "input_tokens": usage.input_tokens,
        "input_tokens_details": {"cached_tokens": usage.cached_tokens},
        "output_tokens": usage.output_tokens,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
        "total_tokens": usage.total_tokens,
    }


def _file(id: str | None) -> str | None:
    return None if id is None else ids.of_file(id)


def _seconds(at: datetime | None) -> int | None:
    return None if at is None else int(at.timestamp())
