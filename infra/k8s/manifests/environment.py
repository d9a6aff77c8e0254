"""A container's environment: what the revision says, then what the driver decides."""

from collections.abc import Mapping
from typing import Any

from domain.definitions.environment import cluster_secret, of_the_cluster
from domain.definitions.render import Values
from domain.deployments.deployment import EnvironmentValue
from domain.deployments.reason import Reason
from infra.k8s.manifests import names
from infra.k8s.manifests.expansion import literal
from infra.k8s.manifests.refusal import CantStart


def environment(
    said: Mapping[str, EnvironmentValue], values: Values, secret: str
) -> list[dict[str, Any]]:
    """`secret` is the name of the group's Secret. Raises CantStart."""
    place = {"PORT": str(values.port), "HOST": values.host, "MODEL_PATH": values.model_path}
    own = [_variable(name, each, secret) for name, each in said.items() if name not in place]
    return [*own, *(plain(name, text) for name, text in place.items())]


def plain(name: str, text: str) -> dict[str, Any]:
    return {"name": name, "value": literal(text)}


def of_secret(name: str, secret: str, key: str) -> dict[str, Any]:
    return {"name": name, "valueFrom": {"secretKeyRef": {"name": secret, "key": key}}}


def _variable(name: str, said: EnvironmentValue, secret: str) -> dict[str, Any]:
    if said.secret is None:
        return plain(name, said.value or "")
    if not of_the_cluster(said.secret):
        return of_secret(name, secret, said.secret)
    found = cluster_secret(said.secret)
    if found is None:
        says = (
            f"The environment's {name} names {said.secret!r}, which is no Secret of the cluster: write "
            "k8s:<name>/<key>."
        )
        raise CantStart(Reason.SECRET_NOT_FOUND, says)
    if names.is_own_secret(found[0]):  # other groups' values, and the keys of the object store
        says = (
            f"The environment's {name} names {said.secret!r}, which is Modelyard's own: name a secret of "
            "the project, or a Secret of the cluster that is yours."
        )
        raise CantStart(Reason.SECRET_NOT_FOUND, says)
    return of_secret(name, *found)
