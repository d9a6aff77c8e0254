"""The domain's enums, declared from outside: their members' names are the API's values."""

from enum import Enum, StrEnum

from domain.access.access import Role
from domain.autoscaling.rule import Metric
from domain.definitions.kubernetes import TaintEffect, TolerationOperator
from domain.definitions.layers import LayerKind
from domain.definitions.resolution import DriftStatus
from domain.definitions.variants import Variant
from domain.deployments.deployment import DeploymentStatus
from domain.deployments.reason import Reason
from domain.deployments.replica import ReplicaStatus
from domain.deployments.rollout import RolloutKind, RolloutStatus
from domain.templates.template import TemplateStatus
from schema.versions import enum, value

__all__ = [
    "DeploymentStatus",
    "DriftStatus",
    "LayerKind",
    "Metric",
    "PreStartActionName",
    "Reason",
    "ReplicaStatus",
    "Role",
    "RolloutKind",
    "RolloutStatus",
    "StrategyKind",
    "TaintEffect",
    "TemplateStatus",
    "TolerationOperator",
    "Variant",
]


class PreStartActionName(Enum):
    """The domain's `ActionName`; a test compares the two."""

    WRITE_FILE = "write_file"
    WRITE_TEMPFILE = "write_tempfile"
    RUN_COMMAND = "run_command"
    MKDIR = "mkdir"
    LOG = "log"


