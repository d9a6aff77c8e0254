"""Model definitions: the domain's classes as GraphQL types and inputs, field by field.

The output types describe the domain's own objects, which are returned as they are. A test compares
the fields of both, in both directions.
"""

from strawberry import Maybe

from schema import versions
from schema.enums import LayerKind, PreStartActionName, Variant
from schema.scalars import JSON, Command, IntOrString, JSONPointer


@versions.type(added="0.1.0")
class PreStartAction:
    """What is done before the engine starts."""

    action: PreStartActionName
    args: JSON


@versions.type(added="0.1.0")
class HealthCheck:
    """How a replica's health is probed over HTTP."""

    enable: bool = versions.field(description="False: as if there were no health check.")
    path: str = versions.field(description="The path that is asked for.")
    interval: float = versions.field(description="Seconds between probes.")
    max_retries: int = versions.field(description="Failures in a row until a replica is unhealthy.")
    max_wait_time: float = versions.field(description="Seconds that one probe may take.")
    expected_status_code: int = versions.field(description="The HTTP status of a healthy answer.")
    initial_delay: float = versions.field(
        description="Seconds after the start in which failures do not count."
    )


@versions.type(added="0.1.0")
class ModelService:
    """How a model is started and where it listens."""

    pre_start_actions: list[PreStartAction] = versions.field(
        description="Done in order before the command starts."
    )
    start_command: Command | None = versions.field(description="Null: the image's own.")
    shell: str | None = versions.field(description="What runs a command that is a string.")
    port: int = versions.field(description="Where the engine listens.")
    health_check: HealthCheck | None = versions.field(
        description="Null: a replica is ready when its port accepts a connection."
    )


@versions.type(added="0.1.0")
class ModelMetadata:
    """What people say of a model; nothing of it changes how it runs."""

    author: str | None
    title: str | None
    version: IntOrString | None
    created: str | None
    last_modified: str | None
    description: str | None
    task: str | None
    category: str | None
    architecture: str | None
    framework: list[str]
    label: list[str]
    license: str | None
    min_resource: JSON


@versions.type(added="0.1.0")
class Model:
    """One model that a deployment serves."""

    name: str = versions.field(description="What clients call the model.")
    model_path: str = versions.field(description="Where the model's files are for the engine.")
    service: ModelService | None = versions.field(
        description="How it is started and where it listens."
    )
    metadata: ModelMetadata | None = versions.field(description="What people say of it.")


@versions.type(added="0.1.0")
class ModelDefinition:
    """How a deployment's models are served, in full; commands are as stored, with placeholders."""

    models: list[Model]


@versions.type(added="0.1.0")
class ShadowedValue:
    """A value that a higher layer replaced."""

    layer: LayerKind = versions.field(description="The layer that said it.")
    value: JSON | None = versions.field(description="What it said.")


@versions.type(added="0.1.0")
class ValueOrigin:
    """Which layer set the value at a pointer, and what it hid."""

    pointer: JSONPointer = versions.field(description="The place, in the file's spelling.")
    layer: LayerKind = versions.field(description="The layer that set the value.")
    value: JSON | None = versions.field(description="The value that holds.")
    shadowed: list[ShadowedValue] = versions.field(description="Highest layer first.")


@versions.type(added="0.1.0")
class DefinitionLayer:
    """A layer as its author wrote it."""

    kind: LayerKind = versions.field(name="layer")
    source: str = versions.field(description="Where it came from, e.g. vllm, llama@3, or a file.")
    sha256: str | None = versions.field(description="Of the text, in hex.")
    text: str | None = versions.field(
        description="Null for a layer that was looked for and said nothing."
    )


@versions.type(added="0.1.0")
class DefinitionNotice:
    """Nothing is wrong, but the author may want to know."""

    kind: str = versions.field(name="code")
    pointer: JSONPointer
    problem: str = versions.field(name="message")


@versions.type(added="0.1.0")
class DefinitionDifference:
    """A pointer at which two sides differ; null where a side has no value there."""

    pointer: JSONPointer
    before: ValueOrigin | None
    after: ValueOrigin | None


@versions.type(added="0.1.0")
class RuntimeVariantProfile:
    """What a runtime variant generates when no other layer says otherwise."""

    variant: Variant
    model_name: str | None = versions.field(
        description="The name of the one model; null where none is generated."
    )
    port: int | None = versions.field(description="Where the engine listens.")
    health_path: str | None = versions.field(description="What is asked for its health.")
    start_command: Command | None = versions.field(
        description="With placeholders such as {port}; null is the image's own."
    )
    description: str = versions.field(description="For people: what it runs.")


@versions.input(added="0.1.0")
class PreStartActionInput:
    action: Maybe[PreStartActionName | None]
    args: Maybe[JSON | None]


@versions.input(added="0.1.0")
class HealthCheckInput:
    """Absent keeps what lower layers said; null clears it."""

    enable: Maybe[bool | None]
    path: Maybe[str | None]
    interval: Maybe[float | None]
    max_retries: Maybe[int | None]
    max_wait_time: Maybe[float | None]
    expected_status_code: Maybe[int | None]
    initial_delay: Maybe[float | None]


@versions.input(added="0.1.0")
class ModelServiceInput:
    """Absent keeps what lower layers said; null clears it (for three fields null is a value)."""

    pre_start_actions: Maybe[list[PreStartActionInput] | None] = versions.field(
        description="Replaces all of them."
    )
    start_command: Maybe[Command | None] = versions.field(
        description="A string for the shell, or a list of strings that goes through no shell."
    )
    shell: Maybe[str | None]
    port: Maybe[int | None] = versions.field(description="Where the engine listens.")
    health_check: Maybe[HealthCheckInput | None] = versions.field(
        description="Merges field by field."
    )


@versions.input(added="0.1.0")
class ModelMetadataInput:
    """Absent keeps what lower layers said; null clears it."""

    author: Maybe[str | None]
    title: Maybe[str | None]
    version: Maybe[IntOrString | None]
    created: Maybe[str | None]
    last_modified: Maybe[str | None]
    description: Maybe[str | None]
    task: Maybe[str | None]
    category: Maybe[str | None]
    architecture: Maybe[str | None]
    framework: Maybe[list[str] | None]
    label: Maybe[list[str] | None]
    license: Maybe[str | None]
    min_resource: Maybe[JSON | None]


@versions.input(added="0.1.0")
class ModelInput:
    """Merges into the lower layers' model of this name, else into the one at its position."""

    name: Maybe[str | None] = versions.field(description="What clients call the model.")
    model_path: Maybe[str | None] = versions.field(
        description="Where the model's files are for the engine."
    )
    service: Maybe[ModelServiceInput | None] = versions.field(description="Merges field by field.")
    metadata: Maybe[ModelMetadataInput | None]


@versions.input(added="0.1.0")
class ModelDefinitionInput:
    """The request's own layer of a definition: it says what it changes, and no more."""

    models: Maybe[list[ModelInput] | None] = versions.field(
        description="Merge by name, then by position."
    )
