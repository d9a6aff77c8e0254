"""Why a deployment, rollout or replica stands where it stands."""

from enum import StrEnum


class Reason(StrEnum):
    # deployments and rollouts
    REPLICAS_STARTING = "replicas_starting"  # not all that are wanted are healthy yet
    REPLICAS_FAILING = "replicas_failing"  # replicas end or fail their probes; they are tried again
    GATEWAYS_LEARNING = "gateways_learning"  # healthy, but not every gateway knows it yet
    NO_HEALTHY_REVISION = "no_healthy_revision"  # the first revision failed: nothing serves
    TOO_MANY_EXITS = "too_many_exits"  # its replicas ended before they were ever healthy
    PROGRESS_DEADLINE = "progress_deadline"  # no replica became healthy in time
    PAUSED_BY_USER = "paused_by_user"
    CANARY_STEP = "canary_step"  # a step's pause
    AWAITING_PROMOTION = "awaiting_promotion"
    ABORTED_BY_USER = "aborted_by_user"
    REPLACED = "replaced"  # another revision was activated meanwhile
    DRAINING = "draining"  # replicas finish their requests
    DELETED = "deleted"
    # replicas
    EXITED = "exited"  # its process ended by itself
    EXITED_WHILE_ADOPTED = "exited_while_adopted"  # ended while no parent of it could see how
    HEALTH_CHECK_FAILED = "health_check_failed"
    PORT_TAKEN = "port_taken"
    SECRET_NOT_FOUND = "secret_not_found"
    SECRET_UNREADABLE = "secret_unreadable"  # sealed with another key than this server's
    FOLDER_UNREADABLE = "folder_unreadable"  # the model folder can't be had
    PRE_START_FAILED = "pre_start_failed"
    START_FAILED = "start_failed"  # the command can't be executed
    OUT_OF_MEMORY = "out_of_memory"
    SCALED_DOWN = "scaled_down"
    ROLLED_OUT = "rolled_out"  # a newer revision takes its place
    ROLLED_BACK = "rolled_back"  # its rollout failed or was aborted
    SERVER_STOPPED = "server_stopped"  # its server was to take its replicas with it
    PLACE_LOST = "place_lost"  # the machine it ran on started anew, or its pod is gone
    # replicas that are pods
    SCHEDULING = "scheduling"  # its pod is being made, or waits for a node
    UNSCHEDULABLE = "unschedulable"  # no node has what it asks for
    PULLING_IMAGE = "pulling_image"  # its containers are being created
    IMAGE_UNAVAILABLE = "image_unavailable"  # its image can't be pulled
    PREPARING = "preparing"  # its model folder is being fetched
    LOADING = "loading"  # its engine runs, and does not answer yet
    CRASH_LOOP = "crash_loop"  # its engine ended again and again
    EVICTED = "evicted"  # the cluster took its pod away
    NODE_REJECTED = "node_rejected"  # its node had no room after all, or does not fit it
    CONFIG_INVALID = "config_invalid"  # its containers can't be created as they are described
    MANIFEST_REFUSED = "manifest_refused"  # the cluster does not take its objects


BLAMELESS = frozenset({Reason.PORT_TAKEN, Reason.PLACE_LOST, Reason.EVICTED, Reason.NODE_REJECTED})
"""Ends that say nothing against the revision: they count as no exit, and wait for no back-off."""
