"""The digest of all that runs: equal digests run the same."""

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from domain.definitions.reading import INT64


def canonical(value: Any) -> str:
    """JSON with sorted keys and no white space: equal values have equal text, 10.0 that of 10."""
    return json.dumps(
        _whole(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )


def digest(running: Mapping[str, Any]) -> str:
    """SHA-256, in hex, of the canonical JSON in UTF-8."""
    return sha256(canonical(running).encode()).hexdigest()


def _whole(value: Any) -> Any:
    """The value with whole numbers as integers, as far as these are stored exactly."""
    match value:
        case float() if value.is_integer() and int(value) in INT64:
            return int(value)
        case Mapping():
            return {key: _whole(member) for key, member in value.items()}
        case list() | tuple():
            return [_whole(member) for member in value]
        case _:
            return value
