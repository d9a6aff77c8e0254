"""From GraphQL inputs to drafts and patches: absent is left out, null stays as None.

The one walk for all inputs. A `Maybe` field holds Some(value), also Some(None), or None where it is
absent; in a plain optional field null and absent mean the same.
"""

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any

from strawberry import Some

from domain.errors import InvalidValue, NotFound
from schema.relay import TYPES, parse_id


def draft(value: Any) -> Any:
    """What was said, all the way down, as a plain tree in snake_case."""
    match value:
        case Some():
            return draft(value.value)
        case Enum():
            return value.value
        case list():
            return [draft(each) for each in value]
        case _ if is_dataclass(value):
            return {name: draft(held) for name, held in _said(value)}
        case _:
            return value


def patch(value: Any, *, without: tuple[str, ...] = ()) -> dict[str, Any]:
    """What was said on the first level: lists are tuples, as values of the domain hold them."""
    return {name: _plain(held) for name, held in _said(value) if name not in without}


def json_object(value: object, *path: str | int) -> dict[str, Any]:
    """Raises InvalidValue for JSON that is no object."""
    if isinstance(value, dict):
        return value
    raise InvalidValue(path=path, problem="This has to be a JSON object.")


def own_id(type_name: str, id: str, *path: str | int) -> str:
    """The domain's id in a global id; raises NotFound at the path for any other id."""
    found = parse_id(id)
    if found is None or found[0] != type_name:
        raise NotFound(kind=TYPES[type_name], id=id, path=path)
    return found[1]


def own_id_or_none(type_name: str, id: str) -> str | None:
    """For queries: an id that is none of this type's finds nothing."""
    found = parse_id(id)
    return found[1] if found is not None and found[0] == type_name else None


def _said(value: Any) -> Iterator[tuple[str, Any]]:
    for field in fields(value):
        held = getattr(value, field.name)
        if held is not None:
            yield field.name, held


def _plain(held: Any) -> Any:
    held = held.value if isinstance(held, Some) else held
    return tuple(held) if isinstance(held, list) else held
