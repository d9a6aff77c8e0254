"""One layer, read: checked against the definition's types, in snake_case, with every error found.

Nothing is filled in and nothing is required here: that would turn defaults into overrides.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from domain.definitions import environment, resources, values
from domain.definitions.definition import Definition, Part, Root
from domain.definitions.fields import Kind, Shape, spelled
from domain.definitions.findings import MOST_ENTRIES, MOST_TOLD, finding, shown, too_many
from domain.definitions.layers import Layer, LayerKind
from domain.definitions.nearest import meant
from domain.definitions.reading import Written, plain, scalar, text_problem
from domain.errors import DefinitionError, Path

UNREADABLE: Final = object()  # stands where a value was wrong, so that nobody misses it as well


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """`tree` is plain JSON in snake_case, None where the layer cleared a value.

    `spellings` has the layer's own key for each path whose key differs from the field's name.
    """

    kind: LayerKind
    tree: Mapping[str, Any]
    errors: tuple[DefinitionError, ...]
    spellings: Mapping[Path, str]

    def written(self, path: Path) -> Path:
        """The path in the layer's own spelling."""
        return tuple(self.spellings.get(path[: i + 1], step) for i, step in enumerate(path))


def read(layer: Layer) -> Draft:
    """The layer's draft. Never raises: what is wrong is in `errors`."""
    notes = _Notes(layer.kind)
    part = Definition if layer.kind is LayerKind.FOLDER else Root
    tree = _object(notes, part, layer.tree, _Place())
    return Draft(
        kind=layer.kind,
        tree=tree if isinstance(tree, dict) else {},
        errors=tuple(notes.errors),
        spellings=notes.spellings,
    )


class _Place(NamedTuple):
    path: Path = ()
    written: Path = ()

    def below(self, step: str | int, written: str | int | None = None) -> "_Place":
        own = step if written is None else written
        return _Place((*self.path, step), (*self.written, own))


@dataclass(frozen=True, slots=True)
class _Notes:
    """What one reading finds, gathered on the way."""

    layer: LayerKind
    errors: list[DefinitionError] = field(default_factory=list)
    spellings: dict[Path, str] = field(default_factory=dict)

    def wrong(self, kind: str, place: _Place, says: str, **more: Any) -> Any:
        self.errors.append(finding(kind, self.layer, place.written, says, **more))
        return UNREADABLE

    def too_many(self, place: _Place, value: Collection[Any]) -> Any:
        self.errors.append(too_many(self.layer, place.written, len(value)))
        return UNREADABLE

    def faults(self, faults: tuple[values.Fault, ...], place: _Place) -> None:
        for fault in faults:
            at = _Place((), (*place.written, *fault.path))
            self.wrong(fault.kind, at, fault.says, value=fault.value, suggestion=fault.suggestion)


def _object(notes: _Notes, part: type[Part], said: Any, place: _Place) -> Any:
    if not isinstance(said, Mapping):
        says = f"this wants a mapping, not {shown(_plain(said))}"
        return notes.wrong("WRONG_TYPE", place, says, value=_told(said))
    if len(said) > MOST_ENTRIES:
        return notes.too_many(place, said)
    tree: dict[str, Any] = {}
    seen: dict[str, str] = {}
    for key, value in said.items():
        if not isinstance(key, str) or text_problem(key) or key.startswith("x-"):
            notes.faults(values.free({key: value})[1], place)
            continue
        shape = spelled(part).get(key)
        if shape is None:
            _unknown(notes, part, key, value, place)
            continue
        here = place.below(shape.name, key)
        if shape.name in seen:
            says = f"{seen[shape.name]} and {key} are one key"
            notes.wrong("DEFINITION_DUPLICATE_KEY", here, says)
            continue
        seen[shape.name] = key
        if key != shape.name:
            notes.spellings[here.path] = key
        tree[shape.name] = _value(notes, shape, value, here)
    if tree.get("models") == []:
        del tree["models"]  # an empty list says nothing
    return tree


def _unknown(notes: _Notes, part: type[Part], key: str, value: Any, place: _Place) -> None:
    faults = values.free({key: value})[1]
    told = None if faults else plain(value)
    notes.wrong(
        "UNKNOWN_FIELD",
        place.below(key),
        f"there is no field {shown(key)} here",
        value=told,
        suggestion=meant(part, key, place.written) if len(notes.errors) < MOST_TOLD else None,
    )


def _value(notes: _Notes, shape: Shape, value: Any, place: _Place) -> Any:
    if value is None or (isinstance(value, Written) and scalar(value) is None):
        return None
    match shape.kind:
        case Kind.OBJECT:
            return _object(notes, shape.part, value, place)
        case Kind.MODELS | Kind.PARTS:
            return _objects(notes, shape, value, place)
        case Kind.MAP:
            return _map(notes, shape, value, place)
        case Kind.LEAF:
            result, faults = values.leaf(shape, value)
            notes.faults(faults, place)
            return UNREADABLE if faults else result


def _objects(notes: _Notes, shape: Shape, value: Any, place: _Place) -> Any:
    if not isinstance(value, list | tuple):
        says = f"this wants {shape.wants}, not {shown(_plain(value))}"
        return notes.wrong("WRONG_TYPE", place, says, value=_told(value))
    if len(value) > MOST_ENTRIES:
        return notes.too_many(place, value)
    return [_object(notes, shape.part, entry, place.below(i)) for i, entry in enumerate(value)]


def _map(notes: _Notes, shape: Shape, value: Any, place: _Place) -> Any:
    if not isinstance(value, Mapping):
        says = f"this wants a mapping, not {shown(_plain(value))}"
        return notes.wrong("WRONG_TYPE", place, says, value=_told(value))
    if len(value) > MOST_ENTRIES:
        return notes.too_many(place, value)
    result: dict[str, Any] = {}
    for key, member in value.items():
        if not isinstance(key, str):
            notes.faults(values.free({key: None})[1], place)
            continue
        here = place.below(key)
        faults = values.free({key: member})[1]
        found = list(_entry_problems(notes.layer, shape.name, key, member, here.written))
        notes.errors.extend([] if faults else found)
        notes.faults(faults, place)
        result[key] = UNREADABLE if faults or found else _entry(shape.name, member)
    return result


def _entry(field_name: str, value: Any) -> Any:
    told = plain(value)
    return resources.text(told) if field_name == "resources" else told


def _entry_problems(
    layer: LayerKind, field_name: str, key: str, value: Any, path: Path
) -> Iterator[DefinitionError]:
    """The rules of environment and resources; any other map is free."""
    if field_name == "environment":
        yield from environment.problems(layer, key, value, path)
    if field_name == "resources":
        yield from resources.problems(layer, key, resources.text(value), path)


def _plain(value: Any) -> Any:
    return scalar(value) if isinstance(value, Written) else value


def _told(value: Any) -> Any:
    return None if values.free(value)[1] else plain(value)
