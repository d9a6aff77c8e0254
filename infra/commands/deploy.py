"""`modelyard deploy`: its options, and what they ask for."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from domain.definitions.variants import Variant
from infra.commands import strategy
from infra.commands.options import (
    DEFAULT_SERVER,
    Key,
    Project,
    ServerUrl,
    Wait,
    complete_name,
    opened,
    pairs,
    seconds,
    template_choice,
)
from infra.commands.strategy import Kind
from infra.output import AsJson

Folder = Annotated[
    str | None,
    typer.Argument(help="The model folder: a path or a URI; not for variants that need none."),
]
Name = Annotated[
    str, typer.Option("--name", help="The deployment's name.", autocompletion=complete_name)
]
RuntimeVariant = Annotated[
    Variant | None, typer.Option("--variant", help="Default: the template's, else custom.")
]
Replicas = Annotated[int | None, typer.Option(min=0, help="How many; default: 1, or as it was.")]
Command = Annotated[
    str | None, typer.Option(help="The start command: for the shell, or a JSON list of strings.")
]
Image = Annotated[str | None, typer.Option(help="The container image.")]
DefinitionPath = Annotated[
    str | None, typer.Option(help="The definition file's path within the folder.")
]
MountPath = Annotated[str | None, typer.Option(help="Where the folder is mounted [/models].")]
Variables = Annotated[
    list[str] | None, typer.Option("--env", help="NAME=VALUE of the replicas' environment.")
]
Secrets = Annotated[
    list[str] | None, typer.Option("--secret", help="NAME=SECRET: a variable from a secret.")
]
Resources = Annotated[
    list[str] | None, typer.Option("--resource", help="E.g. cpu=4, memory=16Gi, nvidia.com/gpu=1.")
]
Template = Annotated[str | None, typer.Option(help="NAME or NAME:VERSION of a template.")]
Override = Annotated[
    bool | None,
    typer.Option("--override/--no-override", help="Whether the folder's definition file counts."),
]
Note = Annotated[str | None, typer.Option(help="For people: why this revision.")]
Deadline = Annotated[
    float | None,
    typer.Option(
        parser=seconds, metavar="TIME", help="How long it may make no progress, e.g. 15m."
    ),
]
Force = Annotated[bool, typer.Option("--force", help="Add a revision even if it equals what runs.")]
Strategy = Annotated[
    Kind | None, typer.Option("--strategy", help="Default: rolling, or as it was.")
]
MaxSurge = Annotated[str | None, typer.Option(help="Rolling: a count or 50%.")]
MaxUnavailable = Annotated[str | None, typer.Option(help="Rolling: a count or 25%.")]
AutoPromote = Annotated[
    bool | None, typer.Option("--auto-promote/--no-auto-promote", help="Blue-green.")
]
PromoteDelay = Annotated[
    float | None, typer.Option(parser=seconds, metavar="TIME", help="Blue-green, e.g. 5m.")
]
Steps = Annotated[
    list[str] | None,
    typer.Option("--step", help="Canary: PERCENT or PERCENT:PAUSE, e.g. 25:10m; repeated."),
]


def deploy(
    folder: Folder = None,
    *,
    name: Name,
    variant: RuntimeVariant = None,
    replicas: Replicas = None,
    command: Command = None,
    image: Image = None,
    definition_path: DefinitionPath = None,
    mount_path: MountPath = None,
    env: Variables = None,
    secret: Secrets = None,
    resource: Resources = None,
    template: Template = None,
    override: Override = None,
    kind: Strategy = None,
    max_surge: MaxSurge = None,
    max_unavailable: MaxUnavailable = None,
    auto_promote: AutoPromote = None,
    promote_delay: PromoteDelay = None,
    step: Steps = None,
    note: Note = None,
    progress_deadline: Deadline = None,
    force: Force = False,
    wait: Wait = False,
    server: ServerUrl = DEFAULT_SERVER,
    key: Key = None,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Make a model folder serve: as a new revision of the deployment, which is made if need be."""
    from infra.commands.deploying import Deploying

    if folder is None and (definition_path or mount_path):
        raise typer.BadParameter("It goes with a FOLDER.", param_hint="--definition-path")
    if folder is None and variant is None and template is None:
        raise typer.BadParameter("Say what to run: FOLDER, --variant or --template.")
    revision = {
        "runtimeVariant": _variant(variant, template),
        "startupCommand": _command(command),
        "image": image,
        "environment": _environment(pairs(env, "--env"), pairs(secret, "--secret")),
        "resources": pairs(resource, "--resource") or None,
        "template": template_choice(template),
        "enableModelDefinitionOverride": override,
        "note": note,
    }
    mounted = {"definitionPath": definition_path, "mountPath": mount_path}
    asked = strategy.Asked(
        kind=kind,
        max_surge=max_surge,
        max_unavailable=max_unavailable,
        auto_promote=auto_promote,
        promote_delay=promote_delay,
        steps=step or (),
    )
    Deploying(
        server=opened(server, key, project),
        name=name,
        uri=folder and _uri(folder),
        folder=_given(mounted),
        revision=_given(revision),
        deployment=_given({"desiredReplicas": replicas, "strategy": strategy.said(asked)}),
        activation=_given({"progressDeadline": progress_deadline, "note": note}),
        force=force,
        wait=wait,
        as_json=as_json,
    ).run()


def _given(said: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in said.items() if value is not None}


def _variant(variant: Variant | None, template: str | None) -> str | None:
    if variant is None:
        return None if template else Variant.CUSTOM.name
    return variant.name


def _command(written: str | None) -> str | list[str] | None:
    if written is None or not written.startswith("["):
        return written
    try:
        parts = json.loads(written)
    except ValueError:
        return written  # the shell's own bracket
    if not all(isinstance(part, str) for part in parts):
        raise typer.BadParameter("A list must be of strings.", param_hint="--command")
    return [str(part) for part in parts]


def _environment(values: dict[str, str], secrets: dict[str, str]) -> list[dict[str, str]] | None:
    twice = values.keys() & secrets.keys()
    if twice:
        raise typer.BadParameter(
            f"{min(twice)} has a value (--env) and a secret.", param_hint="--secret"
        )
    variables = [{"name": name, "value": value} for name, value in values.items()]
    return variables + [{"name": n, "secret": each} for n, each in secrets.items()] or None


def _uri(written: str) -> str:
    """As the server writes it; a path must be a folder of this machine."""
    if "://" in written:
        return written.rstrip("/")
    path = Path(written).expanduser().resolve()
    if not path.is_dir():
        raise typer.BadParameter(
            f"There is no folder {written!r} here; name one that lies elsewhere by its URI.",
            param_hint="FOLDER",
        )
    return path.as_uri()
