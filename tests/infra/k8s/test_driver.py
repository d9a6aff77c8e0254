"""The driver over a cluster in memory: what it makes, sees and removes, whatever comes between."""

import pytest

from domain.deployments.ports import Sight
from domain.deployments.reason import Reason
from domain.deployments.replica import ReplicaStatus
from infra.k8s import objects
from infra.k8s.errors import ClusterUnavailable, Conflict, FieldsDropped, Refused
from infra.k8s.kinds import Kind
from infra.k8s.manifests import names
from tests.support.k8s_driver import READY, a_world, begun
from tests.support.kube import Crash

AWAY = ClusterUnavailable(where="here", problem="no answer")
REFUSED = Refused(what="it", problem="a webhook denies it", status=403)
CHANGED = Conflict(what="it", problem="it was changed meanwhile")
STEPS = [
    "apply Deployment",
    "apply Secret",
    "apply Service",
    "label Deployment",
    "scale Deployment",
]


async def test_a_first_replica_has_everything_made_and_then_one_pod() -> None:
    world = await a_world()
    await world.start("a")
    assert world.kube.calls == STEPS
    assert (await world.observe())["a"].reason is Reason.SCHEDULING
    world.kube.replicate()
    seen = (await world.observe())["a"]
    assert (seen.sight, seen.placement is not None) == (Sight.RUNNING, True)


@pytest.mark.parametrize("done", [True, False])
@pytest.mark.parametrize("step", range(len(STEPS)))
async def test_a_control_plane_that_ends_between_two_steps_is_taken_up_by_the_next(
    step: int, done: bool
) -> None:
    world = await a_world()
    world.kube.crash_after, world.kube.done = step, done
    with pytest.raises(Crash):
        await world.start("a")
    world.anew()
    if (await world.observe())["a"].sight is Sight.ABSENT:
        await world.start("a")
    world.kube.replicate()
    seen = (await world.observe())["a"]
    assert seen.placement is not None
    assert world.kube.names() == {"Deployment", "Secret", "Service", "Pod"}
    assert (len(world.pods()), world.size) == (1, 1)


@pytest.mark.parametrize("call", STEPS)
async def test_a_cluster_that_does_not_answer_ends_nothing_and_is_asked_again(call: str) -> None:
    world = await a_world()
    world.kube.errors[call].append(AWAY)
    await world.start("a")
    assert (await world.observe())["a"].sight in (Sight.ABSENT, Sight.RUNNING)
    await world.start("a")
    world.kube.replicate()
    assert (await world.observe())["a"].placement is not None


@pytest.mark.parametrize(
    "problem",
    [
        Refused(what="it", problem="no such field"),
        FieldsDropped(what="it", pointers=("/spec/x",)),
        Conflict(what="it", problem="", others=("helm",), fields=(".spec",)),
    ],
    ids=lambda each: type(each).__name__,
)
@pytest.mark.parametrize("call", STEPS[:3])
async def test_what_the_cluster_does_not_take_is_told_and_leaves_nothing(
    call: str, problem: Exception
) -> None:
    world = await a_world()
    world.kube.errors[call].append(problem)
    await world.start("a")
    seen = (await world.observe())["a"]
    assert (seen.sight, seen.reason) == (Sight.EXITED, Reason.MANIFEST_REFUSED)
    world.kube.settle()
    assert world.kube.names() == set()


async def test_a_label_that_somebody_changed_at_the_same_time_ends_nothing() -> None:
    world = await a_world()
    world.kube.errors["label Deployment"].append(Conflict(what="it", problem="changed"))
    await world.start("a")
    assert (await world.observe())["a"].sight is Sight.ABSENT
    await world.start("a")
    world.kube.replicate()
    assert (await world.observe())["a"].placement is not None


async def test_a_secret_that_is_gone_is_told_before_anything_is_made() -> None:
    world = await a_world()
    world.vault.values.clear()
    await world.start("a")
    seen = (await world.observe())["a"]
    assert (seen.sight, seen.reason) == (Sight.EXITED, Reason.SECRET_NOT_FOUND)
    await world.exited("a")
    await world.driver.sweep()
    world.kube.settle()
    assert world.kube.names() == set()


async def test_what_is_made_is_not_made_anew_while_the_informer_lags_behind() -> None:
    world = await a_world()
    world.kube.lagging = {Kind.DEPLOYMENT, Kind.POD}
    await world.start("a")
    await world.start("a")
    assert world.kube.calls.count("apply Deployment") == 1
    world.kube.catch_up()
    await world.observe()
    world.kube.replicate()
    await world.observe()
    assert len(world.pods()) == 1


