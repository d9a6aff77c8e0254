"""This server as a control plane: what runs its replicas, and the loop that keeps them as wanted."""

import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass

import structlog

from domain.clock import MonotonicTimer, utc_now
from domain.deployments import plan
from domain.deployments.ports import ReplicaLogs
from domain.deployments.reconciler import Reconciler
from domain.deployments.reconciler.loading import fixed_port
from domain.deployments.reconciler.tenure import LEASE, Tenure
from domain.deployments.situation import Patience
from domain.folders.ports import LocalFolders
from domain.ids import new_id
from domain.secrets.ports import Sealer
from domain.secrets.values import OpenedSecrets
from infra import autoscaling, slots
from infra import settings as surroundings
from infra.process import ephemeral, machine
from infra.process.driver import ProcessDriver, open_driver
from infra.process.logs import ProcessLogs
from infra.process.parts import Parts
from infra.process.settings import ProcessSettings
from infra.settings import Settings
from infra.store import Store

log = structlog.get_logger()

ONLY_PLANE = "server"
ONLY_HOST = "localhost"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plane:
    driver: ProcessDriver
    logs: ReplicaLogs
    reconciler: Reconciler


@asynccontextmanager
async def opened(
    settings: Settings, store: Store, sealer: Sealer, folders: LocalFolders
) -> AsyncIterator[Plane]:
    """Its reconciler does not run yet. Closed at the block's end: the replicas live on.

    Raises HostRefused where replicas of this database are another host's processes.
    """
    with _named(settings) as (plane, host):
        now = utc_now()
        await store.claim_host(host, plane, now, now + LEASE)
        _check_ports(settings)
        parts = _parts(settings, store, sealer, folders, host)
        async with open_driver(parts) as driver:
            yield Plane(
                driver=driver,
                logs=ProcessLogs(parts, driver),
                reconciler=_reconciler(settings, store, driver, plane),
            )


@contextmanager
def _named(settings: Settings) -> Iterator[tuple[str, str]]:
    """Of the plane and of the host. A SQLite database has one server at a time: whoever comes next has
    its leases at once, whatever became of it, and whatever the machine is called by then."""
    if settings.database.startswith("sqlite"):
        yield ONLY_PLANE, ONLY_HOST
        return
    with slots.taken(settings.data_dir / "planes", new_id) as plane:
        yield plane, settings.host_name or socket.gethostname()


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


def _reconciler(settings: Settings, store: Store, driver: ProcessDriver, plane: str) -> Reconciler:
    timer = MonotonicTimer()
    tenure = Tenure(leases=store.leases, plane=plane, clock=utc_now, timer=timer)
    return Reconciler(
        reads=store.reads,
        start_work=store.start_work,
        log=store.log,
        tenure=tenure,
        gateways=store.gateways,
        driver=driver,
        decide=plan.decide,
        in_place=fixed_port,
        patience=Patience(drain=settings.drain_timeout, grace=settings.stop_grace),
        clock=utc_now,
        timer=timer,
        new_id=new_id,
        logger=structlog.get_logger("domain.deployments.reconciler"),
        prune=store.prune_replicas,
        others={"autoscaling": autoscaling.autoscaler(settings, store, tenure.lease).look},
    )
