"""How a finding of a resolution is told: where, what is wrong, with which value, and what was meant."""

from typing import Any

from domain.definitions.layers import LayerKind
from domain.definitions.pointers import pointer
from domain.errors import DefinitionError, Path

LONGEST_SHOWN = 80  # characters of a value within a message
MOST_TOLD = 100  # errors of one resolution; the rest is counted
MOST_ENTRIES = 1_000  # models, members of a list of objects, entries of a map, keys of an object


def finding(
    kind: str,
    layer: LayerKind,
    path: Path,
    says: str,
    *,
    value: Any = None,
    suggestion: str | None = None,
) -> DefinitionError:
    """The error at `path`, in the layer's own spelling; `says` is a clause with no full stop."""
    at = pointer(path)
    meant = f"; did you mean {suggestion}?" if suggestion else "."
    return DefinitionError(
        problem=f"{layer.name} {at or '(root)'}: {says}{meant}",
        kind=kind,
        layer=layer,
        pointer=at,
        value=value,
        suggestion=suggestion,
    )


def shown(value: Any) -> str:
    """A value within a message: short, in the notation of JSON where that has one."""
    names = {None: "null", True: "true", False: "false"}
    if value is None or isinstance(value, bool):
        return names[value]
    text = repr(value) if isinstance(value, str | int | float) else _outline(value)
    return text if len(text) <= LONGEST_SHOWN else text[: LONGEST_SHOWN - 1] + "…"


def too_many(layer: LayerKind, path: Path, found: int) -> DefinitionError:
    return finding("OUT_OF_RANGE", layer, path, f"at most {MOST_ENTRIES} fit here, not {found}")


def _outline(value: Any) -> str:
    """A container by its size alone: it may be large, or refer to itself."""
    match value:
        case dict():
            return f"a mapping of {len(value)}" if value else "{}"
        case list() | tuple():
            return f"a list of {len(value)}" if value else "[]"
        case _:
            return f"a {type(value).__name__}"
