"""The model folder of a pod: a claim, a folder of the node, or one that is fetched before it starts."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

from domain.deployments.deployment import FolderUse, Revision
from domain.deployments.reason import Reason
from infra.k8s.manifests import amounts, security
from infra.k8s.manifests.environment import of_secret, plain
from infra.k8s.manifests.expansion import literal
from infra.k8s.manifests.refusal import CantStart
from infra.k8s.settings import KEY_FILE, PREFIX, KubernetesSettings

MODEL = "model"
FETCH = "fetch"  # the init container that fills it
MEMORY = "shared-memory"
KEYS = "store-keys"
FETCHED = re.compile(r"(s3|gs|az)://.+", re.DOTALL)
WHOLE = "/modelyard"  # where the volume that is filled is mounted while it is
INSIDE = "folder"  # and the folder within it, which appears when it is whole
KEY_FOLDER = "/modelyard-keys"
FETCH_RESOURCES = {
    "requests": {"cpu": "100m", "memory": "512Mi"},
    "limits": {"cpu": "2", "memory": "512Mi"},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Mounted:
    """Volumes of the pod, mounts of each engine's container, and what runs before them."""

    volumes: tuple[dict[str, Any], ...] = ()
    mounts: tuple[dict[str, Any], ...] = ()
    init: tuple[dict[str, Any], ...] = ()
    is_read_only: bool = False

    def and_memory(self) -> "Mounted":
        """With as much shared memory as the pod may have: engines with several GPUs talk through it."""
        return Mounted(
            volumes=(*self.volumes, {"name": MEMORY, "emptyDir": {"medium": "Memory"}}),
            mounts=(*self.mounts, {"name": MEMORY, "mountPath": "/dev/shm"}),  # noqa: S108
            init=self.init,
            is_read_only=self.is_read_only,
        )


def fetched_from(revision: Revision) -> str | None:
    """The scheme of the store that its folder is fetched from."""
    found = None if revision.folder is None else FETCHED.fullmatch(revision.folder.uri)
    return None if found is None else found[1]


def mounted(revision: Revision, secret: str, settings: KubernetesSettings) -> Mounted:
    """`secret` is the name of the group's Secret. Raises CantStart."""
    found = _folder(revision, secret, settings)
    return found.and_memory() if amounts.has_devices(revision.resources) else found


def _folder(revision: Revision, secret: str, settings: KubernetesSettings) -> Mounted:
    folder = revision.folder
    if folder is None:
        return Mounted()
    if ":" in revision.mount_path:
        says = f"Pods can't have a mount path with a colon, as {revision.mount_path!r}: use another one."
        raise CantStart(Reason.START_FAILED, says)
    if store := fetched_from(revision):
        return _fetched(folder, store, revision.mount_path, secret, settings)
    scheme, _, rest = folder.uri.partition("://")
    if scheme == "pvc":
        return _claimed(rest, revision.mount_path)
    if scheme == "file":
        return _on_node(folder, revision.mount_path, settings)
    says = f"Pods can't have the model folder {folder.uri!r}: use pvc://, s3://, gs:// or az://."
    raise CantStart(Reason.FOLDER_UNREADABLE, says)


def _claimed(rest: str, path: str) -> Mounted:
    claim, _, inside = rest.partition("/")
    source = {"persistentVolumeClaim": {"claimName": claim, "readOnly": True}}
    return _read_only(source, path, {"subPath": inside} if inside else {})


def _on_node(folder: FolderUse, path: str, settings: KubernetesSettings) -> Mounted:
    if not settings.allow_host_path:
        says = (
            f"The model folder {folder.uri} lies on one machine, and pods may have no folder of a node's: "
            "use pvc://, s3://, gs:// or az://, or have the operator set "
            "MODELYARD_KUBERNETES_ALLOW_HOST_PATH."
        )
        raise CantStart(Reason.FOLDER_UNREADABLE, says)
    there = unquote(urlsplit(folder.uri).path)
    return _read_only({"hostPath": {"path": there, "type": "Directory"}}, path, {})


def _read_only(source: dict[str, Any], path: str, within: dict[str, Any]) -> Mounted:
    mount = {"name": MODEL, "mountPath": path, "readOnly": True, **within}
    return Mounted(volumes=({"name": MODEL, **source},), mounts=(mount,), is_read_only=True)


def _fetched(
    folder: FolderUse, store: str, path: str, secret: str, settings: KubernetesSettings
) -> Mounted:
    if settings.image is None:
        says = (
            f"The model folder {folder.uri} is fetched by Modelyard's own image, which is not known: have "
            "the operator set MODELYARD_KUBERNETES_IMAGE, or use a pvc:// folder."
        )
        raise CantStart(Reason.START_FAILED, says)
    mounts: list[dict[str, Any]] = [{"name": MODEL, "mountPath": WHOLE}]
    volumes: list[dict[str, Any]] = [{"name": MODEL, "emptyDir": {}}]
    if _key_name() in settings.store_secrets(store):
        mounts.append({"name": KEYS, "mountPath": KEY_FOLDER, "readOnly": True})
        volumes.append(_key_volume(secret))
    fetching = {
        "name": FETCH,
        "image": settings.image,
        "command": ["modelyard", "fetch", literal(folder.uri), f"{WHOLE}/{INSIDE}"],
        "env": list(_store_variables(store, secret, settings)),
        "resources": FETCH_RESOURCES,
        "securityContext": security.of_container(),
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "workingDir": "/",  # the image's own is shut for the user that a template may name
        "volumeMounts": mounts,
    }
    mount = {"name": MODEL, "mountPath": path, "subPath": INSIDE}
    return Mounted(volumes=tuple(volumes), mounts=(mount,), init=(fetching,))


def _store_variables(
    store: str, secret: str, settings: KubernetesSettings
) -> Iterator[dict[str, Any]]:
    for name, value in settings.store_settings(store).items():
        yield plain(name, value)
    for name in settings.store_secrets(store):
        if name == _key_name():
            yield plain(name, f"{KEY_FOLDER}/{KEY_FILE}")
        else:
            yield of_secret(name, secret, f"_{name}")


def _key_volume(secret: str) -> dict[str, Any]:
    item = {"key": f"_{_key_name()}", "path": KEY_FILE}
    return {"name": KEYS, "secret": {"secretName": secret, "items": [item]}}


def _key_name() -> str:
    return PREFIX + KEY_FILE.upper()
