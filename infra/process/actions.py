"""What is done before an engine starts, with the arguments that Backend.AI's model services know.

    write_file      filename, body (text, or a list of lines), mode "644", append false
    write_tempfile  body, mode "644", variable: the environment variable that holds its path from then on
    run_command     command (text for the shell, or a list), echo
    mkdir           path
    log             message, debug false

Paths are relative to the folder that the engine runs in. What commands write goes to the replica's log,
whatever `echo` says; a command that fails ends the replica.
"""

import asyncio
import os
import signal
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from domain.definitions.definition import PreStartAction
from infra.process import exits
from infra.process.log_file import LogFile
from infra.process.processes import Processes
from infra.process.spawn import SHELL, Launch, spawn

TEXTS = (str, list)
ARGUMENTS: Mapping[str, Mapping[str, tuple[type, ...]]] = {
    "write_file": {"filename": (str,), "body": TEXTS, "mode": (str, int), "append": (bool,)},
    "write_tempfile": {"body": TEXTS, "mode": (str, int), "variable": (str,)},
    "run_command": {"command": TEXTS, "echo": (bool,)},
    "mkdir": {"path": (str,)},
    "log": {"message": (str,), "debug": (bool,)},
}
NEEDED = frozenset({"filename", "body", "command", "path", "message"})


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
        name = f"pre-start action {number} of {len(actions)}, {action.action}"
        problem = wrong(action)
        if problem is None:
            problem = await _done(action, stage, name)
        if problem is not None:
            stage.log.say(f"{name}: {problem}")
            raise ActionFailed(f"{name}: {problem}.")


def wrong(action: PreStartAction) -> str | None:
    """What is wrong with its arguments."""
    known = ARGUMENTS[action.action]
    for name, value in action.args.items():
        if name not in known:
            return f"there is no argument {name!r}, only {', '.join(known)}"
        kinds = known[name]
        members = value if isinstance(value, list) else []
        fits = isinstance(value, kinds) and (bool in kinds or not isinstance(value, bool))
        if not fits or not all(isinstance(each, str | int | float) for each in members):
            return f"the argument {name!r} has the wrong type"
    missing = [name for name in known if name in NEEDED and not action.args.get(name)]
    if missing:
        return f"the argument {missing[0]!r} is missing"
    return None if "mode" not in action.args or _mode(action.args) else "mode is octal, as 644"


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
                await asyncio.to_thread(_write_file, args, stage)
            case "write_tempfile":
                await asyncio.to_thread(_write_tempfile, args, stage)
            case "run_command":
                return await _run(args["command"], stage)
    except (OSError, ValueError) as error:
        return str(error)
    return None


def _write_file(args: Mapping[str, Any], stage: Stage) -> None:
    path = stage.folder / args["filename"]
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a" if args.get("append") else "w", encoding="utf-8") as file:
        file.write(_body(args["body"]))
    path.chmod(_mode(args) or 0o644)


def _write_tempfile(args: Mapping[str, Any], stage: Stage) -> None:
    descriptor, path = tempfile.mkstemp(dir=stage.own, prefix="file-")
    with open(descriptor, "w", encoding="utf-8") as file:
        file.write(_body(args["body"]))
    os.chmod(path, _mode(args) or 0o644)
    stage.log.say(f"wrote {path}")
    if "variable" in args:
        stage.environment[args["variable"]] = path


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


def _body(written: str | list[Any]) -> str:
    return written if isinstance(written, str) else "".join(f"{line}\n" for line in written)


def _mode(args: Mapping[str, Any]) -> int | None:
    try:
        mode = int(str(args.get("mode", "644")).removeprefix("0o"), 8)
    except ValueError:
        return None
    return mode if 0 < mode <= 0o7777 else None
