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
    direction: OrderDirection | None


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

    folder_id: strawberry.ID
    mount_path: str | None = versions.field(description="/models unless said.")
    definition_path: str | None = versions.field(
        description="The definition file; else the first of the usual names."
    )


@versions.input(added="0.1.0")
class DeploymentTemplateChoiceInput:
    name: str
    version: int | None = versions.field(description="The newest active one unless said.")
    overrides: JSON | None = versions.field(
        description="A draft in the spec's spelling, within what the template allows."
    )


@versions.input(added="0.1.0")
class EnvironmentVariableInput:
    """Exactly one of value and secret; a null value removes what lower layers said."""

    name: str
    value: Maybe[str | None]
    secret: Maybe[str | None] = versions.field(description="A secret's name.")


@versions.input(added="0.1.0")
class AddModelRevisionInput:
    """What the revision is resolved from. Absent was not said; null clears what lower layers said."""

    deployment_id: strawberry.ID
    runtime_variant: Variant | None
    model_folder: ModelFolderChoiceInput | None
    template: DeploymentTemplateChoiceInput | None
    image: Maybe[str | None]
    model_definition: Maybe[ModelDefinitionInput | None]
    startup_command: Maybe[Command | None] = versions.field(
        description="Short for the first model's startCommand."
    )
    environment: Maybe[list[EnvironmentVariableInput] | None]
    resources: Maybe[JSON | None] = versions.field(
        description="Kubernetes quantities by resource: cpu, memory, vendor/name; null removes."
    )
    enable_model_definition_override: bool | None = versions.field(
        description="Whether a variant other than CUSTOM reads the folder's definition file."
    )
    activate: bool | None = versions.field(description="Whether the revision is to run at once.")
    note: str | None
    expected_etag: str | None = versions.field(
        description="Refuses when the deployment has another etag by now."
    )
    idempotency_key: str | None