async def test_a_pod_whose_label_is_not_seen_yet_is_given_to_nobody_else() -> None:
    world = await a_world()
    await world.start("a")
    world.kube.replicate()
    world.kube.lagging = {Kind.POD}
    seen = (await world.observe())["a"]
    await world.row("b")
    both = await world.observe()
    assert (both["a"].sight, both["a"].placement) == (Sight.RUNNING, seen.placement)
    assert both["b"].placement is None
    assert [p["metadata"]["labels"][names.REPLICA] for p in world.kube.all(Kind.POD)] == ["a"]


async def test_a_pod_that_another_control_plane_knew_of_before_us_is_not_lost() -> None:
    world = await a_world()
    await world.start("a")
    world.kube.lagging = {Kind.POD}
    world.kube.replicate()
    [pod] = world.kube.all(Kind.POD)
    await world.row("a", placement=objects.placement(pod))
    assert (await world.observe())["a"].sight is Sight.RUNNING


async def test_a_pod_that_changed_while_it_was_being_bound_is_bound_at_the_next_look() -> None:
    world = await a_world()
    await world.start("a")
    world.kube.replicate()
    world.kube.errors["label Pod"].append(Conflict(what="p", problem="changed"))
    assert (await world.observe())["a"].placement is None
    assert (await world.observe())["a"].placement is not None


async def test_the_one_that_is_stopped_goes_and_no_other() -> None:
    world = await begun("a", "b")
    keeps = world.pod_of("b")
    await world.stop("a")
    assert world.kube.calls[-2:] == ["delete Pod", "scale Deployment"]
    assert (world.size, world.pods()) == (1, [keeps])
    world.kube.replicate()
    assert world.pods() == [keeps]
    world.kube.settle()
    seen = await world.observe()
    assert (seen["a"].sight, seen["b"].sight) == (Sight.EXITED, Sight.HEALTHY)


async def test_a_pod_that_the_replica_set_made_between_two_steps_of_a_stop_is_removed() -> None:
    world = await begun("a", "b")
    keeps = world.pod_of("b")
    world.kube.errors["scale Deployment"].append(AWAY)
    await world.stop("a")
    world.kube.replicate()
    assert len(world.pods()) == 2
    world.kube.settle()
    await world.observe()
    world.kube.replicate()
    assert (world.size, world.pods()) == (1, [keeps])


async def test_the_last_ones_workload_goes_first_so_that_it_replaces_no_pod() -> None:
    world = await begun("a")
    await world.stop("a")
    assert world.kube.calls[-3:] == ["scale Deployment", "delete Deployment", "delete Pod"]
    world.kube.replicate()
    assert world.pods() == []


async def test_a_pod_that_somebody_else_ends_slowly_has_no_more_time_than_a_stop_gives() -> None:
    world = await begun("a", "b")
    slow = world.pod_of("a")
    await world.kube.delete(Kind.POD, "n", slow, grace=300)
    await world.stop("a")
    assert world.kube.there[Kind.POD, slow]["metadata"]["deletionGracePeriodSeconds"] == 7
    calls = len(world.kube.calls)
    await world.stop("a")
    assert "delete Pod" not in world.kube.calls[calls:]


async def test_a_pod_of_nobodys_that_its_replica_set_ends_slowly_is_ended_at_once() -> None:
    world = await begun("a")
    [workload] = world.kube.all(Kind.DEPLOYMENT)
    extra = world.kube.make_pod(workload)
    await world.kube.delete(Kind.POD, "n", extra, grace=300)
    await world.observe()
    assert world.kube.there[Kind.POD, extra]["metadata"]["deletionGracePeriodSeconds"] == 1
    assert world.pods() == [world.pod_of("a")]


async def test_the_last_one_is_gone_once_all_that_its_group_had_is() -> None:
    world = await begun("a")
    await world.stop("a")
    for kind in (Kind.POD,):
        world.kube.remove(kind, world.pod_of("a"))
    assert (await world.observe())["a"].sight is Sight.RUNNING
    world.kube.settle()
    assert world.kube.names() == set()
    assert (await world.observe())["a"].sight in (Sight.ABSENT, Sight.EXITED)


async def test_a_replica_that_comes_while_its_groups_workload_goes_waits_and_is_then_made() -> None:
    world = await begun("a")
    await world.stop("a")
    await world.start("b")
    assert (await world.observe())["b"].sight is Sight.RUNNING
    world.kube.settle()
    assert (await world.observe())["b"].sight is Sight.ABSENT
    await world.exited("a")
    await world.start("b")
    world.kube.replicate()
    assert (await world.observe())["b"].placement is not None