class StrategyKind(StrEnum):
    """The kinds of the domain's strategies; a test compares the two."""

    ROLLING = "rolling"
    BLUE_GREEN = "blue_green"
    CANARY = "canary"


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
        "PENDING": value("Nothing is active, nor to be."),
        "DEPLOYING": value("An activated revision is not yet served."),
        "READY": value("The desired replicas serve; also none, where none are desired."),
        "DEGRADED": value("Fewer healthy replicas than desired, or the first revision failed."),
        "ROLLING_BACK": value("A failed or aborted rollout goes back."),
        "STOPPING": value("Deleted; its replicas drain."),
        "STOPPED": value("Deleted, with nothing left; its history stays."),
    },
)
enum(
    Reason,
    added="0.1.0",
    name="StatusReason",
    description="Why a deployment, rollout or replica stands where it stands.",
    values={
        "REPLICAS_STARTING": value("Not all that are wanted are healthy yet."),
        "REPLICAS_FAILING": value("Replicas end or fail their probes; they are tried again."),
        "GATEWAYS_LEARNING": value("Healthy, but not every gateway knows it yet."),
        "NO_HEALTHY_REVISION": value("The first revision failed: nothing serves."),
        "TOO_MANY_EXITS": value("Its replicas ended before they were ever healthy."),
        "PROGRESS_DEADLINE": value("No replica became healthy in time."),
        "PAUSED_BY_USER": value("Until somebody resumes it."),
        "CANARY_STEP": value("At a step of the canary that waits for somebody to go on."),
        "AWAITING_PROMOTION": value("Ready beside the active revision; promoteRollout goes on."),
        "ABORTED_BY_USER": value("Somebody ended the rollout."),
        "REPLACED": value("Another revision was activated meanwhile."),
        "DRAINING": value("Replicas finish their requests."),
        "DELETED": value("The deployment was deleted."),
        "EXITED": value("Its process ended by itself."),
        "EXITED_WHILE_ADOPTED": value("It ended while no parent of it could see how."),
        "HEALTH_CHECK_FAILED": value("As many probes in a row failed as its health check bears."),
        "PORT_TAKEN": value("Something else listens on its port; it is started on another."),
        "SECRET_NOT_FOUND": value("A secret that its environment names is gone."),
        "SECRET_UNREADABLE": value("A secret is sealed with another key than this server's."),
        "FOLDER_UNREADABLE": value("The model folder can't be had."),
        "PRE_START_FAILED": value("One of its pre-start actions failed."),
        "START_FAILED": value("Its command can't be executed."),
        "OUT_OF_MEMORY": value("It took more memory than it may."),
        "SCALED_DOWN": value("Fewer replicas are desired."),
        "ROLLED_OUT": value("Another revision takes its place."),
        "ROLLED_BACK": value("Its rollout failed or was aborted."),
        "SERVER_STOPPED": value("Its server was to take its replicas with it at its stop."),
        "PLACE_LOST": value("The machine it ran on started anew."),
        "SCHEDULING": value(
            "Its pod is being made, or waits for a node.", added="0.2.0", before="REPLICAS_STARTING"
        ),
        "UNSCHEDULABLE": value(
            "No node has what its pod asks for.", added="0.2.0", before="REPLICAS_STARTING"
        ),
        "PULLING_IMAGE": value(
            "Its containers are being created.", added="0.2.0", before="REPLICAS_STARTING"
        ),
        "IMAGE_UNAVAILABLE": value(
            "Its image can't be pulled.", added="0.2.0", before="START_FAILED"
        ),
        "PREPARING": value(
            "Its model folder is being fetched.", added="0.2.0", before="REPLICAS_STARTING"
        ),
        "LOADING": value(
            "Its engine runs, and is not ready yet.", added="0.2.0", before="REPLICAS_STARTING"
        ),
        "CRASH_LOOP": value(
            "Its engine ended again and again.", added="0.2.0", before="REPLICAS_FAILING"
        ),
        "EVICTED": value("The cluster took its pod away.", added="0.2.0", before="PLACE_LOST"),
        "NODE_REJECTED": value(
            "Its node had no room for its pod after all, or does not fit it.",
            added="0.3.0",
            before="EVICTED",
        ),
        "CONFIG_INVALID": value(
            "Its containers can't be created as they are described.",
            added="0.2.0",
            before="START_FAILED",
        ),
        "MANIFEST_REFUSED": value(
            "The cluster does not take its objects.", added="0.2.0", before="START_FAILED"
        ),
    },
)
enum(
    ReplicaStatus,
    added="0.1.0",
    description="Where a replica is on its way from start to exit.",
    values={
        "STARTING": value("It was never healthy yet."),
        "HEALTHY": value("Gateways send it requests."),
        "UNHEALTHY": value("It was healthy; its probes fail now."),
        "DRAINING": value("It gets no new requests, and finishes those that it has."),
        "STOPPING": value("It was told to end."),
        "EXITED": value("Nothing of it is left."),
    },
)
enum(
    RolloutStatus,
    added="0.1.0",
    description="How a rollout stands; it is live while it is RUNNING or PAUSED.",
    values={
        "RUNNING": value("It goes on by itself."),
        "PAUSED": value("By somebody, or at a canary's step that waits for somebody."),
        "SUCCEEDED": value("Its revision became the active one."),
        "FAILED": value("It was rolled back by itself."),
        "ABORTED": value("Somebody ended it."),
        "REPLACED": value("Another rollout took its place."),
    },
)
enum(
    RolloutKind,
    added="0.1.0",
    description="What a rollout was begun by.",
    values={
        "ACTIVATION": value("A revision was activated."),
        "ROLLBACK": value("Somebody went back to a revision."),
    },
)
enum(
    StrategyKind,
    added="0.1.0",
    name="DeploymentStrategyKind",
    description="The types of DeploymentStrategy, where an event names one.",
    values={
        "ROLLING": value("RollingStrategy."),
        "BLUE_GREEN": value("BlueGreenStrategy."),
        "CANARY": value("CanaryStrategy."),
    },
)
enum(
    Metric,
    added="0.1.0",
    name="AutoscalingMetric",
    description="What an autoscaling rule looks at.",
    values={
        "IN_FLIGHT": value("Requests under way, with those held for a first replica."),
        "REQUEST_RATE": value("Requests that arrive in a second, over the last 20 seconds."),
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
enum(
    TolerationOperator,
    added="0.2.0",
    name="KubernetesTolerationOperator",
    description="How a toleration is compared with a taint.",
    values={
        "EQUAL": value("Key and value are the taint's."),
        "EXISTS": value("The key is the taint's, or there is none: every taint."),
    },
)
enum(
    TaintEffect,
    added="0.2.0",
    name="KubernetesTaintEffect",
    description="What a taint does to pods that do not tolerate it.",
    values={
        "NO_SCHEDULE": value("None is placed there."),
        "PREFER_NO_SCHEDULE": value("One is placed there if nowhere else."),
        "NO_EXECUTE": value("Those that are there leave, too."),
    },
)
