"""How the pods of a revision are scheduled, and what they run as: what only Kubernetes asks."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any

from domain.errors import InvalidValue, Path, Refused

MOST = 64  # entries of one list
HIGHEST_USER = 2**31 - 1
LONGEST_TOLERATION = 2**31 - 1  # seconds

_PART = r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
_LABEL_NAME = re.compile(_PART)
_SUBDOMAIN = re.compile(
    r"(?=.{1,253}\Z)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*"
)


class TolerationOperator(StrEnum):
    EQUAL = "Equal"
    EXISTS = "Exists"


class TaintEffect(StrEnum):
    NO_SCHEDULE = "NoSchedule"
    PREFER_NO_SCHEDULE = "PreferNoSchedule"
    NO_EXECUTE = "NoExecute"


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeLabel:
    key: str
    value: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Toleration:
    """As Kubernetes means it: no key with EXISTS is every taint, no effect is every effect, no seconds is
    for ever."""

    key: str = ""
    operator: TolerationOperator = TolerationOperator.EQUAL
    value: str = ""
    effect: TaintEffect | None = None
    toleration_seconds: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KubernetesUse:
    """`queue` is a LocalQueue of Kueue's. `run_as_non_root` None leaves it to the operator's setting,
    `run_as_user` None to the image."""

    node_selector: tuple[NodeLabel, ...] = ()
    tolerations: tuple[Toleration, ...] = ()
    runtime_class: str | None = None
    service_account: str | None = None
    image_pull_secrets: tuple[str, ...] = ()
    run_as_non_root: bool | None = None
    run_as_user: int | None = None
    queue: str | None = None
    priority_class: str | None = None


PLAIN = KubernetesUse()


def said(use: KubernetesUse) -> dict[str, Any]:
    """What is not as it is where nobody says anything, as JSON has it: a field that a later version adds
    changes no digest of an older revision."""
    found = _changed(use, PLAIN)
    if use.node_selector:
        found["node_selector"] = {label.key: label.value for label in use.node_selector}
    if use.tolerations:
        found["tolerations"] = [_changed(each, Toleration()) for each in use.tolerations]
    if use.image_pull_secrets:
        found["image_pull_secrets"] = list(use.image_pull_secrets)
    return found


def check(use: KubernetesUse, path: Path = ("kubernetes",)) -> None:
    """Raises Refused with all that Kubernetes would not take."""
    errors = tuple(_problems(use))
    if errors:
        raise Refused(
            errors=tuple(InvalidValue(path=(*path, *at), problem=says) for at, says in errors)
        )


Problem = tuple[Path, str]


def _problems(use: KubernetesUse) -> Iterator[Problem]:
    yield from _node_selector(use.node_selector)
    if len(use.tolerations) > MOST:
        yield ("tolerations",), f"More than {MOST} tolerations."
    for place, toleration in enumerate(use.tolerations[:MOST]):
        for at, says in _toleration(toleration):
            yield ("tolerations", place, *at), says
    yield from _image_pull_secrets(use.image_pull_secrets)
    for name in ("runtime_class", "service_account", "priority_class"):
        yield from _named(getattr(use, name), (name,))
    if use.queue is not None and not _LABEL_NAME.fullmatch(use.queue):
        yield ("queue",), f"{_shown(use.queue)} is no queue's name: {_LABEL_RULE}."
    yield from _user(use)


def _node_selector(labels: Sequence[NodeLabel]) -> Iterator[Problem]:
    if len(labels) > MOST:
        yield ("node_selector",), f"More than {MOST} labels."
    seen: set[str] = set()
    for place, label in enumerate(labels[:MOST]):
        at: Path = ("node_selector", place)
        if not is_label_key(label.key):
            yield (*at, "key"), f"{_shown(label.key)} is no label's key: {_KEY_RULE}."
        if not is_label_value(label.value):
            yield (*at, "value"), f"{_shown(label.value)} is no label's value: {_LABEL_RULE}."
        if label.key in seen:
            yield (*at, "key"), f"{_shown(label.key)} is in the list twice."
        seen.add(label.key)


def _toleration(said: Toleration) -> Iterator[Problem]:
    if said.key and not is_label_key(said.key):
        yield ("key",), f"{_shown(said.key)} is no taint's key: {_KEY_RULE}."
    if not said.key and said.operator is not TolerationOperator.EXISTS:
        yield ("operator",), "Without a key only EXISTS can be meant: it tolerates every taint."
    if said.operator is TolerationOperator.EXISTS and said.value:
        yield ("value",), "With EXISTS there is no value to compare."
    elif not is_label_value(said.value):
        yield ("value",), f"{_shown(said.value)} is no taint's value: {_LABEL_RULE}."
    seconds = said.toleration_seconds
    if seconds is None:
        return
    if said.effect is not TaintEffect.NO_EXECUTE:
        yield ("toleration_seconds",), "Only with NO_EXECUTE there is something to wait for."
    if not 0 <= seconds <= LONGEST_TOLERATION:
        says = f"{seconds} is not between 0 and {LONGEST_TOLERATION}."
        yield ("toleration_seconds",), says


def _image_pull_secrets(names: Sequence[str]) -> Iterator[Problem]:
    if len(names) > MOST:
        yield ("image_pull_secrets",), f"More than {MOST} names."
    seen: set[str] = set()
    for place, name in enumerate(names[:MOST]):
        at: Path = ("image_pull_secrets", place)
        yield from _named(name, at)
        if name in seen:
            yield at, f"{_shown(name)} is in the list twice."
        seen.add(name)


def _user(use: KubernetesUse) -> Iterator[Problem]:
    user = use.run_as_user
    if user is None:
        return
    if not 0 <= user <= HIGHEST_USER:
        yield ("run_as_user",), f"{user} is not between 0 and {HIGHEST_USER}."
    if user == 0 and use.run_as_non_root:
        yield ("run_as_user",), "0 is root, and run_as_non_root is set: name another user."


def _named(name: str | None, at: Path) -> Iterator[Problem]:
    if name is not None and not is_object_name(name):
        yield at, f"{_shown(name)} is no name of an object: {_NAME_RULE}."


_NAME_RULE = "use 1 to 253 of a-z, 0-9, - and ., with a letter or digit at both ends of each part"
_LABEL_RULE = "use up to 63 letters, digits, -, _ and ., with a letter or digit at both ends"
_KEY_RULE = f"{_LABEL_RULE}; before it there may be a domain and /"


def is_object_name(text: str) -> bool:
    """What most objects of a cluster may be called (a DNS subdomain)."""
    return _SUBDOMAIN.fullmatch(text) is not None


def is_label_key(text: str) -> bool:
    domain, slash, name = text.rpartition("/")
    return bool(_LABEL_NAME.fullmatch(name)) and (not slash or is_object_name(domain))


def is_label_value(text: str) -> bool:
    return not text or _LABEL_NAME.fullmatch(text) is not None


def _changed(value: KubernetesUse | Toleration, plain: object) -> dict[str, Any]:
    held = {each.name: getattr(value, each.name) for each in fields(value)}
    return {
        name: member.value if isinstance(member, StrEnum) else member
        for name, member in held.items()
        if member != getattr(plain, name)
    }


def _shown(text: str) -> str:
    return repr(text if len(text) <= 80 else text[:80] + "…")
