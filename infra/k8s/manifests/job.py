"""The Job of a batch: pods with the engines of a revision, and a worker beside them.

The worker ends when nothing of the batch is left to do, and its engines with it: from Kubernetes 1.29 they
are sidecars, which the kubelet ends; before, a shell around each watches for a file that the worker writes.
"""

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil
from typing import Any

from domain.deployments import health
from domain.deployments.reason import Reason
from infra.k8s.manifests import names, pod, security
from infra.k8s.manifests.containers import served
from infra.k8s.manifests.environment import plain
from infra.k8s.manifests.expansion import literal
from infra.k8s.manifests.names import Group
from infra.k8s.manifests.refusal import CantStart
from infra.k8s.manifests.wrapper import SHELL
from infra.k8s.settings import KubernetesSettings

SIDECARS = (1, 29)
RESTARTS = 1_000_000  # of all pods: how long to try is the batch's to say
WORKER = "worker"
WORKER_RESOURCES = {
    "requests": {"cpu": "100m", "memory": "256Mi"},
    "limits": {"memory": "2Gi"},  # 64 answers of 16 MiB at once, before their size is known
}
TOKEN, TOKEN_FOLDER = "token", "/modelyard-token"
WORK, WORK_FOLDER = "work", "/modelyard-work"
OF_THE_JOB = frozenset({names.MADE, names.TOKEN_SINCE, names.QUEUE})  # labels
DONE = f"{WORK_FOLDER}/done"
EARLY = 87  # the exit code of an engine that ended well before the work: what ends with 0 stays so
WATCHED = """\
grace=$1
shift
engine= asked=
trap 'asked=yes; [ -z "$engine" ] || kill -TERM "$engine" 2>/dev/null' TERM INT
"$@" &
engine=$!
[ -z "$asked" ] || kill -TERM "$engine" 2>/dev/null
while kill -0 "$engine" 2>/dev/null; do
  if [ -e {done} ]; then
    kill -TERM "$engine" 2>/dev/null
    while [ "$grace" -gt 0 ] && kill -0 "$engine" 2>/dev/null; do
      grace=$((grace - 1))
      sleep 1 &
      wait $!
    done
    kill -KILL "$engine" 2>/dev/null
    wait "$engine"
    exit 0
  fi
  sleep 1 &
  wait $!
done
wait "$engine"
code=$?
[ "$code" -ne 0 ] || [ -e {done} ] || code={early}
exit "$code"
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What the pods are for. `server` is the control plane's URL, `seconds` are left until the cluster
    ends it."""

    batch_id: str
    server: str
    seconds: int


def job(group: Group, work: Work, settings: KubernetesSettings) -> dict[str, Any]:
    """It has no pod yet: how many it has is what changes, nothing else ever. Raises CantStart."""
    metadata = _metadata(group, work)
    metadata["labels"] |= names.queued(group.revision)
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": metadata,
        "spec": {
            "parallelism": 0,
            "backoffLimit": RESTARTS,
            "activeDeadlineSeconds": max(1, work.seconds),
            "template": {
                "metadata": {
                    "labels": labels(group, work),
                    "annotations": names.annotations(group.revision),
                },
                "spec": _pod(group, work, settings),
            },
        },
    }


def token_secret(token: str, owner: Mapping[str, Any]) -> dict[str, Any]:
    """`owner` is the Job as the API server gave it: the Secret is found by the same labels."""
    own = owner["metadata"]
    kept = {key: value for key, value in own["labels"].items() if key not in OF_THE_JOB}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": token_name(own["name"]),
            "namespace": own["namespace"],
            "labels": kept,
            "ownerReferences": names.owned_by(owner),
        },
        "type": "Opaque",
        "data": {TOKEN: b64encode(token.encode()).decode()},
    }


def token_name(job_name: str) -> str:
    return f"{job_name}-token"


def labels(group: Group, work: Work) -> dict[str, str]:
    return {**names.labels(group), names.BATCH: work.batch_id}


