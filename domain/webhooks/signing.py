"""What is sent to a webhook, and how it proves where it comes from.

The body is as OpenAI's webhooks have it; the headers are those of Standard Webhooks 1.0
(github.com/standard-webhooks/standard-webhooks), so that any of its libraries verifies them.
"""

import hmac
import json
from base64 import b64decode, b64encode
from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256

from domain.webhooks.webhook import Delivery

KEY_BYTES = 32
PREFIX = "whsec_"


def secret_of(key: bytes) -> str:
    """The key as its user gets it."""
    return PREFIX + b64encode(key).decode()


def event_id(delivery: Delivery) -> str:
    return f"evt_{delivery.id}"


def body(delivery: Delivery) -> bytes:
    """The same bytes at each attempt."""
    told = {
        "id": event_id(delivery),
        "object": "event",
        "created_at": int(delivery.created_at.timestamp()),
        "type": delivery.event.value,
        "data": {"id": f"batch_{delivery.batch_job_id}"},
    }
    return json.dumps(told, separators=(",", ":")).encode()


def headers(delivery: Delivery, content: bytes, secret: str, now: datetime) -> Mapping[str, str]:
    """`now` is signed too: whoever hears an old delivery again can tell."""
    id_, timestamp = event_id(delivery), str(int(now.timestamp()))
    return {
        "content-type": "application/json",
        "user-agent": "Modelyard",
        "webhook-id": id_,
        "webhook-timestamp": timestamp,
        "webhook-signature": f"v1,{_signature(id_, timestamp, content, secret)}",
    }


def sealing_context(project_id: str, webhook_id: str) -> str:
    """What a sealed signing secret is bound to: moved to another row it does not open."""
    return f"{project_id}/webhooks/{webhook_id}"


def _signature(id_: str, timestamp: str, content: bytes, secret: str) -> str:
    key = b64decode(secret.removeprefix(PREFIX))
    signed = b".".join((id_.encode(), timestamp.encode(), content))
    return b64encode(hmac.new(key, signed, sha256).digest()).decode()
