"""What the driver of a cluster works with."""

from collections.abc import Sequence
from dataclasses import dataclass

from domain.clock import Clock
from domain.deployments.ports import SecretValues
from domain.work import Reads
from infra.k8s.cluster import Cluster
from infra.k8s.informer import Informer
from infra.k8s.kinds import Object
from infra.k8s.settings import KubernetesSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    settings: KubernetesSettings
    cluster: Cluster
    pods: Informer
    workloads: Informer
    reads: Reads
    secrets: SecretValues
    clock: Clock

    @property
    def is_in_sync(self) -> bool:
        """Whether what the informers know is what is there."""
        return self.pods.in_sync and self.workloads.in_sync

    def pods_of(self, group_id: str) -> Sequence[Object]:
        return tuple(self.pods.labelled(group_id))

    def workload_of(self, group_id: str) -> Object | None:
        return next(iter(self.workloads.labelled(group_id)), None)
