"""What lists of revisions are filtered by, and what a revision is resolved from."""

from datetime import datetime
from enum import Enum

import strawberry
from strawberry import Maybe

from schema import versions
from schema.definitions import (
    ModelDefinitionInput,
)
from schema.enums import Variant
from schema.lists import DateTimeFilter, IDFilter, IntFilter, OrderDirection, StringFilter
from schema.scalars import JSON, Command
from schema.templates import RuntimeVariantFilter


class ModelRevisionOrderField(Enum):
    CREATED_AT = "created_at"
    NUMBER = "number"


versions.enum(ModelRevisionOrderField, added="0.1.0")
ORDER_KINDS: dict[str, type] = {"created_at": datetime, "number": int}


@versions.input(added="0.1.0")
class ModelRevisionOrder:
    field: ModelRevisionOrderField
    direction: OrderDirection | None = versions.field(description="ASC unless said.")


@versions.input(added="0.1.0")
class ModelRevisionFilter:
    """All that is said must hold."""

    id: IDFilter | None
    deployment_id: IDFilter | None
    number: IntFilter | None
    digest: StringFilter | None
    variant: RuntimeVariantFilter | None = versions.field(name="runtimeVariant")
    note: StringFilter | None
    created_by: StringFilter | None
    created_at: DateTimeFilter | None
    and_: list["ModelRevisionFilter"] | None = versions.field(name="and")
    or_: list["ModelRevisionFilter"] | None = versions.field(name="or")
    not_: "ModelRevisionFilter | None" = versions.field(name="not")


@versions.input(added="0.1.0")
class ModelFolderChoiceInput:
    """The model folder that is mounted."""

    folder_id: strawberry.ID = versions.field(description="The model folder's id.")
    mount_path: str | None = versions.field(description="/models unless said.")
    definition_path: str | None = versions.field(
        description="The definition file; else the first of the usual names."
    )


@versions.input(added="0.1.0")
class DeploymentTemplateChoiceInput:
    name: str = versions.field(description="The template's name.")
    version: int | None = versions.field(description="The newest active one unless said.")
    overrides: JSON | None = versions.field(
        description="A draft in the spec's spelling, within what the template allows."
    )


@versions.input(added="0.1.0")
class EnvironmentVariableInput:
    """Exactly one of value and secret; a null value removes what lower layers said."""

    name: str = versions.field(description="Letters, digits and _, no digit first.")
    value: Maybe[str | None] = versions.field(
        description="The value itself; for what is secret, name a secret instead."
    )
    secret: Maybe[str | None] = versions.field(description="A secret's name.")


@versions.input(added="0.1.0")
class AddModelRevisionInput:
    """What the revision is resolved from. Absent was not said; null clears what lower layers said."""

    deployment_id: strawberry.ID = versions.field(
        description="The deployment that gets the revision."
    )
    runtime_variant: Variant | None = versions.field(
        description="What the definition starts from; the template's where one is named."
    )
    model_folder: ModelFolderChoiceInput | None = versions.field(
        description="The folder to mount, whose definition file is the FOLDER layer."
    )
    template: DeploymentTemplateChoiceInput | None = versions.field(
        description="The template whose spec is the TEMPLATE layer."
    )
    image: Maybe[str | None] = versions.field(description="The container image to run.")
    model_definition: Maybe[ModelDefinitionInput | None] = versions.field(
        description="What the request itself says of the models: the REQUEST layer."
    )
    startup_command: Maybe[Command | None] = versions.field(
        description="Short for the first model's startCommand."
    )
    environment: Maybe[list[EnvironmentVariableInput] | None] = versions.field(
        description="Variables of the replicas; each merges with the lower layers by its name."
    )
    resources: Maybe[JSON | None] = versions.field(
        description="Kubernetes quantities by resource: cpu, memory, vendor/name; null removes."
    )
    enable_model_definition_override: bool | None = versions.field(
        description="Whether a variant other than CUSTOM reads the folder's definition file."
    )
    activate: bool | None = versions.field(description="Whether the revision is to run at once.")
    note: str | None = versions.field(description="For people: why this revision.")
    expected_etag: str | None = versions.field(
        description="Refuses when the deployment has another etag by now."
    )
    idempotency_key: str | None = versions.field(
        description="For repeats: within a day, the same key and input get the first answer."
    )
