"""One container for each model with a service."""

from collections.abc import Mapping, Sequence
from typing import Any

from domain.definitions import render
from domain.definitions.definition import Definition, Model, Service
from domain.deployments.deployment import Revision
from domain.deployments.reason import Reason
from domain.errors import DefinitionError
from infra.k8s.manifests import amounts, security, wrapper
from infra.k8s.manifests.environment import environment
from infra.k8s.manifests.expansion import literal
from infra.k8s.manifests.probes import probes
from infra.k8s.manifests.refusal import CantStart
from infra.k8s.manifests.volumes import Mounted
from infra.k8s.settings import KubernetesSettings

PAUSE = (
    5  # seconds that a leaving pod still answers: those who send to it learn late that it leaves
)
SLEEPS = (1, 30)  # the version from which the kubelet waits by itself, with no shell of the image's


def served(definition: Definition) -> Sequence[tuple[str, Model, Service]]:
    """The name of its container (and of its port), for each model with a service."""
    found = [(model, model.service) for model in definition.models if model.service is not None]
    return [(f"model-{place}", model, said) for place, (model, said) in enumerate(found)]


def containers(
    revision: Revision, mounted: Mounted, secret: str, settings: KubernetesSettings
) -> list[dict[str, Any]]:
    """`secret` is the name of the group's Secret. Raises CantStart."""
    if not revision.image:
        says = "A pod needs an image: add a revision that names one."
        raise CantStart(Reason.START_FAILED, says)
    models = served(revision.definition)
    if not models:
        raise CantStart(Reason.START_FAILED, "No model of the definition has a service.")
    _check_ports(models)
    share = amounts.of_each(revision.resources, len(models))
    made = []
    for name, model, service in models:
        values = render.own_values(model)
        container: dict[str, Any] = {
            "name": name,
            "image": revision.image,
            "env": environment(revision.environment, values, secret),
            "ports": [{"name": name, "containerPort": service.port, "protocol": "TCP"}],
            **probes(model, service),
            "lifecycle": {"preStop": _pause(settings.version)},
            "securityContext": security.of_container(),
            "terminationMessagePolicy": "FallbackToLogsOnError",
        }
        command = _command(revision, mounted, model, service)
        if command is not None:
            container["command"] = command
        if command is not None and revision.folder is not None:
            container["workingDir"] = revision.mount_path  # as where replicas are processes
        if share:
            container["resources"] = {"requests": dict(share), "limits": dict(share)}
        if mounted.mounts:
            container["volumeMounts"] = [dict(each) for each in mounted.mounts]
        made.append(container)
    return made


def argv(model: Model) -> list[str] | None:
    """What is executed, without what goes before it; None is the image's own. Raises CantStart."""
    try:
        return render.argv(model, render.own_values(model))
    except (DefinitionError, ValueError) as error:
        raise CantStart(Reason.START_FAILED, f"{model.name}: {error}") from error


def _command(
    revision: Revision, mounted: Mounted, model: Model, service: Service
) -> list[str] | None:
    words = argv(model)
    actions = service.pre_start_actions
    if actions:
        at = revision.mount_path if revision.folder is not None else None
        sealed = at if mounted.is_read_only else None
        words = wrapper.wrapped(model.name, actions, words, service.shell, folder=at, sealed=sealed)
    if words is None:
        return None
    if not words:
        raise CantStart(Reason.START_FAILED, f"{model.name}: its start command is empty.")
    if any("\0" in word for word in words):
        says = f"{model.name}: a command can't have a NUL character in it."
        raise CantStart(Reason.START_FAILED, says)
    return [literal(word) for word in words]


def _check_ports(models: Sequence[tuple[str, Model, Service]]) -> None:
    seen: dict[int, str] = {}
    for _, model, service in models:
        if service.port in seen:
            says = (
                f"{seen[service.port]} and {model.name} both listen on port {service.port}, and share a "
                "pod's: give one of them another port."
            )
            raise CantStart(Reason.START_FAILED, says)
        seen[service.port] = model.name


def _pause(version: tuple[int, int]) -> Mapping[str, Any]:
    if version >= SLEEPS:
        return {"sleep": {"seconds": PAUSE}}
    return {"exec": {"command": [wrapper.SHELL, "-c", f"sleep {PAUSE}"]}}
