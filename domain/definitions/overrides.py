"""What a template allows: which of its values may be overridden, and for which variant it is."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from domain.definitions import drafts
from domain.definitions.definition import Part, Root
from domain.definitions.fields import spelled
from domain.definitions.findings import finding
from domain.definitions.layers import Layer, LayerKind, Tree
from domain.definitions.merge import targets
from domain.definitions.pointers import steps
from domain.definitions.variants import Variant
from domain.errors import DefinitionError, Path

ANY = "*"


def refused(spec: Tree, overrides: Tree, allowed: Sequence[str]) -> tuple[DefinitionError, ...]:
    """OVERRIDE_NOT_ALLOWED for each value of the overrides that lies under no allowed pointer.

    `allowed` are JSON Pointers into the spec with `*` for any list index; each allows its subtree.
    A model's name is no override where it only says which of the spec's models is meant. What is
    wrong with the overrides themselves is told where they are merged.
    """
    patterns = [_named(steps(text)) for text in allowed]
    draft = drafts.read(Layer(kind=LayerKind.TEMPLATE, tree=overrides))
    models, changed = (_models(tree) for tree in (spec, draft.tree))
    names = {model.get("name") for model in models if isinstance(model, Mapping)}
    places = tuple(targets(models, changed))
    return tuple(
        finding(
            "OVERRIDE_NOT_ALLOWED",
            LayerKind.TEMPLATE,
            draft.written(path),
            "the template does not allow to override this",
            value=None if draft.errors else value,  # it may have unreadable members
        )
        for path, value in _outside(draft.tree, (), _Allowed(patterns, places))
        if value is not drafts.UNREADABLE
        and not (path[::2] == ("models", "name") and len(path) == 3 and value in names)
    )


def pointer_problem(text: str) -> str | None:
    """What is wrong with an allowed pointer itself; None where nothing is."""
    try:
        steps(text)
    except ValueError as error:
        return str(error)
    return None


def agreed_variant(template: Variant, asked: Variant | None) -> Variant:
    """The template's variant. Raises DefinitionError, VARIANT_MISMATCH, where another is asked for."""
    if asked is None or asked is template:
        return template
    raise DefinitionError(
        kind="VARIANT_MISMATCH",
        layer=LayerKind.TEMPLATE,
        pointer="",
        value=asked.value,
        problem=f"The template is for {template.value}, not for {asked.value}.",
        suggestion=template.value,
    )


def _named(pattern: tuple[str, ...]) -> tuple[str, ...]:
    """The pattern with fields by their names, however the spec's author spells them."""
    part: type[Part] = Root
    names = []
    for step in pattern:
        shape = spelled(part).get(step)
        names.append(shape.name if shape else step)
        part = shape.part if shape else part
    return tuple(names)


@dataclass(frozen=True, slots=True)
class _Allowed:
    """The allowed pointers; `places` has the spec's index for each model of the overrides."""

    patterns: Sequence[tuple[str, ...]]
    places: tuple[int, ...]

    def whole(self, path: Path) -> bool:
        """Whether the path and all below it is allowed."""
        return any(self._matches(pattern, path[: len(pattern)]) for pattern in self.patterns)

    def parts(self, path: Path) -> bool:
        """Whether something below the path is allowed."""
        return any(self._matches(pattern[: len(path)], path) for pattern in self.patterns)

    def _matches(self, pattern: tuple[str, ...], path: Path) -> bool:
        if len(path) > 1 and path[0] == "models" and isinstance(path[1], int):
            path = (path[0], self.places[path[1]], *path[2:])
        return len(pattern) == len(path) and all(
            wanted == str(step) or (wanted == ANY and isinstance(step, int))
            for wanted, step in zip(pattern, path, strict=True)
        )


def _outside(node: Any, path: Path, allowed: _Allowed) -> Iterator[tuple[Path, Any]]:
    """The outermost places under which nothing is allowed."""
    if allowed.whole(path) or node == {} or (path == ("models",) and node == []):
        return
    members = _members(node)
    if not members or not (allowed.parts(path) or path in ((), ("models",)) or _model(path)):
        yield path, node
        return
    for step, member in members:
        yield from _outside(member, (*path, step), allowed)


def _model(path: Path) -> bool:
    return len(path) == 2 and path[0] == "models"


def _members(node: Any) -> list[tuple[str | int, Any]]:
    if isinstance(node, Mapping):
        return list(node.items())
    return list(enumerate(node)) if isinstance(node, list | tuple) else []


def _models(tree: Tree) -> Sequence[Any]:
    models = tree.get("models")
    return models if isinstance(models, list) else ()
