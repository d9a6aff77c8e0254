"""The domain's enums, declared from outside: their members' names are the API's values."""

from enum import Enum

from domain.access.access import Role
from domain.definitions.layers import LayerKind
from domain.definitions.resolution import DriftStatus
from domain.definitions.variants import Variant
from domain.deployments.deployment import DeploymentStatus
from domain.templates.template import TemplateStatus
from schema.versions import enum, value

__all__ = [
    "DeploymentStatus",
    "DriftStatus",
    "LayerKind",
    "PreStartActionName",
    "Role",
    "TemplateStatus",
    "Variant",
]


class PreStartActionName(Enum):
    """The domain's `ActionName`; a test compares the two."""

    WRITE_FILE = "write_file"
    WRITE_TEMPFILE = "write_tempfile"
    RUN_COMMAND = "run_command"
    MKDIR = "mkdir"
    LOG = "log"


enum(
    PreStartActionName,
    added="0.1.0",
    description="What a pre-start action does.",
)
enum(
    Role,
    added="0.1.0",
    description="What a key may do in a project; each role may do what those before it may.",
    values={
        "VIEWER": value("Reads."),
        "EDITOR": value("And changes what runs."),
        "ADMIN": value("And holds secrets."),
    },
)
enum(
    LayerKind,
    added="0.1.0",
    description="Who said a value of a definition, lowest layer first; DEFAULT is nobody.",
    values={
        "VARIANT": value("The runtime variant's generator."),
        "TEMPLATE": value("A deployment template, with its overrides."),
        "FOLDER": value("The definition file in the model folder."),
        "REQUEST": value("The request that added the revision."),
        "DEFAULT": value("No layer said it."),
    },
)
enum(
    Variant,
    added="0.1.0",
    name="RuntimeVariant",
    description="The engine that serves the model, or how its definition is found.",
    values={
        "CMD": value("An image whose command some layer gives."),
        "ECHO": value(
            "Modelyard's own demo engine: it has no weights and repeats what it is sent."
        ),
        "CUSTOM": value("What the model folder's definition file says."),
    },
)
enum(
    DeploymentStatus,
    added="0.1.0",
    description="How far a deployment is from what is desired of it.",
    values={
        "PENDING": value("Nothing is active."),
        "DEPLOYING": value("An activated revision is not yet served."),
        "READY": value("The desired replicas serve; also none, where none are desired."),
        "DEGRADED": value("Fewer healthy replicas than desired."),
        "ROLLING_BACK": value("A failed rollout goes back."),
        "STOPPING": value("Deleted; its replicas drain."),
        "STOPPED": value("Deleted, with nothing left; its history stays."),
    },
)
enum(
    TemplateStatus,
    added="0.1.0",
    name="DeploymentTemplateStatus",
    description="Who may use a template's version.",
    values={
        "DRAFT": value("May change; for previews alone."),
        "ACTIVE": value("What the name without a version means, if it is the newest."),
        "DEPRECATED": value("By its explicit version alone."),
    },
)
enum(
    DriftStatus,
    added="0.1.0",
    name="FolderDriftStatus",
    description="Whether the folder's definition file still says what a revision took from it.",
    values={
        "NOT_USED": value("The revision has no layer from a folder."),
        "UNCHANGED": value("It does."),
        "CHANGED": value("It says something else."),
        "FILE_DELETED": value("The file is gone."),
        "FOLDER_DELETED": value("The model folder is gone."),
        "UNREADABLE": value("The file is there, and can't be read as a definition."),
    },
)
