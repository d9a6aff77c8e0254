"""Which pod is whose, and how many pods a group's workload is to have. Pure.

Pods come from a Kubernetes Deployment, whose ReplicaSet makes and replaces them also while no control
plane looks; replicas are rows. A pod is bound to its replica by a label, for good.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from domain.deployments.replica import Replica, ReplicaStatus
from infra.k8s import objects
from infra.k8s.kinds import Object
from infra.k8s.manifests import names


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """What is there of a replica group. `replicas` are all that have not exited, oldest first."""

    replicas: Sequence[Replica]
    pods: Sequence[Object]
    workload: Object | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """`pods` by the id of the replica that has it; `to_bind` are pairs that nobody has written yet.

    `size` is how many pods the workload is to have. A ReplicaSet that is to have fewer picks those that go
    by itself, healthy ones too: so it is told only once no more are left, and what is nobody's
    (`surplus`) is deleted before. `orphans` go in any case: the ReplicaSet counts them, and makes none in
    their place for who waits for one.
    """

    pods: Mapping[str, Object]
    to_bind: Sequence[tuple[Replica, Object]] = field(default=())
    size: int
    surplus: Sequence[Object] = field(default=())
    strays: Sequence[Object] = field(default=())  # nobody's, and on their way out
    orphans: Sequence[Object] = field(default=())  # their replica has exited, or another pod


def bind(group: Group) -> Binding:
    rows = {uid: r.id for r in group.replicas if (uid := _uid(r)) is not None}
    owned = [(_owner(pod, rows), pod) for pod in group.pods]
    living = {replica.id for replica in group.replicas}
    bound: dict[str, Object] = {}
    others: list[Object] = []
    for owner, pod in sorted(owned, key=lambda pair: _claim(pair[1], rows)):
        if owner is None:
            continue
        if owner not in living or bound.setdefault(owner, pod) is not pod:
            others.append(pod)
    nobodys = [pod for owner, pod in owned if owner is None]
    free = sorted((pod for pod in nobodys if not _is_over(pod)), key=_age)
    lacking = [
        replica
        for replica in group.replicas
        if replica.status is ReplicaStatus.STARTING
        and replica.placement is None
        and replica.id not in bound
    ]
    size = sum(_needs_pod(replica, bound.get(replica.id)) for replica in group.replicas)
    has = objects.size(group.workload) if group.workload is not None else 0
    left = free[len(lacking) :]
    return Binding(
        pods={r.id: bound[r.id] for r in group.replicas if r.id in bound},
        to_bind=list(zip(lacking, free, strict=False)),
        size=size,
        surplus=left[-(has - size) :] if has > size else (),
        strays=[pod for pod in (*nobodys, *others) if objects.is_leaving(pod)],
        orphans=[pod for pod in others if not _is_over(pod)],
    )


def _uid(replica: Replica) -> str | None:
    """Of the pod that its row says it has."""
    return None if replica.placement is None else replica.placement.get("uid")


def _owner(pod: Object, rows: Mapping[str, str]) -> str | None:
    """A row may know of the label before we are told of it."""
    return objects.label(pod, names.REPLICA) or rows.get(objects.uid(pod))


def _claim(pod: Object, rows: Mapping[str, str]) -> tuple[object, ...]:
    """Two may bear one replica's label, where one came while nobody had heard of the other's yet: first
    comes what its row says it has."""
    return objects.uid(pod) not in rows, objects.is_leaving(pod), *_age(pod)


def _age(pod: Object) -> tuple[object, ...]:
    return objects.created(pod), objects.name(pod)


def _needs_pod(replica: Replica, pod: Object | None) -> bool:
    """Where the cluster took a pod away, the ReplicaSet has made another by now, which is for the replica
    that comes in this one's place: until this one drains, that one is not there."""
    if replica.is_staying:
        return True
    return replica.status is ReplicaStatus.DRAINING and pod is not None and not _is_over(pod)


def _is_over(pod: Object) -> bool:
    return objects.is_leaving(pod) or objects.is_finished(pod)
