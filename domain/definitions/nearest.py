"""What the author of an unknown key may have meant: near by spelling, or right but misplaced."""

from difflib import get_close_matches

from domain.definitions.definition import Definition, Part
from domain.definitions.fields import Kind, Shape, shapes, spelled
from domain.definitions.pointers import pointer
from domain.errors import Path

LONGEST = 80  # characters of a key that is looked for
NEAR = 0.7  # difflib's ratio: helth_check is 0.95 near to health_check, path 0.5 to port


def meant(part: type[Part], key: str, written: Path) -> str | None:
    """The key meant, in the unknown key's style; a pointer where it belongs to another object.

    `part` is the object in which the key stands, `written` the object's path in the layer.
    """
    exact = key.replace("-", "_")
    elsewhere = _above(exact, written) or _below(part, exact, written)
    if elsewhere:
        return pointer(elsewhere)
    if len(exact) > LONGEST:
        return None
    near = get_close_matches(exact, [s for s in spelled(part) if "-" not in s], n=1, cutoff=NEAR)
    if near:
        return near[0].replace("_", "-") if "-" in key and "_" not in key else near[0]
    return None


def _below(part: type[Part], key: str, written: Path) -> Path | None:
    """Where the key is known further down, the nearest level first."""
    level: list[tuple[type[Part], Path]] = [(part, written)]
    while level:
        inner = [(s.part, (*path, *_steps(s))) for p, path in level for s in _objects(p)]
        for owner, path in inner:
            if key in spelled(owner):
                return (*path, spelled(owner)[key].name)
        level = inner
    return None


def _above(key: str, written: Path) -> Path | None:
    """Where the key is known further up the path, the nearest level first."""
    owners: list[tuple[type[Part], Path]] = [(Definition, ())]
    for position, step in enumerate(written):
        if not isinstance(step, str):
            continue
        shape = spelled(owners[-1][0]).get(step)
        if shape is None or shape.part is Part:
            break
        owners.append((shape.part, written[: position + (1 if shape.kind is Kind.OBJECT else 2)]))
    for owner, path in reversed(owners[:-1]):
        if key in spelled(owner):
            return (*path, spelled(owner)[key].name)
    return None


def _objects(part: type[Part]) -> list[Shape]:
    return [s for s in shapes(part).values() if s.kind in (Kind.OBJECT, Kind.MODELS)]


def _steps(shape: Shape) -> Path:
    return (shape.name, 0) if shape.kind is Kind.MODELS else (shape.name,)
