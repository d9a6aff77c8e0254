"""YAML by its events: no tag is ever resolved, no object built, no scalar's type guessed.

Aliases are followed, but what they stand for counts again each time, so that a file can't grow
beyond its bounds by them. Merge keys (`<<`) are followed too: a mapping's own keys win, and of
several merged mappings the first.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml
from yaml.events import (
    AliasEvent,
    CollectionStartEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceEndEvent,
)

from domain.definitions.reading import Written
from domain.errors import DefinitionError
from infra.files.refusals import DEEPEST, MOST_VALUES, refusal, too_deep, too_much

LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml's is fifty times as fast
MOST_TEXT = 2**20  # characters, aliases counted as above
MERGE = "<<"


def parse(text: str, loader: Any = LOADER) -> Any:
    """The only document's tree of dicts, lists, text (quoted) and Written (plain); {} if empty.

    Raises DefinitionError.
    """
    try:
        return _Document(_events(text, loader)).read()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        says = str(error.problem or error.context)
        kind = "DEFINITION_TAG_REFUSED" if "tag handle" in says else "DEFINITION_SYNTAX"
        if mark is None:
            raise refusal(kind, says) from error
        raise refusal(kind, says, line=mark.line + 1, column=mark.column + 1) from error
    except yaml.YAMLError as error:
        says = " ".join(str(error).split())
        raise refusal("DEFINITION_SYNTAX", says) from error
    except RecursionError as error:
        raise too_deep() from error


def _events(text: str, loader: Any) -> Iterator[Event]:
    parser = loader(text)
    try:
        while parser.check_event():
            yield parser.get_event()
    finally:
        parser.dispose()


@dataclass(frozen=True, slots=True)
class _Size:
    """What a node stands for in full."""

    values: int = 0
    text: int = 0

    def __add__(self, other: "_Size") -> "_Size":
        return _Size(self.values + other.values, self.text + other.text)


@dataclass(frozen=True, slots=True)
class _Key:
    text: str
    merges: bool = False


@dataclass(slots=True)
class _Open:
    """A list or mapping that is being read. `key` is the mapping's key whose value comes next."""

    start: CollectionStartEvent
    size: _Size
    members: list[Any] = field(default_factory=list)
    own: dict[str, Any] = field(default_factory=dict)
    merged: list[dict[str, Any]] = field(default_factory=list)
    seen: set[_Key] = field(default_factory=set)
    key: _Key | None = None

    @property
    def is_mapping(self) -> bool:
        return isinstance(self.start, MappingStartEvent)


@dataclass(slots=True)
class _Document:
    """One reading. `open` are the collections around the present place, outermost first."""

    events: Iterator[Event]
    open: list[_Open] = field(default_factory=list)
    anchors: dict[str, tuple[Any, _Size]] = field(default_factory=dict)
    total: _Size = field(default_factory=_Size)
    root: Any = None
    documents: int = 0

    def read(self) -> Any:
        for event in self.events:
            match event:
                case DocumentStartEvent():
                    self._document(event)
                case AliasEvent():
                    self._alias(event)
                case ScalarEvent():
                    self._scalar(event)
                case CollectionStartEvent():
                    self._start(event)
                case MappingEndEvent() | SequenceEndEvent():
                    self._end(event)
        empty = self.documents == 0 or self.root == Written("")
        return {} if empty else self.root

    def _document(self, event: Event) -> None:
        self.documents += 1
        if self.documents > 1:
            raise _at(event, "DEFINITION_SYNTAX", "a definition file holds one document, not more")

    def _alias(self, event: AliasEvent) -> None:
        if event.anchor not in self.anchors:
            says = f"found undefined alias {event.anchor!r}"
            raise _at(event, "DEFINITION_SYNTAX", says)
        node, size = self.anchors[event.anchor]
        self._grow(event, size)
        self._put(event, node, size)

    def _scalar(self, event: ScalarEvent) -> None:
        _refuse_tag(event)
        size = _Size(1, len(event.value))
        self._grow(event, size)
        plain = event.style is None or event.style == ""
        node = Written(event.value) if plain else event.value
        if event.anchor:
            self.anchors[event.anchor] = (node, size)
        self._put(event, node, size)

    def _start(self, event: CollectionStartEvent) -> None:
        _refuse_tag(event)
        self._grow(event, _Size(1))
        if len(self.open) >= DEEPEST:
            raise too_deep(*_place(event))
        self.open.append(_Open(event, _Size(1)))

    def _end(self, event: Event) -> None:
        closed = self.open.pop()
        node = _mapping(closed) if closed.is_mapping else closed.members
        if closed.start.anchor:
            self.anchors[closed.start.anchor] = (node, closed.size)
        self._put(closed.start, node, closed.size)

    def _grow(self, event: Event, size: _Size) -> None:
        self.total += size
        if self.total.values > MOST_VALUES or self.total.text > MOST_TEXT:
            raise too_much(*_place(event))

    def _put(self, event: NodeEvent, node: Any, size: _Size) -> None:
        """A finished node into what is open around it."""
        if not self.open:
            self.root = node
            return
        around = self.open[-1]
        around.size += size
        if not around.is_mapping:
            around.members.append(node)
        elif around.key is None:
            around.key = _key(event, node)
            if around.key in around.seen:
                says = f"the key {around.key.text!r} is there twice"
                raise _at(event, "DEFINITION_DUPLICATE_KEY", says)
            around.seen.add(around.key)
        else:
            _value(around, around.key, event, node)
            around.key = None


def _key(event: NodeEvent, node: Any) -> _Key:
    """A key is text as written: `on`, `8080` and `~` are those letters. A quoted << merges nothing."""
    match node:
        case Written(text):
            return _Key(text, merges=text == MERGE)
        case str():
            return _Key(node)
    raise _at(event, "DEFINITION_SYNTAX", "a key has to be text")


def _value(around: _Open, key: _Key, event: NodeEvent, node: Any) -> None:
    if not key.merges:
        around.own[key.text] = node
        return
    merged = node if isinstance(node, list) else [node]
    if not all(isinstance(one, dict) for one in merged):
        says = "a merge key (<<) wants a mapping or a list of mappings"
        raise _at(event, "DEFINITION_SYNTAX", says)
    around.merged.extend(merged)


def _mapping(closed: _Open) -> dict[str, Any]:
    own = dict(closed.own)
    for merged in closed.merged:
        for key, value in merged.items():
            own.setdefault(key, value)
    return own


def _refuse_tag(event: ScalarEvent | CollectionStartEvent) -> None:
    if event.tag is None:
        return
    tag = event.tag.replace("tag:yaml.org,2002:", "!!")
    says = f"a definition file has no tags; this is the tag {tag!r}"
    raise _at(event, "DEFINITION_TAG_REFUSED", says)


def _at(event: Event, kind: str, says: str) -> DefinitionError:
    line, column = _place(event)
    return refusal(kind, says, line=line, column=column)


def _place(event: Event) -> tuple[int, int]:
    mark = event.start_mark
    return (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)
