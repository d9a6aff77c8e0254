from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from domain.definitions.definition import Definition
from domain.definitions.layers import LayerKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Shadowed:
    """A value that a higher layer replaced."""

    layer: LayerKind
    value: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Which layer set the value at a JSON Pointer, and what it hid, highest first."""

    pointer: str
    value: Any
    layer: LayerKind
    shadowed: tuple[Shadowed, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    image: str | None
    definition: Definition
    environment: Mapping[str, Mapping[str, str]]
    resources: Mapping[str, str]
    provenance: tuple[Origin, ...]
