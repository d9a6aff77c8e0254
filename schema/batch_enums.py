"""The domain's enums of batches, declared from outside as `enums` does."""

from domain.batches.batch import BatchReason, BatchStatus, TargetKind
from schema.versions import enum, value

__all__ = ["BatchReason", "BatchStatus", "TargetKind"]

enum(
    BatchStatus,
    added="0.2.0",
    name="BatchJobStatus",
    description="How far a batch job is; the names are those of OpenAI's Batch API.",
    values={
        "VALIDATING": value("Its input file is read, line by line."),
        "IN_PROGRESS": value("It runs, or waits: its reason tells for what."),
        "FINALIZING": value("Every line has its result; the files are written."),
        "CANCELLING": value("Requests in flight end, then the files are written."),
        "COMPLETED": value("Every line has a result or an error. Final."),
        "FAILED": value("Its input was refused, and nothing ran: see its errors. Final."),
        "EXPIRED": value("Its window closed before it was done; what was done is kept. Final."),
        "CANCELLED": value("Somebody ended it; what was done is kept. Final."),
    },
)
enum(
    BatchReason,
    added="0.2.0",
    name="BatchJobReason",
    description="Why a batch job stands where it stands.",
    values={
        "QUEUED": value("It waits for a place to run."),
        "PROVISIONING": value("The deployment that is made for it is not ready yet."),
        "PAUSED": value("Until somebody resumes it."),
        "NO_HEALTHY_REPLICA": value("Its deployment has nothing that answers now."),
        "DEPLOYMENT_GONE": value("Its deployment was deleted."),
        "ENGINE_UNREACHABLE": value("Connections fail, or it answers 503; it is tried again."),
        "ENGINE_BUSY": value("It answers 429; it is tried again."),
        "ONLINE_FIRST": value("Online requests take all that its replicas can take."),
        "STORAGE_FULL": value("Results can't be stored."),
        "STORAGE_UNAVAILABLE": value("The store of files does not answer."),
        "INPUT_UNAVAILABLE": value("Its input file is gone from the store."),
        "DRAINING": value("Cancelled or expired: requests in flight end."),
        "DEPLOYMENT_NOT_READY": value("The deployment made for it never became ready."),
        "INPUT_REFUSED": value("Its input can't be run: see its errors."),
    },
)
enum(
    TargetKind,
    added="0.2.0",
    name="BatchTarget",
    description="What kind of place a batch job runs at.",
    values={
        "DEPLOYMENT": value("A deployment that is there already."),
        "DEDICATED": value("A deployment that is made for it from a template."),
        "KUBERNETES_JOB": value("A Kubernetes Job with the engine in its pods."),
        "EXTERNAL": value("An OpenAI-compatible server that is registered as external endpoint."),
        "ECHO": value("No engine: every answer is marked as an echo."),
    },
)
