"""The options that several of `modelyard batch …` have."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from infra.commands.options import complete_job

STDOUT = Path("-")


class Target(StrEnum):
    DEPLOYMENT = "deployment"
    DEDICATED = "dedicated"
    KUBERNETES_JOB = "kubernetes_job"
    EXTERNAL = "external"
    ECHO = "echo"


class Status(StrEnum):
    VALIDATING = "validating"
    IN_PROGRESS = "in_progress"
    FINALIZING = "finalizing"
    CANCELLING = "cancelling"
    COMPLETED = "completed"
    FAILED = "failed"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


def _with_its_folder(path: Path | None) -> Path | None:
    """Said before the job runs: nobody wants to hear of it a day later."""
    if path is not None and path != STDOUT and not path.parent.is_dir():
        raise typer.BadParameter(f"There is no folder {str(path.parent)!r}.")
    return path


Job = Annotated[
    str, typer.Argument(metavar="JOB", help="A job's id: batch_…", autocompletion=complete_job)
]
Output = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        dir_okay=False,
        allow_dash=True,
        callback=_with_its_folder,
        help="Save the results of the final job, in input order, to this file (-: print).",
    ),
]
Errors = Annotated[
    Path | None,
    typer.Option(
        dir_okay=False,
        allow_dash=True,
        callback=_with_its_folder,
        help="Where errors are saved [beside -o, as NAME.errors.jsonl].",
    ),
]


def errors_beside(output: Path | None, errors: Path | None) -> Path | None:
    """Where errors go: `out.jsonl` has them in `out.errors.jsonl`, if nothing else was said. Raises
    BadParameter where one of the two would take the place of the other."""
    if output is None or output == STDOUT or is_special(output):
        return errors
    if errors is None:
        return output.with_name(f"{output.stem}.errors{output.suffix}")
    if errors != STDOUT and errors.resolve() == output.resolve():
        raise typer.BadParameter("Results go there already.", param_hint="--errors")
    return errors


def is_special(path: Path) -> bool:
    """A pipe or a device: written to, never replaced."""
    return path.exists() and not path.is_file()
