"""Environment variables as layers say them: NAME → {"value": text}, {"secret": name} or None."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from domain.definitions import kubernetes, reading
from domain.definitions.findings import MOST_ENTRIES, finding, shown, too_many
from domain.definitions.layers import LayerKind
from domain.errors import DefinitionError, Path

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
CLUSTER = "k8s:"
CLUSTER_KEY = re.compile(r"[-A-Za-z0-9_.]{1,253}")


def entries(
    said: Sequence[Mapping[str, Any]], layer: LayerKind = LayerKind.REQUEST
) -> tuple[dict[str, dict[str, str] | None], list[DefinitionError]]:
    """The map that a list of {name, value | secret} means, and what is wrong with the others.

    `value: null` removes the name. Absent is a key that is not there.
    """
    if len(said) > MOST_ENTRIES:
        return {}, [too_many(layer, ("environment",), len(said))]
    result: dict[str, dict[str, str] | None] = {}
    seen: set[str] = set()
    errors: list[DefinitionError] = []
    for index, entry in enumerate(said):
        path: Path = ("environment", index)
        name = entry.get("name")
        value = {key: entry[key] for key in ("value", "secret") if key in entry}
        if isinstance(name, str) and name in seen:
            says = f"{name} is in the list twice"
            errors.append(finding("DUPLICATE_NAME", layer, (*path, "name"), says, value=name))
            continue
        seen.add(str(name))
        meant = None if value == {"value": None} else value
        found = list(problems(layer, name, meant, path, (*path, "name")))
        errors += found
        if not found:
            result[str(name)] = meant
    return result, errors


def problems(
    layer: LayerKind, name: Any, value: Any, path: Path, name_path: Path | None = None
) -> Iterator[DefinitionError]:
    """What is wrong with one variable that stands at `path`."""
    if not isinstance(name, str) or not NAME.fullmatch(name):
        says = f"{shown(name)} is no name of a variable: letters, digits and _, no digit first"
        yield finding("OUT_OF_RANGE", layer, name_path or path, says, value=_told(name))
    if value is None:
        return
    if not isinstance(value, Mapping) or not (
        set(value) <= {"value", "secret"} and len(value) == 1
    ):
        yield finding(
            "WRONG_TYPE",
            layer,
            path,
            "this wants exactly one of value and secret",
            value=shown(value),
        )
        return
    ((key, text),) = value.items()
    if not isinstance(text, str) or reading.text_problem(text):
        says = (
            isinstance(text, str) and reading.text_problem(text)
        ) or f"this wants text, not {shown(text)}"
        yield finding("WRONG_TYPE", layer, (*path, key), says, value=shown(text))
    elif key == "secret" and not text:
        yield finding("OUT_OF_RANGE", layer, (*path, key), "a secret's name can't be empty")


def _told(name: Any) -> Any:
    """The name as an error may carry it."""
    return None if any(reading.unstorable(name)) else name


def of_the_cluster(secret: str) -> bool:
    """Whether it is a Secret of the cluster's own, k8s:<name>/<key>, not the project's."""
    return secret.startswith(CLUSTER)


def cluster_secret(secret: str) -> tuple[str, str] | None:
    """Its name and key; None where it is written otherwise."""
    name, slash, key = secret.removeprefix(CLUSTER).partition("/")
    fits = slash and kubernetes.is_object_name(name) and CLUSTER_KEY.fullmatch(key)
    return (name, key) if of_the_cluster(secret) and fits else None
