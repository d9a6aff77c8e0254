"""The merge: one draft laid over another, and a stack of layers resolved to a definition.

Objects merge field by field, free maps key by key, models by name and then by position; every
other list is atomic. Absent keeps the lower value, null clears it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from domain.definitions import definition as definitions
from domain.definitions import drafts, render
from domain.definitions.definition import Definition, Model, Part, Root
from domain.definitions.drafts import Draft
from domain.definitions.fields import Kind, Shape, shapes
from domain.definitions.findings import finding
from domain.definitions.layers import Layer, LayerKind, Tree
from domain.definitions.pointers import steps
from domain.definitions.provenance import Assembled, Laid, Origin, Shadowed, assemble, setter
from domain.errors import DefinitionError, Refused

__all__ = ["Origin", "Resolved", "Shadowed", "overlay", "resolve"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """`definition` has its commands' placeholders still in them."""

    image: str | None
    definition: Definition
    environment: Mapping[str, Mapping[str, str]]
    resources: Mapping[str, str]
    provenance: tuple[Origin, ...]


def resolve(layers: Sequence[Layer], *, needs_command: bool = False) -> Resolved:
    """The definition that the layers make, lowest first, each as its author wrote it.

    A template with overrides is two layers of its kind. With `needs_command` some layer has to
    give each service a start command. Raises Refused with every error found.
    """
    tree: Tree = {}
    laid: list[Laid] = []
    errors: list[DefinitionError] = []
    for draft in map(drafts.read, layers):
        places = tuple(targets(_models(tree), _models(draft.tree)))
        laid.append(Laid(draft, places))
        errors += draft.errors
        errors += _same_targets(draft, places)
        tree = overlay(tree, Layer(kind=draft.kind, tree=draft.tree))
    assembled = assemble(tree, laid)
    errors += assembled.errors
    errors += _no_command(assembled) if needs_command else ()
    if errors:
        raise Refused(errors=tuple(errors))
    return _resolved(assembled, laid)


def overlay(lower: Tree, layer: Layer) -> Tree:
    """The layer's tree over the lower one, both as `drafts.read` gives them. A null stays a null."""
    return _object(Root, lower, layer.tree)


def targets(lower: Sequence[Any], upper: Sequence[Any]) -> Iterator[int]:
    """For each model of the upper list, the index of the model that it merges into.

    The one of the same name, else the one at its own position, else a new one at the end.
    """
    names = {name: index for index, model in enumerate(lower) if (name := _name(model))}
    size = len(lower)
    for position, model in enumerate(upper):
        if (name := _name(model)) in names:
            yield names[name]
        elif position < len(lower):
            yield position
        else:
            yield size
            size += 1


def _object(part: type[Part], lower: Any, upper: Any) -> Tree:
    if not isinstance(upper, Mapping):
        return upper if not isinstance(lower, Mapping) else lower
    tree = dict(lower) if isinstance(lower, Mapping) else {}
    for name, value in upper.items():
        tree[name] = _value(shapes(part)[name], tree.get(name), value)
    return tree


def _value(shape: Shape, lower: Any, upper: Any) -> Any:
    if shape.kind is Kind.OBJECT and isinstance(upper, Mapping):
        return _object(shape.part, lower, upper)
    if shape.kind is Kind.MAP and isinstance(upper, Mapping):
        return {**lower, **upper} if isinstance(lower, Mapping) else upper
    if shape.kind is Kind.MODELS and isinstance(upper, list):
        return _laid_models(lower if isinstance(lower, list) else [], upper)
    return upper


def _laid_models(lower: list[Any], upper: list[Any]) -> list[Any]:
    models = list(lower)
    for target, model in zip(targets(lower, upper), upper, strict=True):
        if target == len(models):
            models.append(None)
        models[target] = _object(Model, models[target], model)
    return models


def _models(tree: Tree) -> Sequence[Any]:
    models = tree.get("models")
    return models if isinstance(models, list) else ()


def _name(model: Any) -> str | None:
    name = model.get("name") if isinstance(model, Mapping) else None
    return name if isinstance(name, str) else None  # one that can't be read is like no other


def _same_targets(draft: Draft, places: Sequence[int]) -> Iterator[DefinitionError]:
    first: dict[int, int] = {}
    for index, target in enumerate(places):
        if first.setdefault(target, index) != index:
            path = draft.written(("models", index))
            says = f"entry {first[target]} means the same model already"
            name = _name(_models(draft.tree)[index])
            yield finding("SAME_TARGET", draft.kind, path, says, value=name)


def _no_command(assembled: Assembled) -> Iterator[DefinitionError]:
    for origin in assembled.origins:
        path = steps(origin.pointer)
        if origin.layer is LayerKind.DEFAULT and path[2:] == ("service", "start_command"):
            says = "this variant has no start command of its own, and no layer gives one"
            yield finding("REQUIRED_MISSING", LayerKind.DEFAULT, path, says)


def _resolved(assembled: Assembled, laid: Sequence[Laid]) -> Resolved:
    document = assembled.document
    definition = definitions.of({"models": document["models"]})
    errors = []
    for path, fault in render.faults(definition):
        layer, written = setter(laid, path)
        errors.append(finding(fault.kind, layer, written, fault.says, value=fault.value))
    if errors:
        raise Refused(errors=tuple(errors))
    return Resolved(
        image=document["image"],
        definition=definition,
        environment=document["environment"],
        resources=document["resources"],
        provenance=tuple(assembled.origins),
    )
