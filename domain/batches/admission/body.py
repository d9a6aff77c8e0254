"""A new batch as a client of the OpenAI API writes it: one JSON object."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TypeVar

from domain.batches.admission import durations, options
from domain.batches.admission.options import NewBatch
from domain.batches.batch import Retry, TargetKind, TemplateWish, Wish
from domain.errors import (
    InvalidType,
    InvalidValue,
    Key,
    MissingRequiredParameter,
    Path,
    UnknownParameter,
)

T = TypeVar("T")
PARAMETERS = (
    "input_file_id",
    "endpoint",
    "completion_window",
    "metadata",
    "output_expires_after",
    "modelyard",
)
WISHES: Mapping[str, str] = {
    "target": "target",
    "deployment": "deployment",
    "endpoint": "external_endpoint",
    "template": "template",
    "profile": "profile",
    "priority": "priority",
    "replicas": "replicas",
    "keepAlive": "keep_alive",
    "maxConcurrency": "max_concurrency",
    "requestTimeout": "request_timeout",
    "retry": "retry",
}
"""The members of `modelyard`, and what they are in paths of errors (as in createBatchJob's input)."""
SPELLED = {name: f"modelyard.{written}" for written, name in WISHES.items()}


def read(said: object) -> NewBatch:
    """The types and units of all that was said; null is as if it was not. `options.check` does the
    rest. Raises UnknownParameter, MissingRequiredParameter, InvalidType, InvalidValue."""
    body = _members(said, (), "a JSON object")
    body.know(PARAMETERS)
    return NewBatch(
        input_file_id=body.needed("input_file_id", _text),
        endpoint=body.needed("endpoint", _text),
        completion_window=body.needed("completion_window", _text),
        metadata=body.read("metadata", _metadata) or {},
        output_expires_after=body.read("output_expires_after", _output_expiry),
        wish=body.read("modelyard", _wish) or Wish(),
    )


def param(path: Path) -> str | None:
    """An error's path as OpenAI's `param`: `metadata.key`, `modelyard.keepAlive`; None for the whole."""
    if not path:
        return None
    head = str(path[0])
    return ".".join([SPELLED.get(head, head), *map(str, path[1:])])


@dataclass(frozen=True, slots=True)
class _Members:
    said: Mapping[str, object]
    path: Path

    def know(self, names: Collection[str]) -> None:
        for name in self.said:
            if name not in names:
                near = get_close_matches(name[:64], names, n=1)
                hint = f" Did you mean {near[0]!r}?" if near else ""
                shown = name if len(name) <= 64 else name[:64] + "…"
                path = (*self.path, Key(shown))
                raise UnknownParameter(path=path, name=shown, hint=hint)

    def read(self, name: str, reader: Callable[[object, Path], T], called: Path = ()) -> T | None:
        value = self.said.get(name)
        return None if value is None else reader(value, called or (*self.path, name))

    def needed(self, name: str, reader: Callable[[object, Path], T]) -> T:
        value = self.read(name, reader)
        if value is None:
            raise MissingRequiredParameter(path=(*self.path, name), name=name)
        return value


def _wish(said: object, path: Path) -> Wish:
    members = _members(said, path)
    members.know(WISHES)

    def read(name: str, reader: Callable[[object, Path], T]) -> T | None:
        return members.read(name, reader, (WISHES[name],))

    return Wish(
        target=read("target", _target),
        deployment=read("deployment", _text),
        endpoint=read("endpoint", _text),
        template=read("template", _template),
        profile=read("profile", _text),
        priority=read("priority", _integer),
        replicas=read("replicas", _integer),
        keep_alive=read("keepAlive", durations.seconds),
        max_concurrency=read("maxConcurrency", _integer),
        request_timeout=read("requestTimeout", durations.seconds),
        retry=read("retry", _retry),
    )


def _target(said: object, path: Path) -> TargetKind:
    """As the API spells them, in either case."""
    written = _text(said, path)
    try:
        return TargetKind(written.lower())
    except ValueError as error:
        wanted = ", ".join(kind.name for kind in TargetKind)
        problem = f"{written[:80]!r} is not one of {wanted}."
        raise InvalidValue(path=path, problem=problem) from error


def _template(said: object, path: Path) -> TemplateWish:
    members = _members(said, path)
    members.know(("name", "version", "overrides"))
    overrides = members.read("overrides", _members)
    return TemplateWish(
        name=members.needed("name", _text),
        version=members.read("version", _integer),
        overrides={} if overrides is None else overrides.said,
    )


def _retry(said: object, path: Path) -> Retry:
    members = _members(said, path)
    members.know(("attempts", "first", "longest"))
    return options.retry(
        members.read("attempts", _integer),
        members.read("first", durations.seconds),
        members.read("longest", durations.seconds),
    )


def _output_expiry(said: object, path: Path) -> float:
    members = _members(said, path)
    members.know(("anchor", "seconds"))
    anchor = members.needed("anchor", _text)
    if anchor != "created_at":
        problem = f"{anchor[:80]!r} is no anchor: the only one is 'created_at'."
        raise InvalidValue(path=(*path, "anchor"), problem=problem)
    return members.needed("seconds", _integer)


def _metadata(said: object, path: Path) -> Mapping[str, str]:
    pairs = _members(said, path).said
    return {key: _text(value, (*path, Key(key[:64]))) for key, value in pairs.items()}


def _members(said: object, path: Path, wanted: str = "an object") -> _Members:
    if not isinstance(said, dict):
        raise InvalidType(path=path, wanted=wanted)
    return _Members(said, path)


def _text(said: object, path: Path) -> str:
    if not isinstance(said, str):
        raise InvalidType(path=path, wanted="a string")
    return said


def _integer(said: object, path: Path) -> int:
    if isinstance(said, bool) or not isinstance(said, int):
        raise InvalidType(path=path, wanted="an integer")
    return said
