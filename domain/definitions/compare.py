"""What differs between two results, by pointer, and what changed in a folder's file."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from domain.definitions import drafts, kubernetes
from domain.definitions.definition import Part, Root
from domain.definitions.fields import Kind, shapes
from domain.definitions.layers import Layer, LayerKind, Tree
from domain.definitions.pointers import pointer
from domain.definitions.provenance import Origin
from domain.definitions.request import MOUNT_PATH
from domain.deployments.deployment import Revision
from domain.errors import Path, Refused


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A pointer whose value is another, or stands on one side only."""

    pointer: str
    before: Origin | None
    after: Origin | None


def compare(before: Sequence[Origin], after: Sequence[Origin]) -> tuple[Difference, ...]:
    """The pointers whose values differ, in the order of the first side; new ones come last.

    A value that only comes from another layer now is no difference.
    """
    was = {origin.pointer: origin for origin in before}
    now = {origin.pointer: origin for origin in after}
    return tuple(
        Difference(pointer=at, before=was.get(at), after=now.get(at))
        for at in dict.fromkeys((*was, *now))
        if at not in was or at not in now or not _same(was[at].value, now[at].value)
    )


def compare_revisions(before: Revision, after: Revision) -> tuple[Difference, ...]:
    """What differs in what runs: empty where the digests are equal, and only there."""
    return compare((*_around(before), *before.provenance), (*_around(after), *after.provenance))


def drift(before: Layer, after: Layer) -> tuple[Difference, ...]:
    """What another reading of the same layer's source says differently.

    Raises Refused where one of the two has errors.
    """
    return compare(tuple(_said(before)), tuple(_said(after)))


def _around(revision: Revision) -> Iterator[Origin]:
    """What a definition runs in that no layer says: the variant, the folder and its mount path,
    and how pods are scheduled."""
    chosen = LayerKind.TEMPLATE if revision.template else LayerKind.REQUEST
    yield Origin(pointer="/runtime_variant", value=revision.variant.value, layer=chosen)
    mounted = LayerKind.DEFAULT if revision.mount_path == MOUNT_PATH else LayerKind.REQUEST
    yield Origin(pointer="/mount_path", value=revision.mount_path, layer=mounted)
    if revision.folder is not None:
        yield Origin(pointer="/model_folder", value=revision.folder.uri, layer=LayerKind.REQUEST)
    for name, value in kubernetes.said(revision.kubernetes).items():
        at = pointer(("kubernetes", name))
        yield Origin(pointer=at, value=value, layer=LayerKind.TEMPLATE)


def _same(one: object, other: object) -> bool:
    """Equal as JSON is: true is not 1."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[k], other[k]) for k in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return isinstance(one, bool) == isinstance(other, bool) and one == other


def _said(layer: Layer) -> Iterator[Origin]:
    draft = drafts.read(layer)
    if draft.errors:
        raise Refused(errors=draft.errors)
    return _object(layer.kind, Root, draft.tree, ())


def _object(kind: LayerKind, part: type[Part], tree: Tree, path: Path) -> Iterator[Origin]:
    for name, value in tree.items():
        shape, here = shapes(part)[name], (*path, name)
        match value:
            case Mapping() if value and shape.kind is Kind.OBJECT:
                yield from _object(kind, shape.part, value, here)
            case Mapping() if value and shape.kind is Kind.MAP:
                for key, member in value.items():
                    yield Origin(pointer=pointer((*here, key)), value=member, layer=kind)
            case list() if value and shape.kind is Kind.MODELS:
                for index, model in enumerate(value):
                    yield from _object(kind, shape.part, model, (*here, index))
            case _:
                yield Origin(pointer=pointer(here), value=value, layer=kind)
