"""Whatever comes between, in any order: in the end each replica has its pod, and nothing else is there."""

from hypothesis import given, settings
from hypothesis import strategies as st

from domain.deployments.ports import Sight
from domain.deployments.replica import ReplicaStatus
from infra.k8s import objects
from infra.k8s.errors import ClusterUnavailable
from infra.k8s.kinds import Kind
from tests.support.k8s_driver import DriverWorld, a_world
from tests.support.kube import Crash, Kube
from tests.support.pods import running

S = ReplicaStatus
READY = running(ready=True)
AWAY = ClusterUnavailable(where="here", problem="no answer")
CHANGES = [
    *("scale Deployment", "delete Pod", "label Pod"),
    *("apply Deployment", "apply Secret", "delete Deployment"),
]
STEPS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["start", "replicate", "look", "settle", "sweep"]), st.just(0)),
        st.tuples(
            st.sampled_from(["stop", "ready", "evict", "lag", "fail", "crash"]), st.integers(0)
        ),
        st.tuples(st.sampled_from(["hear", "another"]), st.just(0)),
    ),
    min_size=8,
    max_size=60,
)


async def look(world: DriverWorld) -> None:
    """As the plan does."""
    for replica_id, seen in (await world.observe()).items():
        row = world.rows[replica_id]
        if seen.sight is Sight.ABSENT and row.status is S.STARTING and row.placement is None:
            await world.start(replica_id)
        elif seen.sight in (Sight.ABSENT, Sight.EXITED):
            await world.exited(replica_id)
        elif seen.sight is Sight.HEALTHY and row.status is S.STARTING:
            await world.healthy(replica_id)
        elif row.status is S.STOPPING:
            await world.stop(replica_id)


async def act(world: DriverWorld, what: str, which: int) -> None:
    """Of the control plane, or else of the cluster."""
    staying = [i for i, row in world.rows.items() if row.is_staying]
    match what:
        case "start" if len(staying) < 4:
            await world.start(f"r{len(world.rows)}")
        case "stop" if staying:
            await world.stop(staying[which % len(staying)])
        case "look":
            await look(world)
        case "sweep":
            await world.driver.sweep()
        case "another":
            world.anew()
            world.kube.catch_up()
        case _:
            await happen(world.kube, what, which)


async def happen(kube: Kube, what: str, which: int) -> None:
    pods = [objects.name(p) for p in kube.all(Kind.POD) if not objects.is_leaving(p)]
    match what:
        case "replicate":
            kube.replicate()
        case "settle":
            kube.settle()
        case "hear":
            kube.catch_up()
        case "lag":
            kube.lagging = {(Kind.POD, Kind.DEPLOYMENT)[which % 2]}
        case "fail":
            kube.errors[CHANGES[which % len(CHANGES)]].append(AWAY)
        case "crash":
            kube.crash_after, kube.done = which % 3, which % 2 == 0
        case "ready" if pods:
            kube.become(pods[which % len(pods)], **READY)
        case "evict" if pods and not kube.errors["delete Pod"]:
            await kube.delete(Kind.POD, "n", pods[which % len(pods)])


@settings(max_examples=300, deadline=None)
@given(STEPS)
async def test_whatever_comes_between_it_ends_with_what_is_wanted(
    steps: list[tuple[str, int]],
) -> None:
    world = await a_world()
    for what, which in steps:
        try:
            await act(world, what, which)
        except Crash:
            await act(world, "another", 0)
    world.kube.crash_after = None
    world.kube.errors.clear()
    world.kube.catch_up()
    for _ in range(10):
        for what in ("settle", "look", "replicate", "look", "sweep"):
            await act(world, what, 0)
        for name in world.pods():
            world.kube.become(name, **READY)
    left = {i: row.status for i, row in world.rows.items() if row.status is not S.EXITED}
    assert set(left.values()) <= {S.HEALTHY}
    assert sorted(world.pods()) == sorted(world.pod_of(each) for each in left)
    assert left or not world.kube.names()
    assert not any(objects.is_leaving(each) for each in world.kube.there.values())
    world.driver.close()
