"""Replicas that are processes of this server's machine: their driver, joined with a server's parts."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog

from domain.clock import utc_now
from domain.deployments.ports import ReplicaLogs
from domain.folders.ports import LocalFolders
from domain.secrets.ports import Sealer
from domain.secrets.values import OpenedSecrets
from infra import settings as surroundings
from infra.process import ephemeral, machine
from infra.process.driver import ProcessDriver, open_driver
from infra.process.logs import ProcessLogs
from infra.process.parts import Parts
from infra.process.settings import ProcessSettings
from infra.settings import Settings
from infra.store import Store

log = structlog.get_logger()


@asynccontextmanager
async def opened(
    settings: Settings, store: Store, sealer: Sealer, folders: LocalFolders, host: str
) -> AsyncIterator[tuple[ProcessDriver, ReplicaLogs]]:
    _check_ports(settings)
    parts = _parts(settings, store, sealer, folders, host)
    async with open_driver(parts) as driver:
        yield driver, ProcessLogs(parts, driver)


def _check_ports(settings: Settings) -> None:
    first, last = settings.replica_ports
    if shared := ephemeral.overlap(range(first, last + 1)):
        log.warning(
            "replica ports are ephemeral ones of this system: others may take them",
            setting="MODELYARD_REPLICA_PORTS",
            first=shared[0],
            last=shared[-1],
        )


def _parts(
    settings: Settings, store: Store, sealer: Sealer, folders: LocalFolders, host: str
) -> Parts:
    processes = machine.processes()
    return Parts(
        settings=ProcessSettings(
            data_dir=settings.data_dir.absolute(),
            installation=store.installation,
            host=host,
            environ=surroundings.environment(),
            inherit=settings.process_inherit_env,
        ),
        processes=processes,
        boot=processes.boot(),
        reads=store.reads,
        ports=store.place_ports,
        secrets=OpenedSecrets(reads=store.reads, sealer=sealer),
        folders=folders,
        clock=utc_now,
        limits=machine.limits(),
    )
