"""What is no error but worth knowing, and what a driver needs of a definition."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

from domain.definitions import resources as quantities
from domain.definitions.definition import Command, Definition
from domain.definitions.findings import shown
from domain.definitions.pointers import pointer
from domain.errors import DefinitionError

DriverKind = Literal["process", "kubernetes"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A warning about the value at a pointer of the result: LITERAL_MOUNT_PATH, MIN_RESOURCE."""

    kind: str
    pointer: str
    problem: str


def notices(
    definition: Definition, resources: Mapping[str, str], mount_path: str
) -> tuple[Notice, ...]:
    return (*_literal_mounts(definition, mount_path), *_short_resources(definition, resources))


def names_literally(command: Command | None, mount_path: str) -> bool:
    """Whether the command has the mount path itself (or a path below it) in its text."""
    parts = [command] if isinstance(command, str) else command or []
    path = re.escape(mount_path.rstrip("/"))
    # Not within a longer path: /models is neither in /data/models nor in /models2.
    found = re.compile(rf"(?<![\w./-]){path}(?![\w.-])")
    return any(found.search(part) for part in parts) if path else False


def needs_image(
    definition: Definition, image: str | None, driver: DriverKind
) -> tuple[DefinitionError, ...]:
    """NEEDS_IMAGE: Kubernetes runs nothing without an image, a process has no image's command."""
    if driver == "kubernetes":
        return (
            () if image else (_needs_image("/image", "Kubernetes needs an image; none is given"),)
        )
    return tuple(
        _needs_image(
            pointer(("models", index, "service", "start_command")),
            "a process needs a start command: the image's own runs only where there is an image",
        )
        for index, model in enumerate(definition.models)
        if model.service is not None and model.service.start_command is None
    )


def _needs_image(at: str, says: str) -> DefinitionError:
    return DefinitionError(kind="NEEDS_IMAGE", pointer=at, problem=f"{at}: {says}.")


def _literal_mounts(definition: Definition, mount_path: str) -> Iterator[Notice]:
    for index, model in enumerate(definition.models):
        if model.service and names_literally(model.service.start_command, mount_path):
            says = f"the command names {mount_path} itself; where processes run it does not exist"
            yield Notice(
                kind="LITERAL_MOUNT_PATH",
                pointer=pointer(("models", index, "service", "start_command")),
                problem=f"{says}. Write {{model_path}} instead.",
            )


def _short_resources(definition: Definition, resources: Mapping[str, str]) -> Iterator[Notice]:
    for index, model in enumerate(definition.models):
        wanted = model.metadata.min_resource if model.metadata else {}
        for key, least in wanted.items():
            name = quantities.MEANT.get(key.lower(), key)
            given = quantities.amount(resources[name]) if name in resources else None
            needed = _amount(name, least)
            if given is not None and needed is not None and given < needed:
                yield Notice(
                    kind="MIN_RESOURCE",
                    pointer=pointer(("models", index, "metadata", "min_resource", key)),
                    problem=f"the model asks for {shown(least)} of {key}, the revision has "
                    f"{resources[name]}.",
                )


def _amount(name: str, least: Any) -> Decimal | None:
    """A min_resource as people write it: 4, "500m", "8Gi", or of memory "8g" meaning 8Gi."""
    text = quantities.text(least)
    if not isinstance(text, str):
        return None
    better = quantities.binary(text) if name == "memory" else None
    return quantities.amount(better or text)
