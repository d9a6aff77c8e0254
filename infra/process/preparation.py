"""Everything between a replica's row and its processes: folder, secrets, ports, pre-start actions."""

import asyncio
import os
import posixpath
import shutil
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import structlog

from domain.definitions import render
from domain.definitions.definition import Definition, Model, Service
from domain.deployments.deployment import Revision
from domain.deployments.reason import Reason
from domain.deployments.replica import Replica
from domain.errors import (
    DefinitionError,
    FolderRefused,
    PortsExhausted,
    SealBroken,
    StorageUnavailable,
)
from infra.process.actions import ActionFailed, Stage, perform
from infra.process.environment import environment
from infra.process.listening import is_free
from infra.process.parts import CantStart, Parts
from infra.process.places import LOCALHOST
from infra.process.spawn import Launch

log = structlog.get_logger()
T = TypeVar("T")

ATTEMPTS = 20  # at ports, before it is said that they are taken
PAUSE = 0.2  # seconds between looks at a port that the command fixes
DATABASE_PAUSE = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    model: Model
    port: int
    launch: Launch


async def prepare(parts: Parts, replica: Replica, revision: Revision) -> Sequence[Prepared]:
    """One launch for each model with a service. Raises CantStart."""
    if not served(revision.definition):
        raise CantStart(Reason.START_FAILED, "No model of the definition has a service.")
    own = parts.settings.replicas / replica.id
    folder = await _folder(parts, revision, own)
    variables = await _variables(parts, revision)
    ports = await _ports(parts, replica, revision.definition)
    members = parts.limits.hold(replica.id, revision.resources)
    if members is None and parts.limits.wanted(revision.resources):
        parts.log(replica.id).say("cpu and memory are not limited: there is no cgroup to do so")
    prepared = []
    for index, (model, service) in enumerate(served(revision.definition)):
        values = render.Values(
            model_path=local_path(model.model_path, revision.mount_path, folder),
            port=ports[model.name],
            host=LOCALHOST,
            name=model.name,
        )
        place = {"PORT": str(values.port), "HOST": LOCALHOST, "MODEL_PATH": values.model_path}
        stage = Stage(
            folder=folder,
            own=own,
            environment=environment(parts.settings, variables, place, parts.mark(replica.id)),
            shell=service.shell,
            log=parts.log(replica.id),
            processes=parts.processes,
            members=members,
        )
        argv = argv_of(model, values)
        try:
            await perform(service.pre_start_actions, stage)
        except ActionFailed as error:
            raise CantStart(Reason.PRE_START_FAILED, str(error)) from error
        launch = Launch(
            argv=[_executable(argv[0], stage), *argv[1:]],
            environment=stage.environment,
            folder=folder,
            log=stage.log.path,
            pid_file=own / f"process-{index}.pid",
            members=members,
        )
        prepared.append(Prepared(model=model, port=values.port, launch=launch))
    return prepared


def served(definition: Definition) -> Sequence[tuple[Model, Service]]:
    return [(model, model.service) for model in definition.models if model.service is not None]


def local_path(model_path: str, mount_path: str, folder: Path) -> str:
    """Where a path beneath the mount path lies on this machine; any other path stays."""
    path, mount = posixpath.normpath(model_path), posixpath.normpath(mount_path)
    if path == mount:
        return str(folder)
    prefix = mount.rstrip("/") + "/"
    return str(folder / path.removeprefix(prefix)) if path.startswith(prefix) else model_path


def argv_of(model: Model, values: render.Values) -> Sequence[str]:
    try:
        argv = render.argv(model, values)
    except (DefinitionError, ValueError) as error:
        raise CantStart(Reason.START_FAILED, f"{model.name}: {error}") from error
    if not argv:
        says = f"{model.name} has no start command, and a process has no image's own."
        raise CantStart(Reason.START_FAILED, says)
    return argv


def _executable(name: str, stage: Stage) -> str:
    """The file that is executed, found as a shell finds it; said now, while we can say it well."""
    path = str(stage.folder / name) if "/" in name else name
    found = shutil.which(path, path=stage.environment["PATH"])
    if found is None:
        raise CantStart(Reason.START_FAILED, f"The command {name!r} is not there or can't be run.")
    return os.path.abspath(found)


async def _folder(parts: Parts, revision: Revision, own: Path) -> Path:
    if revision.folder is None:
        folder = own / "work"
        await asyncio.to_thread(folder.mkdir, exist_ok=True)
        return folder
    try:
        return await parts.folders.local(revision.folder.uri)
    except (FolderRefused, StorageUnavailable) as error:
        raise CantStart(Reason.FOLDER_UNREADABLE, error.message) from error


async def _variables(parts: Parts, revision: Revision) -> Mapping[str, str]:
    """The revision's environment, with its secrets opened."""
    said = revision.environment
    names = {each.secret for each in said.values() if each.secret is not None}
    try:
        opened = await _answered(lambda: parts.secrets.open(revision.project_id, names))
    except SealBroken as error:
        raise CantStart(Reason.SECRET_UNREADABLE, error.message) from error
    missing = sorted(names - set(opened))
    if missing:
        says = f"There is no secret {missing[0]!r} any more, which the environment names."
        raise CantStart(Reason.SECRET_NOT_FOUND, says)
    return {
        name: opened[each.secret] if each.secret is not None else each.value or ""
        for name, each in said.items()
    }


async def _ports(parts: Parts, replica: Replica, definition: Definition) -> Mapping[str, int]:
    """A port for each model, free a moment ago."""
    fixed, told = {}, []
    for model, service in served(definition):
        if render.has_fixed_port(service.start_command):
            fixed[model.name] = service.port
        else:
            told.append(model.name)
    for name, port in fixed.items():
        await _freed(parts, name, port)
    for _ in range(ATTEMPTS if told else 0):
        avoid = {*parts.taken.at(parts.clock()), *fixed.values()}
        reserved = await _reserved(parts, replica, told, avoid)
        taken = [port for port in reserved.values() if not is_free(port)]
        if not taken:
            return {**fixed, **reserved}
        for port in taken:
            parts.avoid(port)
    if told:
        raise CantStart(Reason.PORT_TAKEN, f"{ATTEMPTS} ports in a row were taken by others.")
    return fixed


async def _reserved(
    parts: Parts, replica: Replica, models: Sequence[str], avoid: set[int]
) -> Mapping[str, int]:
    host = parts.settings.host
    try:
        return await _answered(lambda: parts.ports.reserve(host, replica.id, models, avoid))
    except PortsExhausted as error:
        raise CantStart(Reason.START_FAILED, error.message) from error


async def _freed(parts: Parts, name: str, port: int) -> None:
    """A port that the command fixes may still be its predecessor's. No other port will do, so that it
    is taken counts as a failed start."""
    loop = asyncio.get_running_loop()
    until = loop.time() + parts.settings.port_wait.total_seconds()
    while not is_free(port):
        if loop.time() >= until:
            says = (
                f"{name}: port {port} is taken, and the command names neither {{port}} nor $PORT."
            )
            raise CantStart(Reason.START_FAILED, says)
        await asyncio.sleep(PAUSE)


async def _answered(ask: Callable[[], Awaitable[T]]) -> T:
    """Once the database answers: that it doesn't is no fault of the revision's."""
    while True:
        try:
            return await ask()
        except StorageUnavailable as error:
            log.warning("a replica waits for the database", problem=error.problem)
        await asyncio.sleep(DATABASE_PAUSE)
