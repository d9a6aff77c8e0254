"""The request's layer: what the input of addModelRevision says of the definition."""

from collections.abc import Mapping, Sequence
from enum import Enum, auto
from typing import Any, Literal

from domain.definitions import environment as variables
from domain.definitions.findings import finding
from domain.definitions.layers import Layer, LayerKind
from domain.errors import Refused


class Unsaid(Enum):
    """What an input leaves out, where None would mean cleared."""

    ABSENT = auto()


ABSENT = Unsaid.ABSENT
Absent = Literal[Unsaid.ABSENT]


def request_layer(
    *,
    model_definition: Mapping[str, Any] | Absent = ABSENT,
    startup_command: str | Sequence[str] | Absent | None = ABSENT,
    image: str | Absent | None = ABSENT,
    environment: Sequence[Mapping[str, Any]] | Absent | None = ABSENT,
    resources: Mapping[str, Any] | Absent | None = ABSENT,
) -> Layer:
    """The layer of an input in snake_case; `environment` is a list of {name, value | secret}.

    `startup_command` is /models/0/service/start_command. Raises Refused: SAME_TARGET where both
    are given, and what is wrong with the list of variables.
    """
    tree: dict[str, Any] = {} if model_definition is ABSENT else dict(model_definition)
    if image is not ABSENT:
        tree["image"] = image
    if resources is not ABSENT:
        tree["resources"] = resources
    if environment is not ABSENT:
        tree["environment"] = None if environment is None else variables.entries(environment)
    if startup_command is not ABSENT:
        tree["models"] = _with_command(tree.get("models"), startup_command)
    return Layer(kind=LayerKind.REQUEST, tree=tree)


def _with_command(models: Any, command: str | Sequence[str] | None) -> list[Any]:
    """The models with the command in the first one's service, which may not have one."""
    first, *others = models if isinstance(models, list) and models else [{}]
    service = first.get("service") if isinstance(first, Mapping) else None
    if isinstance(service, Mapping) and "start_command" in service:
        path = ("models", 0, "service", "start_command")
        says = "startup_command gives the same command; give one of the two"
        error = finding("SAME_TARGET", LayerKind.REQUEST, path, says, value=command)
        raise Refused(errors=(error,))
    if isinstance(command, Sequence) and not isinstance(command, str):
        command = list(command)
    return [{**first, "service": {**(service or {}), "start_command": command}}, *others]