def _metadata(group: Group, work: Work) -> dict[str, Any]:
    return {**names.metadata(group), "labels": labels(group, work)}


def _pod(group: Group, work: Work, settings: KubernetesSettings) -> dict[str, Any]:
    made = pod.spec(group, settings)
    has_sidecars = settings.version >= SIDECARS
    engines = [_engine(each, settings, has_sidecars) for each in made["containers"]]
    worker = _worker(group, work, settings, is_watched=not has_sidecars)
    made["terminationGracePeriodSeconds"] = _grace(settings) + 5
    secret = {"secretName": token_name(group.name)}
    made["volumes"] = [*made.get("volumes", ()), {"name": TOKEN, "secret": secret}]
    if has_sidecars:
        made["initContainers"] = [*made.get("initContainers", ()), *engines]
        made["containers"] = [worker]
    else:
        made["containers"] = [*engines, worker]
        made["volumes"].append({"name": WORK, "emptyDir": {}})
    return {**made, "restartPolicy": "OnFailure"}


def _engine(
    container: Mapping[str, Any], settings: KubernetesSettings, is_sidecar: bool
) -> dict[str, Any]:
    """Nobody in the network sends it anything, so that it need not answer any more when it leaves."""
    kept = {key: value for key, value in container.items() if key != "lifecycle"}
    if is_sidecar:
        return {**kept, "restartPolicy": "Always"}
    if "command" not in kept:
        says = (
            "What the image starts by itself can't be ended with the work before Kubernetes 1.29: name its "
            "command in the definition."
        )
        raise CantStart(Reason.START_FAILED, says)
    script = literal(WATCHED.format(done=DONE, early=EARLY))
    command = [SHELL, "-c", script, "modelyard", str(_grace(settings)), *kept["command"]]
    mounts = [
        *kept.get("volumeMounts", ()),
        {"name": WORK, "mountPath": WORK_FOLDER, "readOnly": True},
    ]
    return {**kept, "command": command, "volumeMounts": mounts}


def _worker(
    group: Group, work: Work, settings: KubernetesSettings, *, is_watched: bool
) -> dict[str, Any]:
    if settings.image is None:
        says = (
            "The workers of a Kubernetes Job are Modelyard's own image, which is not known: have the "
            "operator set MODELYARD_KUBERNETES_IMAGE."
        )
        raise CantStart(Reason.START_FAILED, says)
    mounts = [{"name": TOKEN, "mountPath": TOKEN_FOLDER, "readOnly": True}]
    if is_watched:
        mounts.append({"name": WORK, "mountPath": WORK_FOLDER})
    name = {"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}
    return {
        "name": WORKER,
        "image": settings.image,
        "command": [*_command(group, work), *(["--done", DONE] if is_watched else ())],
        "env": [name, plain("HOME", "/tmp")],  # noqa: S108
        "resources": WORKER_RESOURCES,
        "securityContext": security.of_container(),
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": mounts,
    }


def _command(group: Group, work: Work) -> list[str]:
    """It sends to the first model, as whoever names none is answered by that."""
    _, model, service = served(group.revision.definition)[0]
    check = health.check_of(service)
    said = {
        "--server": work.server,
        "--token-file": f"{TOKEN_FOLDER}/{TOKEN}",
        "--batch": work.batch_id,
        "--engine": f"http://127.0.0.1:{service.port}",
        "--revision": str(group.revision.number),
        "--model": model.name,
        "--most": str(group.deployment.max_in_flight),
        "--ready-status": str(check.expected_status_code),
    }
    if check.enable:
        said["--ready-path"] = check.path
    words = [word for pair in said.items() for word in pair]
    return ["modelyard", "batch", "worker", "--name", "$(POD_NAME)", *map(literal, words)]


def _grace(settings: KubernetesSettings) -> int:
    return max(1, ceil(settings.stop_grace.total_seconds()))
