"""`modelyard batch`: jobs that run a file of requests against a model."""

from typing import Annotated, Any

import typer

from infra.commands import batch_options, batch_running
from infra.commands.batch_options import Errors, Job, Output
from infra.commands.options import DEFAULT_SERVER, Key, Project, ServerUrl, opened
from infra.output import AsJson, say, say_json, say_table, tell

DECISIONS = {
    "cancel": "End a job: nothing more is sent, and what was done is kept.",
    "pause": "Have a job send nothing more until it is resumed; its window goes on.",
    "resume": "Have a paused job go on.",
    "retry": "Make a new job of the lines of a final one that have no result.",
}

batch = typer.Typer(help="Batch jobs: files of requests for a model.", no_args_is_help=True)
batch.command()(batch_running.run)
batch.command()(batch_running.validate)

Status = Annotated[
    list[batch_options.Status] | None,
    typer.Option(case_sensitive=False, help="Only those; may be repeated."),
]
Model = Annotated[str | None, typer.Option(help="Only those of this model.")]
Limit = Annotated[int, typer.Option("--limit", "-n", min=1, help="At most so many.")]
Follow = Annotated[
    bool, typer.Option("--follow", "-f", help="Go on as they come, until the job is final.")
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
        wanted["status"] = {"in": [each.name for each in status]}
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


def _add_decision(verb: str, words: str) -> None:
    """The commands that decide about a job differ in their name alone."""

    def decide(
        job: Job,
        server: ServerUrl = DEFAULT_SERVER,
        key: Key = None,
        project: Project = None,
        as_json: AsJson = False,
    ) -> None:
        from infra.client import batch_documents as documents
        from infra.commands import batch_display as display

        asked = opened(server, key, project)
        done = asked.change(documents.decision(verb), {"batchJobId": job})["batchJob"]
        if as_json:
            say_json(done)
        else:
            say(f"{done['openaiId']} is {display.status(done)}.")

    batch.command(verb, help=words)(decide)


for verb, words in DECISIONS.items():
    _add_decision(verb, words)


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
    With -o or --errors the result files of the final job are saved instead, in input order (with -f:
    once it is final).
    """
    from infra.client import batch_documents as documents
    from infra.commands import batch_display as display
    from infra.commands import batch_watching as watching

    saved = batch_options.errors_beside(output, errors)
    asked = opened(server, key, project)
    found = _found(asked, documents.FIND, job)
    watch = watching.Watch(
        server=asked,
        job_id=found["openaiId"],
        output=output,
        errors=saved,
        prints=output is None and errors is None,
    )
    if follow:
        watching.conclude(watch.to_the_end(), as_json=False, output_path=output, errors=saved)
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
