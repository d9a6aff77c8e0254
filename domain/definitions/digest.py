"""The digest of all that runs: equal digests run the same."""

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any


def canonical(value: Any) -> str:
    """JSON with sorted keys and no white space: equal values have equal text."""
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )


def digest(running: Mapping[str, Any]) -> str:
    """SHA-256, in hex, of the canonical JSON in UTF-8."""
    return sha256(canonical(running).encode()).hexdigest()
