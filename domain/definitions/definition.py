"""The model definition: the one list of its fields, their ranges and their defaults.

Drafts, files and GraphQL inputs are checked against these classes; nothing else lists the fields.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Command = str | tuple[str, ...]  # a string runs in the shell, a list is argv
ActionName = Literal["write_file", "write_tempfile", "run_command", "mkdir", "log"]
Seconds = Annotated[float, Field(ge=0)]


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
    interval: Annotated[float, Field(gt=0)] = 10.0
    max_retries: Annotated[int, Field(ge=0)] = 10
    max_wait_time: Annotated[float, Field(gt=0)] = 15.0  # one probe's timeout
    expected_status_code: Annotated[int, Field(ge=100, le=599)] = 200
    initial_delay: Seconds = 60.0  # grace after start: failures don't count


class Service(Part):
    """How the model is started and where it listens."""

    pre_start_actions: tuple[PreStartAction, ...] = ()
    start_command: Command | None = None  # None: the image's own
    shell: str | None = "/bin/bash"  # None: no shell
    port: Annotated[int, Field(ge=1, le=65535)]
    health_check: HealthCheck | None = None  # None: ready when the port accepts a connection


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

    name: Annotated[str, Field(min_length=1)]
    model_path: Annotated[str, Field(min_length=1)]
    service: Service | None = None
    metadata: Metadata | None = Field(default=None, alias="info")


class Definition(Part):
    """How a deployment's models are served, in full."""

    models: Annotated[tuple[Model, ...], Field(min_length=1)]
