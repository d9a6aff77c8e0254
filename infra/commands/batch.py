"""`modelyard batch`: jobs that run a file of requests against a model."""

from pathlib import Path
from typing import Annotated, Any

import typer

from infra.commands import batch_running
from infra.commands.options import (
    DEFAULT_SERVER,
    Key,
    Project,
    ServerUrl,
    complete_job,
    opened,
)
from infra.output import AsJson, say, say_json, say_table, tell

batch = typer.Typer(help="Batch jobs: files of requests for a model.", no_args_is_help=True)
batch.command()(batch_running.run)
batch.command()(batch_running.validate)

Job = Annotated[
    str, typer.Argument(metavar="JOB", help="A job's id: batch_…", autocompletion=complete_job)
]
Status = Annotated[
    list[str] | None, typer.Option(help="Only those: IN_PROGRESS, COMPLETED …; may be repeated.")
]
Model = Annotated[str | None, typer.Option(help="Only those of this model.")]
Limit = Annotated[int, typer.Option("--limit", "-n", min=1, help="At most so many.")]
Follow = Annotated[
    bool, typer.Option("--follow", "-f", help="Go on as they come, until the job is final.")
]
Output = Annotated[
    Path | None,
    typer.Option(
        "--output", "-o", help="Save the results of a final job, in input order, to this file."
    ),
]
Errors = Annotated[
    Path | None, typer.Option(help="Where errors are saved [beside -o, as NAME.errors.jsonl].")
]


@batch.command()
def ls(
    status: Status = None,
    model: Model = None,
    limit: Limit = 20,
    server: ServerUrl = DEFAULT_SERVER,
    key: Key = None,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """List jobs, newest first."""
    from itertools import islice

    from infra.client import batch_documents as documents
    from infra.commands import batch_display as display
    from infra.commands.deployments import pages

    wanted: dict[str, Any] = {}
    if status:
        wanted["status"] = {"in": [each.upper() for each in status]}
    if model is not None:
        wanted["model"] = {"eq": model}
    asked = opened(server, key, project)
    first = min(limit, 100)
    found = pages(asked, documents.LIST, "batchJobs", filter=wanted or None, first=first)
    listed = list(islice(found, limit))
    if as_json:
        say_json(listed)
    elif listed:
        say_table([display.row(each) for each in listed])
    else:
        tell("There are no such jobs; `modelyard batch run` makes one.")


@batch.command()
def describe(
    job: Job,
    server: ServerUrl = DEFAULT_SERVER,
    key: Key = None,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Show all of a job: why it stands where it stands, where it runs, what was wrong."""
    from infra.client import batch_documents as documents
    from infra.commands import batch_display as display

    found = _found(opened(server, key, project), documents.DESCRIBE, job)
    if as_json:
        say_json(found)
    else:
        display.print_out(found)


@batch.command()
def cancel(
    job: Job,
    server: ServerUrl = DEFAULT_SERVER,
    key: Key = None,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """End a job: nothing more is sent, and what was done is kept."""
    from infra.client import batch_documents as documents

    _decided(opened(server, key, project), documents.CANCEL, job, as_json=as_json)


@batch.command()
def pause(
    job: Job,
    server: ServerUrl = DEFAULT_SERVER,
    key: Key = None,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Have a job send nothing more until it is resumed; its window goes on."""
    from infra.client import batch_documents as documents

    _decided(opened(server, key, project), documents.PAUSE, job, as_json=as_json)


@batch.command()
def resume(
    job: Job,
    server: ServerUrl = DEFAULT_SERVER,
    key: Key = None,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Have a paused job go on."""
    from infra.client import batch_documents as documents

    _decided(opened(server, key, project), documents.RESUME, job, as_json=as_json)


@batch.command()
def retry(
    job: Job,
    server: ServerUrl = DEFAULT_SERVER,
    key: Key = None,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Make a new job of the lines of a final one that have no result."""
    from infra.client import batch_documents as documents

    _decided(opened(server, key, project), documents.RETRY, job, as_json=as_json)


@batch.command()
def results(
    job: Job,
    follow: Follow = False,
    output: Output = None,
    errors: Errors = None,
    server: ServerUrl = DEFAULT_SERVER,
    key: Key = None,
    project: Project = None,
) -> None:
    """Print what is done so far as JSON lines, results and errors, in the order in which they came.

    With -f it goes on until the job is final; the exit code then says whether every line has a result.
    With -o nothing is printed: the result files of the final job are saved, in input order (with -f:
    once it is final).
    """
    from infra.client import batch_documents as documents
    from infra.commands import batch_display as display
    from infra.commands import batch_watching as watching

    asked = opened(server, key, project)
    found = _found(asked, documents.FIND, job)
    saved = watching.beside(output, errors)
    watch = watching.Watch(
        server=asked,
        job_id=found["openaiId"],
        output=output,
        errors=saved,
        prints=output is None and errors is None,
    )
    if follow:
        ended = watch.to_the_end()
        watching.conclude(ended, as_json=False, output_path=output, errors=saved)
    elif watch.prints:
        watching.Printed(asked).print(found)
    elif display.is_final(found):
        watch.fetch(found)
    else:
        raise typer.BadParameter("The job is not final yet: add -f to wait for it.")


def _found(server: Any, document: str, job: str) -> dict[str, Any]:
    """Raises NotFound."""
    from domain.errors import NotFound

    found = server.ask(document, id=job)["batchJob"]
    if found is None:
        raise NotFound(kind="batch job", id=job)
    return dict(found)


def _decided(server: Any, document: str, job: str, *, as_json: bool) -> None:
    from infra.commands import batch_display as display

    done = server.change(document, {"batchJobId": job})["batchJob"]
    if as_json:
        say_json(done)
    else:
        say(f"{done['openaiId']} is {display.status(done)}.")
