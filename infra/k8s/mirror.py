"""What a cluster has, as far as its lists and events tell: whatever comes twice or late changes nothing."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from infra.k8s.kinds import Object

REMEMBERED = 10_000
"""Objects that are gone, lest a late event bring one back; a list makes them needless."""

Key = tuple[str, str]
"""Namespace ("" where it lies in none) and name."""


@dataclass(frozen=True, slots=True)
class Change:
    """The object as it is, or as it was last seen."""

    object: Object
    gone: bool


@dataclass(slots=True)
class Mirror:
    """`version`: all up to there is known; None: nothing is."""

    version: str | None = None
    objects: dict[Key, Object] = field(default_factory=dict)
    index: str | None = None  # a label, by whose value objects are found without a search
    _labelled: dict[str, dict[Key, Object]] = field(default_factory=dict)
    _listed: int = 0
    _gone: dict[Key, int] = field(default_factory=dict)

    def replace(self, objects: Collection[Object], version: str) -> list[Change]:
        """All there is at that version, and nothing else."""
        before = self.objects
        self.objects, self._labelled = {}, {}
        for each in objects:
            self._put(key(each), slim(each))
        self.version, self._listed, self._gone = version, number(version), {}
        changes = [Change(old, gone=True) for old in _missing(before, self.objects)]
        for at, new in self.objects.items():
            old = before.get(at)
            if old is None or _version(old) != _version(new) or _uid(old) != _uid(new):
                changes.append(Change(new, gone=False))
        return changes

    def labelled(self, value: str) -> Collection[Object]:
        """Those whose label, which is the index, has this value."""
        return self._labelled.get(value, {}).values()

    def take(self, event: Mapping[str, Any]) -> list[Change]:
        """An event of a watch."""
        told: Object = event["object"]
        if event["type"] == "BOOKMARK":
            self._reach(told)
            return []
        at = key(told)
        old = self.objects.get(at)
        if event["type"] == "DELETED":
            changes = self._without(at, old, told)
        elif self._is_news(at, old, told):
            changes = self._with(at, old, slim(told))
        else:
            changes = []
        self._reach(told)
        return changes

    def _put(self, at: Key, new: Object) -> None:
        self.objects[at] = new
        if (value := self._value(new)) is not None:
            self._labelled.setdefault(value, {})[at] = new

    def _drop(self, at: Key) -> None:
        old = self.objects.pop(at, None)
        if old is None or (value := self._value(old)) is None:
            return
        del self._labelled[value][at]
        if not self._labelled[value]:
            del self._labelled[value]

    def _value(self, each: Object) -> str | None:
        labels = each["metadata"].get("labels") or {}
        return None if self.index is None else labels.get(self.index)

    def _with(self, at: Key, old: Object | None, new: Object) -> list[Change]:
        self._drop(at)
        self._put(at, new)
        self._gone.pop(at, None)
        changed = [Change(new, gone=False)]
        if old is not None and _uid(old) != _uid(new):
            return [Change(old, gone=True), *changed]
        return changed

    def _without(self, at: Key, old: Object | None, last: Object) -> list[Change]:
        """Its version is that of its end; where a label took it out of our sight, of what did."""
        if old is not None and number(_version(last)) < number(_version(old)):
            return []
        self._gone[at] = max(number(_version(last)), self._gone.pop(at, 0))
        while len(self._gone) > REMEMBERED:
            del self._gone[next(iter(self._gone))]
        if old is None:
            return []
        self._drop(at)
        return [Change(slim(last), gone=True)]

    def _is_news(self, at: Key, old: Object | None, new: Object) -> bool:
        known = max(self._listed, self._gone.get(at, 0), number(_version(old)) if old else 0)
        return number(_version(new)) > known

    def _reach(self, object: Object) -> None:
        if number(_version(object)) > number(self.version or "0"):
            self.version = _version(object)


def key(object: Object) -> Key:
    metadata = object["metadata"]
    return metadata.get("namespace", ""), metadata["name"]


def number(version: str) -> int:
    """Versions of one kind's objects can be compared (KEP-5504; etcd's revisions always could)."""
    return int(version)


def slim(object: Object) -> Object:
    """Without who set which field: that is half of it."""
    metadata = object["metadata"]
    if "managedFields" not in metadata:
        return object
    return {**object, "metadata": {k: v for k, v in metadata.items() if k != "managedFields"}}


def _missing(before: Mapping[Key, Object], after: Mapping[Key, Object]) -> Iterator[Object]:
    """Those of before that are gone, and those whose name another one has now."""
    for at, old in before.items():
        if at not in after or _uid(after[at]) != _uid(old):
            yield old


def _version(object: Object) -> str:
    return str(object["metadata"]["resourceVersion"])


def _uid(object: Object) -> str:
    return str(object["metadata"]["uid"])
