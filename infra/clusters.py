"""Replicas that are pods of a cluster: their driver, joined with a server's parts.

Imported only where that driver is chosen.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from domain.clock import utc_now
from domain.deployments.ports import ReplicaLogs
from domain.secrets.ports import Sealer
from domain.secrets.values import OpenedSecrets
from infra.credentials import credentials_of, google_key
from infra.k8s import cluster as clusters
from infra.k8s.cluster import Cluster
from infra.k8s.config import ClusterConfig
from infra.k8s.driver import KubernetesDriver, open_driver
from infra.k8s.informer import Informer
from infra.k8s.jobs import KubernetesJobs
from infra.k8s.kinds import Kind
from infra.k8s.logs import KubernetesLogs
from infra.k8s.manifests import names
from infra.k8s.parts import Parts
from infra.k8s.settings import KubernetesSettings
from infra.k8s.watch import Scope
from infra.settings import Settings, server_url
from infra.store import Store

OWN_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
USUAL_NAMESPACE = "modelyard"


@asynccontextmanager
async def opened(
    settings: Settings, store: Store, sealer: Sealer
) -> AsyncIterator[tuple[KubernetesDriver, ReplicaLogs]]:
    """Raises ClusterUnknown, ClusterUnavailable, Refused, SettingsRefused."""
    where = ClusterConfig(settings.kubernetes_config, settings.kubernetes_context)
    async with clusters.opened(where) as cluster:
        parts = _parts(settings, store, sealer, cluster)
        async with open_driver(parts) as driver:
            yield driver, KubernetesLogs(parts)


def namespace(settings: Settings) -> str:
    if settings.kubernetes_namespace is not None:
        return settings.kubernetes_namespace
    return OWN_NAMESPACE.read_text().strip() if OWN_NAMESPACE.is_file() else USUAL_NAMESPACE


def selected(installation: str) -> str:
    """A selector of all that the installation made."""
    return ",".join(f"{key}={value}" for key, value in names.ours(installation).items())


@asynccontextmanager
async def jobs(settings: Settings, store: Store, sealer: Sealer) -> AsyncIterator[KubernetesJobs]:
    """For batches, in a server or in a worker beside one. Raises ClusterUnknown, ClusterUnavailable."""
    where = ClusterConfig(settings.kubernetes_config, settings.kubernetes_context)
    async with clusters.opened(where) as cluster:
        within = None if settings.kubernetes_namespace_per_project else namespace(settings)
        yield KubernetesJobs(
            settings=_settings(settings, store, cluster),
            cluster=cluster,
            reads=store.reads,
            secrets=OpenedSecrets(reads=store.reads, sealer=sealer),
            server=server_url(settings) or "",
            within=within,
            selector=selected(store.installation),
            clock=utc_now,
        )


def _parts(settings: Settings, store: Store, sealer: Sealer, cluster: Cluster) -> Parts:
    own = namespace(settings)
    within = None if settings.kubernetes_namespace_per_project else own
    labels = f"{selected(store.installation)},!{names.BATCH}"

    def informer(kind: Kind) -> Informer:
        return Informer(cluster, Scope(kind, within, labels), index=names.GROUP)

    return Parts(
        settings=_settings(settings, store, cluster),
        cluster=cluster,
        pods=informer(Kind.POD),
        workloads=informer(Kind.DEPLOYMENT),
        reads=store.reads,
        secrets=OpenedSecrets(reads=store.reads, sealer=sealer),
        clock=utc_now,
    )


def _settings(settings: Settings, store: Store, cluster: Cluster) -> KubernetesSettings:
    return KubernetesSettings(
        installation=store.installation,
        version=cluster.version,
        namespace=namespace(settings),
        namespace_per_project=settings.kubernetes_namespace_per_project,
        image=settings.kubernetes_image,
        allow_host_path=settings.kubernetes_allow_host_path,
        run_as_non_root=settings.kubernetes_run_as_non_root,
        drain_timeout=settings.drain_timeout,
        stop_grace=settings.stop_grace,
        credentials=credentials_of(settings),
        gs_key=google_key(settings),
    )
