"""Templates as layers: their specs, and which overrides of them are allowed."""

from collections.abc import Mapping, Sequence
from typing import Any


def checked_spec(spec: Mapping[str, Any]) -> Mapping[str, Any]:
    return spec


def check_pointers(pointers: Sequence[str]) -> None: ...
