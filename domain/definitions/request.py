"""What is asked for when a revision is previewed or added, and the layer that it makes."""

import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any, Literal

from domain import checks
from domain.definitions import environment as variables
from domain.definitions.findings import finding, shown
from domain.definitions.layers import Layer, LayerKind, Tree
from domain.definitions.variants import Variant
from domain.errors import DefinitionError, InvalidValue

MOUNT_PATH = "/models"
PATH_LIMIT = 4_096  # characters, as many as Linux takes


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderChoice:
    folder_id: str
    mount_path: str = MOUNT_PATH
    definition_path: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateChoice:
    """No version: the newest active one."""

    name: str
    version: int | None = None
    overrides: Tree = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class RevisionRequest:
    """`draft` is what the user said of the definition itself, snake_case: any of image,
    model_definition ({models}), startup_command, environment (a list of {name, value | secret})
    and resources. A key that is absent was not said, null clears.
    """

    deployment_id: str
    runtime_variant: Variant | None = None
    model_folder: FolderChoice | None = None
    template: TemplateChoice | None = None
    draft: Tree = field(default_factory=dict)
    enable_model_definition_override: bool | None = None  # None: the server's setting
    activate: bool = False
    note: str = ""
    idempotency_key: str | None = None
    expected_etag: str | None = None


def check_mount_path(request: RevisionRequest) -> None:
    path = request.model_folder.mount_path if request.model_folder else MOUNT_PATH
    checks.text(path, ("model_folder", "mount_path"), PATH_LIMIT)
    normal = posixpath.normpath(path) == path and path.isprintable()
    if not path.startswith("/") or path.startswith("//") or path == "/" or not normal:
        raise InvalidValue(
            path=("model_folder", "mount_path"),
            problem=f"{shown(path)} is no mount path: use an absolute, normal path below the root.",
        )


def check_definition_path(request: RevisionRequest) -> None:
    path = request.model_folder.definition_path if request.model_folder else None
    if path is not None:
        checks.text(path, ("model_folder", "definition_path"), PATH_LIMIT)


class Unsaid(Enum):
    """What an input leaves out, where None would mean cleared."""

    ABSENT = auto()


ABSENT = Unsaid.ABSENT
Absent = Literal[Unsaid.ABSENT]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The layer without what was wrong with how it was given."""

    layer: Layer
    errors: tuple[DefinitionError, ...]


def request_layer(
    *,
    model_definition: Mapping[str, Any] | Absent = ABSENT,
    startup_command: str | Sequence[str] | Absent | None = ABSENT,
    image: str | Absent | None = ABSENT,
    environment: Sequence[Mapping[str, Any]] | Absent | None = ABSENT,
    resources: Mapping[str, Any] | Absent | None = ABSENT,
) -> Asked:
    """The layer of an input in snake_case; `environment` is a list of {name, value | secret}.

    `startup_command` is /models/0/service/start_command. The errors are SAME_TARGET where both are
    given, and what is wrong with the list of variables.
    """
    errors: list[DefinitionError] = []
    tree: dict[str, Any] = {} if model_definition is ABSENT else dict(model_definition)
    if image is not ABSENT:
        tree["image"] = image
    if resources is not ABSENT:
        tree["resources"] = resources
    if environment is not ABSENT:
        tree["environment"] = environment
    if environment is not ABSENT and environment is not None:
        tree["environment"], wrong = variables.entries(environment)
        errors += wrong
    if startup_command is not ABSENT:
        if _has_command(tree.get("models")):
            errors.append(_same_command(startup_command))
        else:
            tree["models"] = _with_command(tree.get("models"), startup_command)
    return Asked(layer=Layer(kind=LayerKind.REQUEST, tree=tree), errors=tuple(errors))


def _has_command(models: Any) -> bool:
    first = models[0] if isinstance(models, list) and models else None
    service = first.get("service") if isinstance(first, Mapping) else None
    return isinstance(service, Mapping) and "start_command" in service


def _same_command(command: str | Sequence[str] | None) -> DefinitionError:
    path = ("models", 0, "service", "start_command")
    says = "startup_command gives the same command; give one of the two"
    return finding("SAME_TARGET", LayerKind.REQUEST, path, says, value=command)


def _with_command(models: Any, command: str | Sequence[str] | None) -> list[Any]:
    """The models with the command in the first one's service."""
    first, *others = models if isinstance(models, list) and models else [{}]
    service = first.get("service")
    if isinstance(command, Sequence) and not isinstance(command, str):
        command = list(command)
    return [{**first, "service": {**(service or {}), "start_command": command}}, *others]
