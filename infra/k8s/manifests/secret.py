"""The Secret of a group: what its environment names, and how its model folder is fetched."""

from base64 import b64encode
from collections.abc import Mapping
from typing import Any

from domain.definitions.environment import of_the_cluster
from domain.deployments.deployment import Revision
from domain.deployments.reason import Reason
from infra.k8s.manifests import names, volumes
from infra.k8s.manifests.names import Group
from infra.k8s.manifests.refusal import CantStart
from infra.k8s.settings import KubernetesSettings

STORE = "_"  # before the key of a store's setting: no secret's name begins so


def opened(revision: Revision) -> frozenset[str]:
    """The names of the project's secrets that have to be opened for it."""
    said = (each.secret for each in revision.environment.values())
    return frozenset(name for name in said if name is not None and not of_the_cluster(name))


def secret(
    group: Group,
    values: Mapping[str, str],
    settings: KubernetesSettings,
    workload: Mapping[str, Any],
) -> dict[str, Any] | None:
    """None where nothing in it is secret. `values` are the opened secrets by name, `workload` is the
    Deployment as the API server gave it. Raises CantStart where a value is not there."""
    wanted = opened(group.revision)
    missing = sorted(wanted - set(values))
    if missing:
        says = (
            f"There is no secret {missing[0]!r} any more, which the environment names: make it again, or "
            "add a revision that does not name it."
        )
        raise CantStart(Reason.SECRET_NOT_FOUND, says)
    held = {name: values[name] for name in sorted(wanted)}
    if scheme := volumes.fetched_from(group.revision):
        kept = settings.store_secrets(scheme)
        held |= {STORE + name: value for name, value in kept.items()}
    if not held:
        return None
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {**names.metadata(group), "ownerReferences": names.owned_by(workload)},
        "type": "Opaque",
        "data": {key: b64encode(value.encode()).decode() for key, value in held.items()},
    }
