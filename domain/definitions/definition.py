"""The model definition: the one list of its fields, their ranges and their defaults.

Drafts, files and GraphQL inputs are checked against these classes; nothing else lists the fields.
"""

import json
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer

Text = Annotated[str, Field(min_length=1)]
LONGEST_COMMAND = 128 * 1024  # characters: Linux takes no longer argument

CommandText = Annotated[str, Field(min_length=1, max_length=LONGEST_COMMAND)]
Command = CommandText | Annotated[tuple[str, ...], Field(min_length=1)]  # for the shell, or argv
ActionName = Literal["write_file", "write_tempfile", "run_command", "mkdir", "log"]


def short(number: float) -> float | int:
    """A whole number of seconds without its `.0`, as people write it."""
    return int(number) if number.is_integer() else number


Seconds = Annotated[float, Field(le=1e9, allow_inf_nan=False), PlainSerializer(short)]

NULL_STAYS: Final = "null is itself a value of this field, not a cleared one"


class Part(BaseModel):
    """What all parts share: frozen, strict, closed. Field aliases are other spellings in files."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", populate_by_name=True)


class PreStartAction(Part):
    """What is done before the engine starts: write a file, make a folder, run a command."""

    action: ActionName
    args: dict[str, Any] = {}


class HealthCheck(Part):
    """How a replica's health is probed over HTTP."""

    enable: bool = True
    path: Annotated[str, Field(pattern=r"^/")] = "/health"
    interval: Annotated[Seconds, Field(gt=0)] = 10.0
    max_retries: Annotated[int, Field(ge=0, le=1_000_000)] = 10
    max_wait_time: Annotated[Seconds, Field(gt=0)] = 15.0  # one probe's timeout
    expected_status_code: Annotated[int, Field(ge=100, le=599)] = 200
    initial_delay: Annotated[Seconds, Field(ge=0)] = 60.0  # grace after start: failures don't count


class Service(Part):
    """How the model is started and where it listens."""

    pre_start_actions: tuple[PreStartAction, ...] = ()
    start_command: Annotated[Command | None, NULL_STAYS] = None  # None: the image's own
    shell: Annotated[Text | None, NULL_STAYS] = "/bin/bash"  # None: no shell
    port: Annotated[int, Field(ge=1, le=65535)]
    # None: ready when the port accepts a connection
    health_check: Annotated[HealthCheck | None, NULL_STAYS] = None


class Metadata(Part):
    """What people say of a model; nothing of it changes how it runs."""

    author: str | None = None
    title: str | None = None
    version: int | str | None = None
    created: str | None = Field(default=None, alias="created_at")
    last_modified: str | None = Field(default=None, alias="modified_at")
    description: str | None = None
    task: str | None = None
    category: str | None = None
    architecture: str | None = None
    framework: tuple[str, ...] = ()
    label: tuple[str, ...] = ()
    license: str | None = None
    min_resource: dict[str, Any] = {}


class Model(Part):
    """One model that the deployment serves."""

    name: Text
    model_path: Text
    service: Service | None = None
    metadata: Metadata | None = Field(default=None, alias="info")


class Definition(Part):
    """How a deployment's models are served, in full."""

    models: Annotated[tuple[Model, ...], Field(min_length=1)]


class Root(Definition):
    """What a layer may speak of: the definition, and beside it what it runs in.

    `environment` maps a name to {"value": text} or {"secret": name}; `resources` maps a key to a
    Kubernetes quantity.
    """

    image: Text | None = None
    environment: dict[str, dict[str, str]] = {}
    resources: dict[str, str] = {}


def document(definition: Definition) -> dict[str, Any]:
    """The JSON form in the files' own spelling (snake_case), defaults filled in."""
    return definition.model_dump(mode="json")


def of(document: Mapping[str, Any]) -> Definition:
    """The definition of a JSON form; lists come in as JSON has them."""
    return Definition.model_validate_json(json.dumps(document))
