"""How this process reaches replicas: at their own addresses, or through their cluster's API server."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from domain.deployments.proxy import Proxy
from infra.k8s.routing import ThroughApiServer
from infra.settings import Driver, Routing, Settings

if TYPE_CHECKING:
    from infra.k8s.cluster import Cluster

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")


@asynccontextmanager
async def opened(settings: Settings, account: Path = ACCOUNT) -> AsyncIterator[Proxy | None]:
    """None: at their own addresses. The cluster is not asked for anything before it is needed."""
    if not is_through_proxy(settings, account):
        yield None
        return
    proxy = ThroughApiServer(lambda: _cluster(settings))
    try:
        yield proxy
    finally:
        await proxy.close()


def is_through_proxy(settings: Settings, account: Path = ACCOUNT) -> bool:
    """`account` is a folder that each pod has: who is in one of the cluster reaches the others there. One
    that is given another cluster's configuration is outside of that."""
    if settings.driver is not Driver.KUBERNETES:
        return False
    if settings.kubernetes_routing is not Routing.AUTO:
        return settings.kubernetes_routing is Routing.PROXY
    elsewhere = settings.kubernetes_config or settings.kubernetes_context
    return bool(elsewhere) or not (account / "token").is_file()


@asynccontextmanager
async def _cluster(settings: Settings) -> AsyncIterator["Cluster"]:
    """Its library takes seconds to load, which others need not wait for."""
    await asyncio.to_thread(import_module, "infra.k8s.cluster")
    from infra.k8s.cluster import opened
    from infra.k8s.config import ClusterConfig

    where = ClusterConfig(settings.kubernetes_config, settings.kubernetes_context)
    async with opened(where) as cluster:
        yield cluster
