"""Which pod is whose, and how many a workload is to have; also beside a ReplicaSet that acts by itself."""

from dataclasses import dataclass, field, replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from domain.deployments.replica import Replica, ReplicaStatus
from infra.k8s import objects
from infra.k8s.binding import Binding, Group, bind
from infra.k8s.manifests import names
from tests.support.pods import a_pod, a_row, a_workload, leaving, placed, running

S = ReplicaStatus
READY = running(ready=True)


def bound(rows: list[Replica], pods: list[Any], size: int = 1) -> Binding:
    return bind(Group(replicas=rows, pods=pods, workload=a_workload(size)))


def pairs(binding: Binding) -> list[tuple[str, str]]:
    return [(row.id, objects.name(pod)) for row, pod in binding.to_bind]


def test_replicas_that_start_take_the_pods_that_are_nobodys_the_oldest_first() -> None:
    rows = [a_row("a"), a_row("b")]
    young, old = a_pod("young"), a_pod("old")
    young["metadata"]["creationTimestamp"] = "2030-01-01T00:00:00Z"
    found = bound(rows, [young, old], 2)
    assert pairs(found) == [("a", "old"), ("b", "young")]
    assert (found.size, list(found.surplus)) == (2, [])


def test_a_pod_stays_whose_it_is() -> None:
    mine = a_pod("p", "a")
    found = bound([a_row("a", S.HEALTHY, **placed(mine)), a_row("b")], [mine], 2)
    assert (found.pods, pairs(found)) == ({"a": mine}, [])


def test_neither_pods_that_go_nor_finished_ones_are_given_to_anybody() -> None:
    over = a_pod("over", phase="Failed")
    assert pairs(bound([a_row("a")], [leaving(a_pod("going")), over])) == []


def test_a_replica_that_had_a_pod_takes_no_other() -> None:
    had = a_row("a", **placed(a_pod("gone")))
    assert pairs(bound([had], [a_pod("new")])) == []


def test_what_stops_needs_no_pod_and_what_drains_needs_the_one_it_has() -> None:
    stops, drains = a_pod("p", "a", **READY), a_pod("q", "b", **READY)
    rows = [a_row("a", S.STOPPING, **placed(stops)), a_row("b", S.DRAINING, **placed(drains))]
    assert bound(rows, [stops, drains], 2).size == 1
    assert bound(rows, [stops, leaving(drains)], 2).size == 0


def test_a_pod_that_was_taken_away_is_replaced_before_its_replica_is() -> None:
    """The ReplicaSet does so; the workload must not be told to have fewer meanwhile."""
    gone = a_pod("p", "a", **READY)
    evicted = a_row("a", S.HEALTHY, **placed(gone))
    assert bound([evicted], [leaving(gone)]).size == 1
    assert bound([evicted], []).size == 1
    drains = replace(evicted, status=S.DRAINING)
    came = a_row("b")
    found = bound([drains, came], [leaving(gone), a_pod("new")])
    assert (found.size, pairs(found)) == (1, [("b", "new")])


def test_pods_too_many_that_are_nobodys_are_deleted_the_youngest_first() -> None:
    mine = a_pod("p", "a", **READY)
    young, old = a_pod("young"), a_pod("old")
    young["metadata"]["creationTimestamp"] = "2030-01-01T00:00:00Z"
    row = a_row("a", S.HEALTHY, **placed(mine))
    assert [objects.name(p) for p in bound([row], [mine, young, old], 2).surplus] == ["young"]
    assert [objects.name(p) for p in bound([row], [mine, young, old], 3).surplus] == [
        "old",
        "young",
    ]


def test_of_two_pods_with_one_replicas_label_it_has_the_one_its_row_names_and_the_other_goes() -> (
    None
):
    first, second = a_pod("p", "a"), a_pod("q", "a", **READY)
    for mine, other in ((first, second), (second, first)):
        found = bound([a_row("a", S.HEALTHY, **placed(mine))], [first, second])
        assert (found.pods, found.orphans) == ({"a": mine}, [other])
    unsaid = bound([a_row("a")], [leaving(first), second])
    assert (unsaid.pods, unsaid.orphans, unsaid.to_bind) == ({"a": second}, [], [])


