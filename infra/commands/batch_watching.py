"""Watching a job to its end, fed by the subscription to its progress; whatever happens to the server
meanwhile, it is found again."""

import os
import sys
from collections.abc import Generator, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from shutil import copyfileobj
from tempfile import TemporaryFile
from typing import Any, BinaryIO, NoReturn

import typer

from domain.errors import ModelyardError
from infra import output
from infra.client import batch_documents as documents
from infra.client.errors import ConnectionLost
from infra.client.files import Files
from infra.client.following import Line, received
from infra.client.server import Server
from infra.client.socket import Socket
from infra.commands import batch_display as display
from infra.commands.batch_options import STDOUT, is_special
from infra.commands.batch_progress import Show, shown

FAILED = 1
INTERRUPTED = 130

Job = Mapping[str, Any]
States = Generator[Job, None, None]


@dataclass(eq=False, kw_only=True)
class FileUnwritable(ModelyardError):
    """{path!r} can't be written: {problem}."""

    path: str
    problem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """`job_id` as either API names it. `output`, `errors`: where the result files go once the job is
    final. `prints`: results go to the standard output as they are committed."""

    server: Server
    job_id: str
    output: Path | None = None
    errors: Path | None = None
    prints: bool = False

    def to_the_end(self) -> Job:
        """The final job, with its files fetched; raises typer.Exit where the user has had enough."""
        try:
            with shown() as show:
                return self._watched(show)
        except KeyboardInterrupt as enough:
            output.tell(
                f"No longer watching. The job goes on: `modelyard batch results {self.job_id} -f` "
                f"watches it again, `modelyard batch cancel {self.job_id}` ends it."
            )
            raise typer.Exit(INTERRUPTED) from enough

    def _watched(self, show: Show) -> Job:
        line = Line(server=self.server, tell=show.tell)
        seen = Printed(self.server) if self.prints else None

        def use(socket: Socket) -> States:
            socket.subscribe("progress", documents.PROGRESS, {"batchJobId": self.job_id})
            while data := received(socket):
                job = data["batchJobProgress"]
                if seen is not None:
                    seen.print(job)
                if display.is_final(job):
                    self.fetch(job)
                    socket.unsubscribe("progress")
                    yield job
                    return
                yield job
            raise ConnectionLost(url=self.server.url, problem="the subscription ended")

        with closing(line.sockets(use)) as states:
            for job in states:
                show.state(job)
                if display.is_final(job):
                    return job
        raise AssertionError

    def fetch(self, job: Job) -> None:
        """The result files of a final job, in input order."""
        for file, path in ((job["outputFile"], self.output), (job["errorFile"], self.errors)):
            if path is not None and file is not None:
                save(Files(self.server).content(file["openaiId"]), path)


@dataclass(slots=True)
class Printed:
    """Up to where results were printed. A page is printed whole or not at all, so that none comes twice
    when the connection is lost in its middle."""

    server: Server
    after: str | None = None
    known: int = -1

    def print(self, job: Job) -> None:
        """What was committed since; nothing is asked for where nothing can have been."""
        done = display.done(job)
        if done == self.known and not display.is_final(job):
            return
        while True:
            lines, cursor = Files(self.server).results(job["openaiId"], self.after)
            if lines:
                sys.stdout.buffer.write(lines)
                sys.stdout.buffer.flush()
            if not lines or cursor is None or cursor == self.after:
                break
            self.after = cursor
        self.known = done


def save(pieces: Iterable[bytes], path: Path) -> None:
    """The whole file, or none: what is there already stays until all has come. Raises FileUnwritable."""
    if path == STDOUT:
        _write_whole(pieces, sys.stdout.buffer)
        return
    try:
        if is_special(path):
            with path.open("wb") as file:
                _write_whole(pieces, file)
        else:
            _replace(pieces, path.resolve())  # what a link names, not the link
    except OSError as error:
        raise FileUnwritable(path=str(path), problem=error.strerror or str(error)) from error


def _write_whole(pieces: Iterable[bytes], file: BinaryIO) -> None:
    """To where nothing can be taken back: not before all has come."""
    with TemporaryFile() as coming:
        coming.writelines(pieces)
        coming.seek(0)
        copyfileobj(coming, file)
    file.flush()


def _replace(pieces: Iterable[bytes], path: Path) -> None:
    coming = path.with_name(f".{path.name}.part")
    try:
        with coming.open("wb") as file:
            file.writelines(pieces)
        os.replace(coming, path)
    finally:
        coming.unlink(missing_ok=True)


def conclude(job: Job, *, as_json: bool, output_path: Path | None, errors: Path | None) -> None:
    """Say how it ended; raises typer.Exit where not every line has a result."""
    if as_json:
        output.say_json(job)
    else:
        output.tell(display.sentence(job))
        for what, file, path in (
            ("Results", job["outputFile"], output_path),
            ("Errors", job["errorFile"], errors),
        ):
            if file is not None and path is not None and path != STDOUT:
                output.tell(f"{what} are in {path}.")
    if not display.succeeded(job):
        _problems(job)


def _problems(job: Job) -> NoReturn:
    if job["message"]:
        output.tell(f"modelyard: {' '.join(job['message'].split())}")
    for error in job["errors"]:
        where = f"line {error['line']}: " if error["line"] is not None else ""
        output.tell(f"  {where}{error['code']}: {error['message']}")
    raise typer.Exit(FAILED)
