"""This server as a control plane: what runs its replicas, and the loop that keeps them as wanted."""

import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass

import structlog

from domain.clock import MonotonicTimer, utc_now
from domain.deployments import plan
from domain.deployments.deployment import Revision
from domain.deployments.ports import Driver, ReplicaLogs
from domain.deployments.reconciler import Reconciler
from domain.deployments.reconciler.loading import fixed_port
from domain.deployments.reconciler.tenure import LEASE, Tenure
from domain.deployments.situation import Patience
from domain.folders.ports import LocalFolders
from domain.ids import new_id
from domain.secrets.ports import Sealer
from infra import autoscaling, processes, slots
from infra.settings import Driver as Chosen
from infra.settings import Settings
from infra.store import Store

ONLY_PLANE = "server"
ONLY_HOST = "localhost"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plane:
    """`count` is how many replicas outlive this server on its machine; `reconciler` does not run yet."""

    logs: ReplicaLogs
    reconciler: Reconciler
    count: Callable[[], int]


@asynccontextmanager
async def opened(
    settings: Settings, store: Store, sealer: Sealer, folders: LocalFolders
) -> AsyncIterator[Plane]:
    """Closed at the block's end: the replicas live on.

    Raises HostRefused where replicas of this database are another host's processes; ClusterUnknown and
    ClusterUnavailable where they are pods.
    """
    with _named(settings) as (plane, host):
        if settings.driver is Chosen.KUBERNETES:
            from infra import clusters  # it takes a second and 50 MB

            async with clusters.opened(settings, store, sealer) as (pods, logs):
                reconciler = _reconciler(settings, store, pods, plane, in_place=_beside)
                yield Plane(logs=logs, reconciler=reconciler, count=_none)
            return
        now = utc_now()
        await store.claim_host(host, plane, now, now + LEASE)
        async with processes.opened(settings, store, sealer, folders, host) as (driver, written):
            reconciler = _reconciler(settings, store, driver, plane, in_place=fixed_port)
            yield Plane(logs=written, reconciler=reconciler, count=lambda: driver.running)


@contextmanager
def _named(settings: Settings) -> Iterator[tuple[str, str]]:
    """Of the plane and of the host. A SQLite database has one server at a time: whoever comes next has
    its leases at once, whatever became of it, and whatever the machine is called by then."""
    if settings.database.startswith("sqlite"):
        yield ONLY_PLANE, ONLY_HOST
        return
    with slots.taken(settings.data_dir / "planes", new_id) as plane:
        yield plane, settings.host_name or socket.gethostname()


def _beside(revision: Revision) -> bool:
    """Each pod has an address, and so every port, of its own."""
    return False


def _none() -> int:
    """Pods are the cluster's."""
    return 0


def _reconciler(
    settings: Settings,
    store: Store,
    driver: Driver,
    plane: str,
    *,
    in_place: Callable[[Revision], bool],
) -> Reconciler:
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
        in_place=in_place,
        patience=Patience(drain=settings.drain_timeout, grace=settings.stop_grace),
        clock=utc_now,
        timer=timer,
        new_id=new_id,
        logger=structlog.get_logger("domain.deployments.reconciler"),
        prune=store.prune_replicas,
        others={"autoscaling": autoscaling.autoscaler(settings, store, tenure.lease).look},
    )
