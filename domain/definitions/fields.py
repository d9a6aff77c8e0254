"""The shape of the definition's fields, read off its types: how each is checked, merged and shown."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import ConfigDict, TypeAdapter
from pydantic.fields import FieldInfo

from domain.definitions import reading
from domain.definitions.definition import NULL_STAYS, Model, Part, short


class Kind(Enum):
    OBJECT = auto()  # merges field by field
    MODELS = auto()  # a list that merges by name, then by position
    PARTS = auto()  # an atomic list of objects
    MAP = auto()  # any keys, merges key by key
    LEAF = auto()  # a scalar, or an atomic list of scalars


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """One field: `part` is the class of an object or of a list's members."""

    name: str
    spellings: tuple[str, ...]
    kind: Kind
    part: type[Part]
    null_stays: bool
    required: bool
    default: Any  # JSON-plain; meaningless where required
    wants: str
    choices: tuple[str, ...]
    read: Callable[[Any], Any]  # a `Written`, or a list with some in it, to a value of the field
    adapter: TypeAdapter[Any] | None  # of leaves alone


@cache
def shapes(part: type[Part]) -> Mapping[str, Shape]:
    """The fields of a part by name."""
    return {name: _shape(name, field) for name, field in part.model_fields.items()}


@cache
def spelled(part: type[Part]) -> Mapping[str, Shape]:
    """The fields of a part by every spelling that a file may use."""
    return {text: shape for shape in shapes(part).values() for text in shape.spellings}


def _shape(name: str, field: FieldInfo) -> Shape:
    members = _members(field.annotation)
    kind, part = _kind(members)
    names = (name, field.alias) if field.alias else (name,)
    default = None if field.is_required() else field.get_default()
    return Shape(
        name=name,
        spellings=tuple(dict.fromkeys(s for n in names for s in (n, n.replace("_", "-")))),
        kind=kind,
        part=part,
        null_stays=NULL_STAYS in field.metadata,
        required=field.is_required(),
        default=short(default) if isinstance(default, float) else reading.plain(default),
        wants=_wants(kind, members),
        choices=tuple(c for m in members if get_origin(m) is Literal for c in get_args(m)),
        read=_reader(members),
        adapter=_adapter(field) if kind is Kind.LEAF else None,
    )


def _adapter(field: FieldInfo) -> TypeAdapter[Any]:
    annotated: Any = Annotated
    constrained = annotated[(field.annotation, *field.metadata, field.description)]
    return TypeAdapter(constrained, config=ConfigDict(strict=True))


def _members(annotation: Any) -> tuple[Any, ...]:
    """The types that a value may have, flat, without None and without constraints."""
    if get_origin(annotation) is Annotated:
        return _members(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        return tuple(m for a in get_args(annotation) for m in _members(a))
    return () if annotation is NoneType else (annotation,)


def _kind(members: tuple[Any, ...]) -> tuple[Kind, type[Part]]:
    first = members[0]
    inner = next(iter(get_args(first)), None)
    if isinstance(first, type) and issubclass(first, Part):
        return Kind.OBJECT, first
    if isinstance(inner, type) and issubclass(inner, Part):
        return (Kind.MODELS if inner is Model else Kind.PARTS), inner
    return (Kind.MAP if get_origin(first) is dict else Kind.LEAF), Part


def _wants(kind: Kind, members: tuple[Any, ...]) -> str:
    names: Mapping[Any, str] = {
        str: "text",
        int: "an integer",
        float: "a number",
        bool: "true or false",
    }
    match kind:
        case Kind.OBJECT | Kind.MAP:
            return "a mapping"
        case Kind.MODELS | Kind.PARTS:
            return "a list of mappings"
        case Kind.LEAF:
            return " or ".join(
                names.get(m, "text" if get_origin(m) is Literal else "a list of text")
                for m in members
            )


def _reader(members: tuple[Any, ...]) -> Callable[[Any], Any]:
    if members == (int, str):
        return reading.number_or_text
    if len(members) > 1:
        return _argv
    return _scalars


def _argv(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [reading.number_as_text(member) for member in value]
    return _scalars(value)


def _scalars(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [
            _scalars(member) if isinstance(member, reading.Written) else member for member in value
        ]
    return reading.scalar(value) if isinstance(value, reading.Written) else value
