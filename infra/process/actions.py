"""What is done before an engine starts; domain.definitions.actions says what each action means."""

import asyncio
import os
import signal
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from domain.definitions import actions as meaning
from domain.definitions.definition import PreStartAction
from infra.process import exits
from infra.process.log_file import LogFile
from infra.process.processes import Processes
from infra.process.spawn import SHELL, Launch, spawn


class ActionFailed(Exception):
    """Its argument is what went wrong, as a sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Where the actions of one model happen. `environment` grows by the variables of temporary files."""

    folder: Path
    own: Path  # the replica's own folder, for what is temporary
    environment: dict[str, str]
    shell: str | None
    log: LogFile
    processes: Processes
    members: Path | None = None


async def perform(actions: Sequence[PreStartAction], stage: Stage) -> None:
    """One after the other. Raises ActionFailed."""
    for number, action in enumerate(actions, 1):
        name = meaning.title(action, number, len(actions))
        problem = meaning.wrong(action)
        if problem is None:
            problem = await _done(action, stage, name)
        if problem is not None:
            stage.log.say(f"{name}: {problem}")
            raise ActionFailed(f"{name}: {problem}.")


async def _done(action: PreStartAction, stage: Stage, name: str) -> str | None:
    stage.log.say(name)
    args = action.args
    try:
        match action.action:
            case "log":
                stage.log.say(args["message"])
            case "mkdir":
                path = stage.folder / args["path"]
                await asyncio.to_thread(path.mkdir, parents=True, exist_ok=True)
            case "write_file":
                await asyncio.to_thread(_write_file, action, stage)
            case "write_tempfile":
                await asyncio.to_thread(_write_tempfile, action, stage)
            case "run_command":
                return await _run(args["command"], stage)
    except (OSError, ValueError) as error:
        return str(error)
    return None


def _write_file(action: PreStartAction, stage: Stage) -> None:
    args = action.args
    path = stage.folder / args["filename"]
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a" if args.get("append") else "w", encoding="utf-8") as file:
        file.write(meaning.body(action))
    path.chmod(meaning.mode(action))


def _write_tempfile(action: PreStartAction, stage: Stage) -> None:
    descriptor, path = tempfile.mkstemp(dir=stage.own, prefix="file-")
    with open(descriptor, "w", encoding="utf-8") as file:
        file.write(meaning.body(action))
    os.chmod(path, meaning.mode(action))
    stage.log.say(f"wrote {path}")
    if "variable" in action.args:
        stage.environment[action.args["variable"]] = path


async def _run(command: str | list[Any], stage: Stage) -> str | None:
    """In a session of its own, with the replica's mark: what ends the replica ends it, too."""
    argv = [stage.shell or SHELL, "-c", command] if isinstance(command, str) else command
    launch = Launch(
        argv=[str(part) for part in argv],
        environment=stage.environment,
        folder=stage.folder,
        log=stage.log.path,
        pid_file=stage.own / "action.pid",
        members=stage.members,
    )
    pid = spawn(launch)
    seen = stage.processes.one(pid)
    try:
        if seen:
            await exits.gone(seen, stage.processes)
        code = await exits.code_of(pid, stage.processes)
    except asyncio.CancelledError:
        with suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)
        raise
    return None if code == 0 else f"it ended with {exits.shown(code)}"
