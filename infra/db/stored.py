"""Domain values as they are read: their documents stay text until somebody asks for them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields
from typing import Any, TypeVar

T = TypeVar("T")
Read = Callable[[str], Any]


def maker(
    value: type[T], names: Sequence[str], documents: Mapping[str, Read]
) -> Callable[[Iterable[Any]], T]:
    """What makes a value of a row with its fields in the order of `names`.

    `documents` is how the text of each document is read. Most readers want none of them, and
    reading them would cost more than all the rest.
    """
    stored = _stored(value, documents)
    slots = [f"written_{name}" if name in documents else name for name in names]
    put = [getattr(stored, slot).__set__ for slot in slots]  # around the frozen __setattr__
    new = object.__new__

    def make(row: Iterable[Any]) -> T:
        made = new(stored)
        for each, column in zip(put, row, strict=False):
            each(made, column)
        return made

    return make


def _stored(value: type[T], documents: Mapping[str, Read]) -> type[T]:
    """A subclass that reads documents when they are first asked for; equal to what it stands for."""
    names = [field.name for field in fields(value)]  # type: ignore[arg-type]  # T is a dataclass

    class Stored(value):  # type: ignore[misc, valid-type]  # whichever class it is
        __slots__ = tuple(f"written_{name}" for name in documents)
        __hash__ = value.__hash__

        def __getattr__(self, name: str) -> Any:
            """Only for what has no value yet."""
            if name not in documents:
                raise AttributeError(name=name, obj=self)
            written = getattr(self, f"written_{name}")
            held = None if written is None else documents[name](written)
            object.__setattr__(self, name, held)
            return held

        def __eq__(self, other: object) -> bool:
            if not isinstance(other, value):
                return NotImplemented
            return all(getattr(self, name) == getattr(other, name) for name in names)

    Stored.__name__, Stored.__qualname__ = value.__name__, value.__qualname__
    return Stored
