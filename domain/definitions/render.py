"""Placeholders in start commands: {model_path}, {port}, {host}, {name}.

In a string a value is quoted for the shell, in a list it stands verbatim. `${port}`, `{{port}}`
and every other brace are left alone.
"""

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from domain.definitions.definition import Command, Definition, Model
from domain.definitions.findings import shown
from domain.definitions.quoting import quoted
from domain.definitions.values import Fault
from domain.errors import DefinitionError, Path

PLACEHOLDER = re.compile(r"(?<!\$)\{(model_path|port|host|name)\}")
ENVIRONMENT_PORT = re.compile(r"\$(PORT(?![A-Za-z0-9_])|\{PORT[^A-Za-z0-9_])")

ANY_HOST = "0.0.0.0"  # noqa: S104 - what an engine in a pod has to listen on


@dataclass(frozen=True, slots=True, kw_only=True)
class Values:
    """What the placeholders stand for where the command is to run."""

    model_path: str
    port: int
    host: str
    name: str


def own_values(model: Model) -> Values:
    """The definition's own values, as on Kubernetes. The model has to have a service."""
    assert model.service is not None
    port = model.service.port
    return Values(model_path=model.model_path, port=port, host=ANY_HOST, name=model.name)


def rendered(definition: Definition) -> Definition:
    """The definition with its commands as they run with its own values."""
    models = []
    for model in definition.models:
        service = model.service
        if service is not None:
            shown_command = command(model, own_values(model))
            service = service.model_copy(update={"start_command": shown_command})
        models.append(model.model_copy(update={"service": service}))
    return definition.model_copy(update={"models": tuple(models)})


def command(model: Model, values: Values) -> Command | None:
    """The start command with the values in it; None is the image's own.

    Raises DefinitionError, PLACEHOLDER_IN_QUOTES, where a value can't be quoted in its place.
    """
    if model.service is None or model.service.start_command is None:
        return None
    written = model.service.start_command
    texts: Mapping[str, str] = {
        "model_path": values.model_path,
        "port": str(values.port),
        "host": values.host,
        "name": values.name,
    }
    if not isinstance(written, str):
        return tuple(_filled(part, texts) for part in written)
    for name in _misplaced(written, texts, shell=model.service.shell is not None):
        raise DefinitionError(kind="PLACEHOLDER_IN_QUOTES", problem=_says(name, texts[name]) + ".")
    return _filled(written, {name: shlex.quote(text) for name, text in texts.items()})


def argv(model: Model, values: Values) -> list[str] | None:
    """What to execute; None is the image's own command. Raises as `command` does."""
    ready = command(model, values)
    if ready is None or model.service is None:
        return None
    if not isinstance(ready, str):
        return list(ready)
    shell = model.service.shell
    return shlex.split(ready) if shell is None else [shell, "-c", ready]


def has_fixed_port(command: Command | None) -> bool:
    """Whether a replica can't be told its port: the command names neither {port} nor $PORT."""
    parts = [command] if isinstance(command, str) else command or []
    return not any(
        ENVIRONMENT_PORT.search(part) or any(match[1] == "port" for match in _placeholders(part))
        for part in parts
    )


def faults(definition: Definition) -> Iterator[tuple[Path, Fault]]:
    """Each command that can't be rendered with the definition's own values."""
    for index, model in enumerate(definition.models):
        service = model.service
        if service is None or not isinstance(service.start_command, str):
            continue
        path: Path = ("models", index, "service", "start_command")
        try:
            argv(model, own_values(model))
        except DefinitionError as error:
            says = error.problem.rstrip(".")
            yield path, Fault(error.kind, (), says, service.start_command)
        except ValueError as error:
            says = f"this can't be split into words without a shell: {error}"
            yield path, Fault("OUT_OF_RANGE", (), says, service.start_command)


def _placeholders(text: str) -> Iterator[re.Match[str]]:
    for match in PLACEHOLDER.finditer(text):
        start, end = match.span()
        doubled = text[max(start - 1, 0) : start] == "{" and text[end : end + 1] == "}"
        if not doubled:
            yield match


def _filled(text: str, texts: Mapping[str, str]) -> str:
    parts: list[str] = []
    at = 0
    for match in _placeholders(text):
        parts += [text[at : match.start()], texts[match[1]]]
        at = match.end()
    return "".join([*parts, text[at:]])


def _misplaced(text: str, texts: Mapping[str, str], *, shell: bool) -> Iterator[str]:
    """The placeholders whose value has to be quoted where quotes would be text."""
    inside = quoted(text, shell=shell)
    for match in _placeholders(text):
        if inside[match.start()] and shlex.quote(texts[match[1]]) != texts[match[1]]:
            yield match[1]


def _says(name: str, value: Any) -> str:
    return f"{{{name}}} stands within quotes, and {shown(value)} needs its own; drop the quotes"