def test_a_pod_of_a_replica_that_is_no_more_is_given_to_nobody_and_goes() -> None:
    pod = a_pod("p", "gone", **READY)
    found = bound([a_row("a")], [pod])
    assert (pairs(found), found.orphans, found.pods) == ([], [pod], {})


@dataclass
class Cluster:
    """A ReplicaSet, and the driver's own acts on it, one at a time and in any order."""

    size: int = 0
    count: int = 0
    pods: dict[str, dict[str, Any]] = field(default_factory=dict)
    lost: list[str] = field(default_factory=list)  # ready pods of replicas that nobody told to go

    def replicate(self) -> None:
        active = [p for p in self.pods.values() if not objects.is_leaving(p)]
        for _ in range(self.size - len(active)):
            self.count += 1
            self.pods[f"p{self.count:04}"] = a_pod(f"p{self.count:04}")
        for pod in sorted(active, key=_goes_first)[: max(0, len(active) - self.size)]:
            if objects.holds(pod, "Ready"):
                self.lost.append(objects.name(pod))
            self.leave(objects.name(pod))

    def leave(self, name: str) -> None:
        self.pods[name] = leaving(self.pods[name])


def _goes_first(pod: dict[str, Any]) -> tuple[bool, int]:
    return objects.holds(pod, "Ready"), -int(objects.name(pod)[1:])


def _ready(cluster: Cluster, name: str) -> None:
    pod = cluster.pods[name]
    if not objects.is_leaving(pod):
        cluster.pods[name] = {**pod, "status": READY}


def _drive(cluster: Cluster, rows: list[Replica]) -> list[Replica]:
    found = bind(
        Group(replicas=rows, pods=list(cluster.pods.values()), workload=a_workload(cluster.size))
    )
    for row, pod in found.to_bind:
        own = cluster.pods[objects.name(pod)]["metadata"]
        own["labels"] = {**own["labels"], names.REPLICA: row.id}
        rows = [replace(r, **placed(pod)) if r.id == row.id else r for r in rows]
    for pod in found.surplus:
        cluster.leave(objects.name(pod))
    cluster.size = found.size
    return rows


MEANWHILE = st.lists(st.sampled_from(["replicate", "drive"]), max_size=3)
STEPS = st.lists(
    st.tuples(st.sampled_from(["start", "stop", "ready"]), st.integers(0, 9), MEANWHILE),
    max_size=40,
)


@settings(max_examples=300, deadline=None)
@given(STEPS)
def test_whatever_the_replica_set_does_meanwhile_no_ready_pod_of_a_wanted_replica_goes(
    steps: list[tuple[str, int, list[str]]],
) -> None:
    cluster, rows = Cluster(), [a_row(f"r{number}") for number in range(3)]
    first = [("ready", number, ["drive", "replicate", "drive"]) for number in (0, 0, 1, 2)]
    for number, (what, which, meanwhile) in enumerate([*first, *steps]):
        living = [r for r in rows if r.status is S.STARTING]
        if what == "start" and len(living) < 5:
            rows = [*rows, a_row(f"new{number}")]
        elif what == "stop" and living:
            row = living[which % len(living)]
            rows = [replace(r, status=S.STOPPING) if r is row else r for r in rows]
            for name, pod in cluster.pods.items():
                if objects.label(pod, names.REPLICA) == row.id:
                    cluster.leave(name)
        elif what == "ready" and cluster.pods:
            _ready(cluster, sorted(cluster.pods)[which % len(cluster.pods)])
        for act in meanwhile:
            if act == "replicate":
                cluster.replicate()
            else:
                rows = _drive(cluster, rows)
    owners = {objects.label(cluster.pods[name], names.REPLICA) for name in cluster.lost}
    assert not owners & {r.id for r in rows if r.status is not S.STOPPING}
