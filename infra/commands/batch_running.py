"""`modelyard batch run` and `validate`: a file of this machine becomes a job, or is only looked at."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from infra.commands import batch_options
from infra.commands.batch_options import Errors, Output
from infra.commands.options import (
    DEFAULT_SERVER,
    Key,
    Project,
    ServerUrl,
    complete_name,
    opened,
    pairs,
    seconds,
    template_choice,
)
from infra.output import AsJson, say, say_json, say_table, tell

if TYPE_CHECKING:
    from infra.commands.batch_file import Requests

VALIDATED_SECONDS = (
    3_600  # a file that was uploaded to be looked at lasts no longer, whatever happens
)

File = Annotated[
    Path, typer.Argument(exists=True, dir_okay=False, help="Requests, one JSON object a line.")
]
Model = Annotated[
    str | None,
    typer.Option(
        help="The model of every line, whatever it says itself: a deployment's name, name@REVISION, "
        "or what else serves it.",
        autocompletion=complete_name,
    ),
]
Endpoint = Annotated[
    str | None, typer.Option(help="E.g. /v1/embeddings; default: as the first line says.")
]
Window = Annotated[str, typer.Option(help="How long it may take: 24h, or 30m, 2d …")]
Target = Annotated[
    batch_options.Target | None,
    typer.Option(case_sensitive=False, help="Where to run; default: at what has the model."),
]
Deployment = Annotated[
    str | None, typer.Option(help="NAME or NAME@REVISION.", autocompletion=complete_name)
]
External = Annotated[
    str | None, typer.Option("--external-endpoint", help="An external endpoint's name.")
]
Template = Annotated[
    str | None, typer.Option(help="NAME or NAME:VERSION: a deployment is made from it for the job.")
]
Profile = Annotated[str | None, typer.Option(help="A batch profile's name.")]
Priority = Annotated[int | None, typer.Option(min=1, max=10, help="Its share beside other jobs.")]
Replicas = Annotated[int | None, typer.Option(min=1, help="Of the deployment that is made for it.")]
KeepAlive = Annotated[
    float | None,
    typer.Option(parser=seconds, metavar="TIME", help="How long that stays warm, e.g. 15m."),
]
Concurrency = Annotated[
    int | None, typer.Option("--max-concurrency", min=1, help="Requests at a time.")
]
RequestTimeout = Annotated[
    float | None,
    typer.Option(parser=seconds, metavar="TIME", help="How long one request may take."),
]
Metadata = Annotated[
    list[str] | None, typer.Option("--metadata", help="KEY=VALUE to note of it; may be repeated.")
]
Detach = Annotated[bool, typer.Option("--detach", "-d", help="Do not wait; print the job's id.")]


def run(
    file: File,
    model: Model = None,
    output: Output = None,
    errors: Errors = None,
    detach: Detach = False,
    endpoint: Endpoint = None,
    window: Window = "24h",
    target: Target = None,
    deployment: Deployment = None,
    external_endpoint: External = None,
    template: Template = None,
    profile: Profile = None,
    priority: Priority = None,
    replicas: Replicas = None,
    keep_alive: KeepAlive = None,
    max_concurrency: Concurrency = None,
    request_timeout: RequestTimeout = None,
    metadata: Metadata = None,
    server: ServerUrl = DEFAULT_SERVER,
    key: Key = None,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Run a file of requests: upload it, make a job of it, and watch it to its end.

    Lines are as OpenAI's batches have them. Where the first line is a bare request body instead, every
    bare line is wrapped; its custom_id is then line-N, N being its place in the file.

    The exit code is 0 where every line has a result, else 1. Without -o the results stay on the server:
    `modelyard batch results` prints or saves them.
    """
    from infra.commands import batch_watching as watching
    from infra.commands.batch_making import made

    saved = batch_options.errors_beside(output, errors)
    asked = opened(server, key, project)
    requests = _read(file, endpoint, model)
    said = {
        "completionWindow": window,
        "target": target and target.name,
        "deployment": deployment,
        "externalEndpoint": external_endpoint,
        "template": template_choice(template),
        "profile": profile,
        "priority": priority,
        "replicas": replicas,
        "keepAlive": keep_alive,
        "maxConcurrency": max_concurrency,
        "requestTimeout": request_timeout,
        "metadata": [{"key": k, "value": v} for k, v in pairs(metadata, "--metadata").items()],
    }
    job = made(asked, requests, said)
    if detach:
        _detached(job, as_json=as_json)
        return
    tell(f"{job['openaiId']} runs {file.name}.")
    watch = watching.Watch(server=asked, job_id=job["openaiId"], output=output, errors=saved)
    watching.conclude(watch.to_the_end(), as_json=as_json, output_path=output, errors=saved)


def validate(
    file: File,
    model: Model = None,
    endpoint: Endpoint = None,
    target: Target = None,
    deployment: Deployment = None,
    external_endpoint: External = None,
    template: Template = None,
    profile: Profile = None,
    server: ServerUrl = DEFAULT_SERVER,
    key: Key = None,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Have the server read a file as a job would, and say what is wrong and where it would run.

    The file is uploaded for that, and deleted again; nothing is run. The exit code is 1 where the job
    would be refused or would fail.
    """
    from infra.commands.batch_making import previewed

    asked = opened(server, key, project)
    said = {
        "target": target and target.name,
        "deployment": deployment,
        "externalEndpoint": external_endpoint,
        "template": template_choice(template),
        "profile": profile,
    }
    found = previewed(asked, _read(file, endpoint, model), said, VALIDATED_SECONDS)
    if as_json:
        say_json(found)
    else:
        _show(found)
    if found["errors"]:
        raise typer.Exit(1)


def _read(file: Path, endpoint: str | None, model: str | None) -> "Requests":
    from infra.commands import batch_file

    requests = batch_file.read(file, endpoint, model)
    if requests.endpoint is None:
        raise typer.BadParameter(
            "The first line does not tell what the requests are for: say it, e.g. /v1/embeddings.",
            param_hint="--endpoint",
        )
    return requests


def _detached(job: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        say_json(job)
    else:
        say(job["openaiId"])


def _show(found: dict[str, Any]) -> None:
    from infra.commands import batch_display as display

    if found["errors"]:
        say("It would fail.")
    else:
        say(f"{found['total']} requests for {found['model']}.")
    if found["target"] is not None:
        made_of = found["template"]
        of = f" of template {made_of['name']}:{made_of['version']}" if made_of else ""
        say(f"They would run at {display.place(found)}{of}: {found['targetReason']}")
    if found["errors"]:
        say_table([display.error_row(each) for each in found["errors"]])
