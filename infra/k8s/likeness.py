"""Whether a cluster kept what it was sent: pure, and of the forms in which the API writes things.

What it adds, as defaults, is fine; so is a list's order where the API merges the list by keys.
"""

from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from infra.k8s.kinds import Object
from infra.k8s.quantities import amount

QUANTITIES = frozenset({"limits", "requests", "hard", "overhead", "capacity"})
"""Maps of quantities by resource."""
QUANTITY = frozenset({"sizeLimit", "divisor"})
INT_OR_STRING = frozenset({"port", "targetPort", "maxSurge", "maxUnavailable", "minAvailable"})
PLAIN = frozenset({"readOnly", "hostNetwork", "hostPID", "hostIPC", "stdin", "stdinOnce", "tty"})
PLAIN |= {
    "paused",
    "publishNotReadyAddresses",
    "minReadySeconds",
    "initialDelaySeconds",
    "hostPort",
}
"""Fields whose zero is not written: of others it means something else than what is not said."""
KEYS: Mapping[str, tuple[str, ...]] = {
    "containers": ("name",),
    "initContainers": ("name",),
    "volumes": ("name",),
    "env": ("name",),
    "imagePullSecrets": ("name",),
    "secrets": ("name",),
    "volumeMounts": ("mountPath",),
    "volumeDevices": ("devicePath",),
    "hostAliases": ("ip",),
    "ownerReferences": ("uid",),
    "topologySpreadConstraints": ("topologyKey", "whenUnsatisfiable"),
}
"""By which of its fields an entry of a list is known."""
SETS = frozenset({"finalizers", "accessModes"})

Path = tuple[str, ...]


def dropped(sent: Object, got: Object) -> tuple[str, ...]:
    """JSON pointers to the fields of `sent` that `got` lacks or has otherwise."""
    return tuple(_pointer(path) for path in _differences(_written(sent), got, ()))


def _written(sent: Object) -> Object:
    """A Secret's text comes back encoded."""
    if sent.get("kind") != "Secret" or not sent.get("stringData"):
        return sent
    encoded = {k: b64encode(v.encode()).decode() for k, v in sent["stringData"].items()}
    return {
        **{k: v for k, v in sent.items() if k != "stringData"},
        "data": {**sent.get("data", {}), **encoded},
    }


def _differences(sent: Any, got: Any, path: Path) -> Iterator[Path]:
    match sent, got:
        case Mapping(), Mapping():
            for key, value in sent.items():
                at = (*path, str(key))
                if key in got:
                    yield from _differences(value, got[key], at)
                elif not _is_pruned(value, str(key)):
                    yield at
        case str(), str() if not _same(sent, got, path):
            yield path
        case str(), str():
            pass
        case Sequence(), Sequence():
            yield from _of_lists(sent, got, path)
        case _ if not _same(sent, got, path):
            yield path


def _is_pruned(value: Any, key: str) -> bool:
    """Whether the API writes nothing for it."""
    if value is None or (isinstance(value, str | Mapping | Sequence) and not value):
        return True
    return not value and key in PLAIN


def _same(sent: Any, got: Any, path: Path) -> bool:
    if isinstance(sent, bool) or isinstance(got, bool):
        return sent is got
    if sent == got:
        return True
    if _is_quantity(path):
        left, right = amount(sent), amount(got)
        return left is not None and left == right
    if path and path[-1] in INT_OR_STRING:
        return str(sent) == str(got)
    return _is_pruned(sent, path[-1] if path else "") and _is_pruned(got, "")


def _is_quantity(path: Path) -> bool:
    return bool(path) and (path[-1] in QUANTITY or bool(QUANTITIES & set(path[-2:-1])))


def _of_lists(sent: Sequence[Any], got: Sequence[Any], path: Path) -> Iterator[Path]:
    name = path[-1] if path else ""
    if name in SETS:
        yield from ((*path, str(i)) for i, each in enumerate(sent) if each not in got)
    elif keys := _keys(name, sent):
        known = {_identity(each, keys): each for each in got}
        for i, each in enumerate(sent):
            at = (*path, str(i))
            if (other := known.get(_identity(each, keys))) is None:
                yield at
            else:
                yield from _differences(each, other, at)
    elif len(sent) != len(got):
        yield path
    else:
        for i, (each, other) in enumerate(zip(sent, got, strict=True)):
            yield from _differences(each, other, (*path, str(i)))


def _keys(name: str, entries: Sequence[Any]) -> tuple[str, ...]:
    if not all(isinstance(entry, Mapping) for entry in entries):
        return ()
    if name == "ports":  # of a container, or of a Service
        return ("containerPort" if "containerPort" in entries[0] else "port", "protocol")
    keys = KEYS.get(name, ())
    return keys if all(key in entry for entry in entries for key in keys) else ()


def _identity(entry: Any, keys: Sequence[str]) -> tuple[Any, ...]:
    return tuple(entry.get(key, "TCP" if key == "protocol" else None) for key in keys)


def _pointer(path: Path) -> str:
    return "".join("/" + step.replace("~", "~0").replace("/", "~1") for step in path)
