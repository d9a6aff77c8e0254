"""Where each value of a result comes from, told while the result is put together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from domain.definitions import reading
from domain.definitions.definition import Model, Part, Root
from domain.definitions.drafts import UNREADABLE, Draft
from domain.definitions.fields import Kind, Shape, shapes
from domain.definitions.findings import finding, shown
from domain.definitions.layers import LayerKind, Tree
from domain.definitions.pointers import pointer
from domain.errors import DefinitionError, Path

CLEARED: Final = object()  # said of everything below a value that a layer cleared


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


@dataclass(frozen=True, slots=True)
class Laid:
    """A draft in its place: `targets` has the result's index for each of its models."""

    draft: Draft
    targets: tuple[int, ...]

    @property
    def tree(self) -> Tree:
        """The draft's tree, its models by the result's index."""
        models = self.draft.tree.get("models")
        if not isinstance(models, list):
            return self.draft.tree
        return {**self.draft.tree, "models": dict(zip(self.targets, models, strict=True))}

    def written(self, path: Path) -> Path:
        """A path of the result, in the layer's own spelling and with its own index."""
        if path[:1] == ("models",) and len(path) > 1 and path[1] in self.targets:
            path = ("models", self.targets.index(int(path[1])), *path[2:])
        return self.draft.written(path)


Said = Sequence[tuple[Laid, Any]]  # what each layer says at one place, highest first


@dataclass(frozen=True, slots=True)
class Assembled:
    """`document` is the whole result in JSON form; meaningless where there are errors."""

    document: dict[str, Any]
    origins: list[Origin] = field(default_factory=list)
    errors: list[DefinitionError] = field(default_factory=list)


def assemble(tree: Tree, laid: Sequence[Laid]) -> Assembled:
    """The result of a merged tree, with defaults; `laid` are the layers it was merged from."""
    result = Assembled({})
    said = [(one, one.tree) for one in reversed(laid)]
    result.document.update(_object(result, Root, tree, said, ()))
    names: set[str] = set()
    for index, model in enumerate(result.document["models"]):
        path: Path = ("models", index, "name")
        if model["name"] in names:
            layer, written = setter(laid, path)
            says = f"another model is named {shown(model['name'])} already"
            error = finding("DUPLICATE_NAME", layer, written, says, value=model["name"])
            result.errors.append(error)
        names |= {model["name"]} - {None}
    return result


def setter(laid: Sequence[Laid], path: Path) -> tuple[LayerKind, Path]:
    """The highest layer that says something at a path of the result, and the path as it wrote it."""
    said: Said = [(one, one.tree) for one in reversed(laid)]
    for step in path:
        said = _below(said, step)
    if not said:
        return LayerKind.DEFAULT, path
    return said[0][0].draft.kind, said[0][0].written(path)


def _below(said: Said, step: str | int) -> Said:
    lower = []
    for laid, node in said:
        if node is None or node is CLEARED:
            lower.append((laid, CLEARED))
        elif isinstance(node, Mapping) and step in node:
            lower.append((laid, node[step]))
    return lower


def _object(
    result: Assembled, part: type[Part], tree: Tree, said: Said, path: Path
) -> dict[str, Any]:
    return {
        name: _value(result, shape, tree, _below(said, name), (*path, name))
        for name, shape in shapes(part).items()
    }


def _value(result: Assembled, shape: Shape, tree: Tree, said: Said, path: Path) -> Any:
    value = tree.get(shape.name)
    if shape.kind is Kind.OBJECT and isinstance(value, Mapping):
        return _object(result, shape.part, value, said, path)
    if shape.kind is Kind.MODELS and value:
        return [] if value is UNREADABLE else _models(result, value, said, path)
    if shape.kind is Kind.MAP and (entries := _entries(result, value, said, path)):
        return entries
    if value is UNREADABLE:
        return None
    if shape.kind is Kind.MAP:
        value = {}
    if value is None and shape.required:
        result.errors.append(_missing(said, path))
        return [] if shape.kind is Kind.MODELS else None
    if value is None and not (shape.null_stays and said and said[0][1] is None):
        value = reading.plain(shape.default)  # a list of its own
    if shape.kind is Kind.PARTS:
        value = [
            _complete(result, shape.part, m, said, (*path, i)) for i, m in enumerate(value or ())
        ]
    result.origins.append(_origin(shape, value, said, path))
    return value


def _models(result: Assembled, models: Any, said: Said, path: Path) -> list[dict[str, Any]]:
    return [
        {"name": None}
        if model is UNREADABLE
        else _object(result, Model, model, _below(said, index), (*path, index))
        for index, model in enumerate(models)
    ]


def _entries(result: Assembled, value: Any, said: Said, path: Path) -> dict[str, Any]:
    """The entries of a free map, each with its origin; a null had removed its key."""
    entries = {} if not isinstance(value, Mapping) else value
    kept = {key: member for key, member in entries.items() if member is not None}
    for key, member in kept.items():
        below = _below(said, key)
        result.origins.append(_origin(None, member, below, (*path, key)))
    return kept


def _complete(
    result: Assembled, part: type[Part], tree: Any, said: Said, path: Path
) -> dict[str, Any]:
    """A member of an atomic list: it stands alone, so its defaults apply at once."""
    if not isinstance(tree, Mapping):
        return {}
    whole: dict[str, Any] = {}
    for name, shape in shapes(part).items():
        value = tree.get(name)
        if value is None and shape.required:
            one = said[:1] if name not in tree else [(said[0][0], CLEARED)]
            result.errors.append(_missing(one, (*path, name)))
        whole[name] = reading.plain(shape.default) if value is None else value
    return whole


def _missing(said: Said, path: Path) -> DefinitionError:
    """A required value that nobody gives, or that the highest layer to speak of it cleared."""
    if said and (said[0][1] is None or said[0][1] is CLEARED):
        laid = said[0][0]
        kind, written = laid.draft.kind, laid.written(path)
        says = "this is required, and the layer cleared it"
        return finding("REQUIRED_CLEARED", kind, written, says)
    layer = said[0][0].draft.kind if said else LayerKind.DEFAULT
    written = said[0][0].written(path) if said else path
    return finding("REQUIRED_MISSING", layer, written, "this is required, and no layer gives it")


def _origin(shape: Shape | None, value: Any, said: Said, path: Path) -> Origin:
    """`said` has every layer that speaks of the path; the first sets it, unless it cleared it."""
    spoken: list[Shadowed] = []
    for laid, node in said:
        one = Shadowed(layer=laid.draft.kind, value=None if node is CLEARED else node)
        if one not in spoken[-1:]:  # a layer that repeats itself hides nothing
            spoken.append(one)
    highest = said[0][1] if said else CLEARED
    stays = shape is not None and shape.null_stays
    if highest is CLEARED or (highest is None and not stays):
        return Origin(
            pointer=pointer(path), value=value, layer=LayerKind.DEFAULT, shadowed=tuple(spoken)
        )
    first, *rest = spoken
    return Origin(pointer=pointer(path), value=value, layer=first.layer, shadowed=tuple(rest))
