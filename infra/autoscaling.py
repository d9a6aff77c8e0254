"""What has deployments follow their load, joined with this server's store."""

from collections.abc import Callable

from domain.autoscaling.loop import Autoscaler
from domain.autoscaling.wake import Waking
from domain.autoscaling.watch import Ceilings, Watch
from domain.clock import utc_now
from domain.deployments.deployment import Revision
from domain.deployments.ports import Lease
from domain.deployments.reconciler.loading import fixed_port
from infra.settings import Driver, Settings
from infra.store import Store


def autoscaler(
    settings: Settings, store: Store, lease: Callable[[int], Lease | None]
) -> Autoscaler:
    """`lease` is the control plane's of a shard, None for others'."""
    return Autoscaler(
        start_work=store.start_work,
        reads=store.reads,
        gateways=store.gateways,
        watch=Watch(reads=store.reads, log=store.log, ceilings=_ceilings(settings, store)),
        lease=lease,
        clock=utc_now,
    )


def waking(settings: Settings, store: Store) -> Waking:
    return Waking(
        start_work=store.start_work,
        reads=store.reads,
        gateways=store.gateways,
        ceilings=_ceilings(settings, store),
        clock=utc_now,
    )


def _ceilings(settings: Settings, store: Store) -> Ceilings:
    in_place = fixed_port if settings.driver is Driver.PROCESS else _anywhere
    return Ceilings(reads=store.reads, in_place=in_place)


def _anywhere(revision: Revision) -> bool:
    return False