async def test_a_pod_that_others_delete_is_told_of_and_its_successor_is_the_next_replicas() -> None:
    world = await begun("a")
    lost = world.pod_of("a")
    await world.kube.delete(Kind.POD, "n", lost)
    world.kube.replicate()
    seen = (await world.observe())["a"]
    assert (seen.sight, seen.reason) == (Sight.FAILING, Reason.EVICTED)
    assert (world.size, len(world.pods())) == (1, 1)
    world.kube.settle()
    seen = (await world.observe())["a"]
    assert (seen.sight, seen.reason) == (Sight.EXITED, Reason.EVICTED)
    await world.exited("a")
    await world.start("b")
    assert (await world.observe())["b"].placement is not None
    world.kube.replicate()
    assert world.pods() == [world.pod_of("b")]


async def test_a_cluster_that_can_not_be_heard_is_told_nothing_of() -> None:
    world = await begun("a")
    world.kube.in_sync = False
    assert await world.observe() == {}
    assert await world.driver.sweep() == 0


async def test_a_group_for_which_the_cluster_does_not_answer_is_left_out() -> None:
    world = await begun("a")
    world.kube.lagging.add(Kind.POD)
    world.kube.seen.pop((Kind.POD, world.pod_of("a")))
    world.kube.errors["get Pod"].append(AWAY)
    assert await world.observe() == {}
    assert (await world.observe())["a"].sight is Sight.HEALTHY


async def test_what_failed_shows_its_last_lines() -> None:
    world = await begun("a")
    name = world.pod_of("a")
    world.kube.lines[name] = ["loading", "the weights are broken"]
    over = {"exitCode": 3, "reason": "Error"}
    container = {"name": "model-0", "state": {"waiting": {"reason": "CrashLoopBackOff"}}}
    looping = {**container, "ready": False, "lastState": {"terminated": over}}
    world.kube.become(name, **{**READY, "containerStatuses": [looping]})
    seen = (await world.observe())["a"]
    assert (seen.sight, seen.reason) == (Sight.FAILING, Reason.CRASH_LOOP)
    assert seen.log_tail == ("loading", "the weights are broken")


async def test_releasing_forgets_what_was_refused_and_touches_nothing() -> None:
    world = await a_world()
    world.kube.errors["apply Deployment"].append(Refused(what="it", problem="no"))
    await world.start("a")
    calls = list(world.kube.calls)
    await world.driver.release([world.rows["a"]])
    assert world.kube.calls == calls
    assert (await world.observe())["a"].sight is Sight.ABSENT


async def test_a_sweep_leaves_what_lives_and_removes_what_does_not() -> None:
    world = await begun("a", "b")
    assert await world.driver.sweep() == 0
    await world.exited("a")
    assert await world.driver.sweep() == 1
    assert world.pods() == [world.pod_of("b")]
    await world.exited("b")
    assert await world.driver.sweep() == 2
    world.kube.settle()
    assert world.kube.names() == set()


async def test_a_sweep_takes_nothing_from_a_replica_whose_row_came_while_it_looked() -> None:
    world = await a_world()
    row = await world.row("a")
    await world.driver.start(row, world.revision)
    world.kube.replicate()
    assert await world.driver.sweep() == 0


@pytest.mark.parametrize("problem", [AWAY, REFUSED, CHANGED], ids=lambda each: type(each).__name__)
async def test_what_can_not_be_swept_keeps_nothing_else_and_is_swept_the_next_time(
    problem: Exception,
) -> None:
    world = await begun("a")
    await world.exited("a")
    world.kube.errors["delete Deployment"].append(problem)
    assert await world.driver.sweep() == 1
    assert await world.driver.sweep() == 1
    world.kube.settle()
    assert world.kube.names() == set()


async def test_a_replica_that_never_had_a_pod_is_gone_when_it_is_stopped() -> None:
    world = await a_world()
    await world.row("a")
    await world.stop("a")
    assert (await world.observe())["a"].sight is Sight.ABSENT
    assert world.rows["a"].status is ReplicaStatus.STOPPING
    assert world.kube.names() == set()


async def test_a_pod_that_finished_is_told_of_with_its_last_lines_and_then_removed() -> None:
    world = await begun("a")
    evicted = world.pod_of("a")
    world.kube.lines[evicted] = ["out of disk"]
    status = {"phase": "Failed", "reason": "Evicted", "message": "The node was low on memory."}
    world.kube.become(world.pod_of("a"), **status)
    seen = (await world.observe())["a"]
    assert (seen.sight, seen.reason) == (Sight.EXITED, Reason.EVICTED)
    assert "low on memory" in seen.message
    assert seen.log_tail == ("out of disk",)
    await world.exited("a")
    await world.row("b")
    await world.observe()
    assert (Kind.POD, evicted) not in world.kube.there
