"""What people are told of a pod, by what the cluster says of it."""

from datetime import timedelta
from typing import Any

import pytest

from domain.deployments.ports import Observed, Sight
from domain.deployments.reason import Reason
from domain.deployments.replica import Endpoint, ReplicaStatus
from infra.k8s import sights
from infra.k8s.manifests import volumes
from tests.support.builders import NOON
from tests.support.pods import a_container, a_pod, a_row, a_workload, leaving, running

S = ReplicaStatus
CRASHED = {"exitCode": 3, "reason": "Error"}
LOOPS = {"reason": "CrashLoopBackOff", "message": "back-off 10s restarting failed container"}


def seen(pod: dict[str, Any], status: ReplicaStatus = S.STARTING, **said: Any) -> Observed:
    return sights.of(pod, a_row(status=status, **said), timedelta(0))


def later(pod: dict[str, Any]) -> Observed:
    return sights.of(pod, a_row(), sights.PATIENCE)


def was_healthy(pod: dict[str, Any], status: ReplicaStatus = S.HEALTHY) -> Observed:
    return seen(pod, status, first_healthy_at=NOON)


def waiting(**said: Any) -> dict[str, Any]:
    return a_pod(containerStatuses=[a_container(waiting=said)])


def test_a_pod_without_a_node_is_being_scheduled() -> None:
    observed = seen(a_pod(conditions=[], containerStatuses=[]))
    assert (observed.sight, observed.reason) == (Sight.RUNNING, Reason.SCHEDULING)


def test_a_pod_that_fits_nowhere_says_what_the_scheduler_says_and_is_not_given_up() -> None:
    why = "0/3 nodes are available: 3 Insufficient nvidia.com/gpu."
    no = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": why}
    observed = later(a_pod(conditions=[no], containerStatuses=[]))
    assert observed == Observed(
        sight=Sight.RUNNING,
        reason=Reason.UNSCHEDULABLE,
        message=why,
        placement=observed.placement,
    )


def test_a_container_that_is_created_pulls_its_image() -> None:
    observed = seen(a_pod())
    assert (observed.sight, observed.reason) == (Sight.RUNNING, Reason.PULLING_IMAGE)


def test_an_init_container_that_runs_prepares_the_replica() -> None:
    fetching = {"name": volumes.FETCH, "state": {"running": {}}}
    observed = seen(a_pod(initContainerStatuses=[fetching]))
    assert (observed.sight, observed.reason) == (Sight.RUNNING, Reason.PREPARING)


def test_a_model_folder_that_cant_be_fetched_fails_once_it_failed_again() -> None:
    once = {"name": volumes.FETCH, "state": {"terminated": {"exitCode": 1}}}
    again = {**once, "state": {"waiting": LOOPS}, "lastState": {"terminated": {"exitCode": 1}}}
    first, second = (seen(a_pod(initContainerStatuses=[each])) for each in (once, again))
    assert (first.sight, first.reason) == (Sight.RUNNING, Reason.FOLDER_UNREADABLE)
    assert (second.sight, second.exit_code) == (Sight.FAILING, 1)


def test_an_engine_that_runs_and_is_not_ready_loads() -> None:
    observed = seen(a_pod(**running(ready=False)))
    assert (observed.sight, observed.reason) == (Sight.RUNNING, Reason.LOADING)


def test_a_ready_pod_is_healthy_and_says_where_its_models_answer() -> None:
    observed = seen(a_pod(**running(ready=True)))
    assert observed == Observed(
        sight=Sight.HEALTHY,
        endpoints=(Endpoint(model="m", host="10.0.0.7", port=8000, pod="n/p"),),
        placement={"namespace": "n", "pod": "p", "uid": "uid-p", "node": "node1"},
    )


def test_a_pod_that_was_ready_and_is_not_fails_its_health_check() -> None:
    observed = was_healthy(a_pod(**running(ready=False)))
    assert (observed.sight, observed.reason) == (Sight.FAILING, Reason.HEALTH_CHECK_FAILED)


@pytest.mark.parametrize("reason", sorted(sights.PULLING))
def test_an_image_that_cant_be_pulled_is_waited_for_a_while_and_then_given_up(reason: str) -> None:
    pod = waiting(reason=reason, message="not found")
    soon, late = seen(pod), later(pod)
    assert (soon.sight, soon.reason, soon.message) == (
        Sight.RUNNING,
        Reason.IMAGE_UNAVAILABLE,
        "not found",
    )
    assert (late.sight, late.reason) == (Sight.FAILING, Reason.IMAGE_UNAVAILABLE)


@pytest.mark.parametrize("reason", sorted(sights.NO_IMAGE))
def test_an_image_that_no_registry_can_have_is_given_up_at_once(reason: str) -> None:
    assert seen(waiting(reason=reason)).sight is Sight.FAILING


@pytest.mark.parametrize("reason", sorted(sights.UNCREATED))
def test_a_container_that_cant_be_created_is_given_up_after_a_while(reason: str) -> None:
    pod = waiting(reason=reason, message='secret "x" not found')
    assert (seen(pod).sight, later(pod).sight) == (Sight.RUNNING, Sight.FAILING)
    assert later(pod).reason is Reason.CONFIG_INVALID


def test_an_engine_that_ended_once_is_started_again_where_it_is() -> None:
    observed = seen(a_pod(containerStatuses=[a_container(terminated=CRASHED)]))
    assert (observed.sight, observed.reason, observed.exit_code) == (
        Sight.RUNNING,
        Reason.EXITED,
        3,
    )


def test_one_that_ended_again_and_again_is_given_up() -> None:
    observed = seen(a_pod(containerStatuses=[a_container(waiting=LOOPS, last=CRASHED)]))
    assert (observed.sight, observed.reason, observed.exit_code) == (
        Sight.FAILING,
        Reason.CRASH_LOOP,
        3,
    )


def test_one_that_ended_though_it_was_healthy_gets_no_more_requests_at_once() -> None:
    observed = was_healthy(a_pod(containerStatuses=[a_container(terminated=CRASHED)]))
    assert (observed.sight, observed.reason) == (Sight.FAILING, Reason.EXITED)


def test_one_that_ran_again_after_an_end_is_healthy_when_it_is_ready() -> None:
    assert was_healthy(a_pod(**running(ready=True, last=CRASHED))).sight is Sight.HEALTHY


def test_one_that_took_more_memory_than_it_may_has_no_second_try_there() -> None:
    killed = {"exitCode": 137, "reason": "OOMKilled"}
    observed = seen(a_pod(containerStatuses=[a_container(terminated=killed)]))
    assert (observed.sight, observed.reason, observed.exit_code) == (
        Sight.FAILING,
        Reason.OUT_OF_MEMORY,
        137,
    )


def test_a_pod_that_the_kubelet_gave_up_has_ended_with_its_words() -> None:
    said = {"phase": "Failed", "reason": "Evicted", "message": "The node was low on memory."}
    observed = was_healthy(a_pod(**said))
    assert (observed.sight, observed.reason) == (Sight.EXITED, Reason.EVICTED)
    assert observed.message == "Evicted: The node was low on memory."


@pytest.mark.parametrize("why", ["OutOfcpu", "OutOfnvidia.com/gpu", *sorted(sights.REJECTED)])
def test_a_pod_that_its_node_did_not_take_was_not_evicted(why: str) -> None:
    observed = seen(a_pod(phase="Failed", reason=why, message="no room"))
    assert (observed.sight, observed.reason) == (Sight.EXITED, Reason.NODE_REJECTED)
    assert observed.message == f"{why}: no room"


def test_a_pod_whose_containers_ran_was_taken() -> None:
    ran = [a_container(terminated=CRASHED)]
    observed = seen(a_pod(phase="Failed", reason="OutOfcpu", containerStatuses=ran))
    assert observed.reason is Reason.EVICTED


@pytest.mark.parametrize("status", [S.STARTING, S.HEALTHY, S.UNHEALTHY])
def test_a_pod_that_others_delete_fails_its_replica_while_it_ends(status: ReplicaStatus) -> None:
    observed = was_healthy(leaving(a_pod(**running(ready=True))), status)
    assert (observed.sight, observed.reason) == (Sight.FAILING, Reason.EVICTED)


@pytest.mark.parametrize("status", [S.DRAINING, S.STOPPING])
def test_a_pod_that_goes_as_it_was_told_is_still_there(status: ReplicaStatus) -> None:
    assert was_healthy(leaving(a_pod(**running(ready=True))), status).sight is Sight.RUNNING


def test_a_replica_without_a_pod_says_why_its_workload_can_have_none() -> None:
    why = 'pods "m-" is forbidden: exceeded quota'
    failed = {"type": "ReplicaFailure", "status": "True", "message": why}
    observed = sights.unplaced(a_workload(status={"conditions": [failed]}))
    assert (observed.reason, observed.message) == (Reason.UNSCHEDULABLE, why)
    assert sights.unplaced(a_workload()).reason is Reason.SCHEDULING


def test_an_end_of_long_ago_is_not_what_is_wrong_with_one_that_served_since() -> None:
    pod = a_pod(**running(ready=False, last={"exitCode": 137, "reason": "OOMKilled"}))
    ready = {"type": "Ready", "status": "False"}
    began, later = NOON.isoformat(), (NOON + timedelta(hours=1)).isoformat()

    def turned(at: str) -> dict[str, Any]:
        return {
            **pod,
            "status": {**pod["status"], "conditions": [{**ready, "lastTransitionTime": at}]},
        }

    assert was_healthy(turned(later)).reason is Reason.HEALTH_CHECK_FAILED
    assert was_healthy(turned(began)).reason is Reason.OUT_OF_MEMORY


def test_words_that_could_not_be_stored_are_told_without_what_is_in_the_way() -> None:
    assert seen(waiting(reason="ErrImagePull", message="no\0thing")).message == "nothing"


def test_a_pod_that_is_no_replicas_is_given_up_by_the_clocks_of_both() -> None:
    pod = waiting(reason="ImagePullBackOff")
    late = NOON + sights.PATIENCE
    assert not sights.unready(pod, NOON).hopeless
    assert sights.unready(pod, late).hopeless


def beside(engine: dict[str, Any]) -> dict[str, Any]:
    """A pod of a batch's Job: its engine is a sidecar, and the worker begins after it is ready."""
    worker = {**a_container(waiting={"reason": "PodInitializing"}), "name": "worker"}
    pod = a_pod(containerStatuses=[worker], initContainerStatuses=[engine])
    sidecar = {"name": "model-0", "restartPolicy": "Always"}
    return {**pod, "spec": {"initContainers": [sidecar], "containers": [{"name": "worker"}]}}


@pytest.mark.parametrize(
    ("engine", "reason", "hopeless"),
    [
        (a_container(running={}), Reason.LOADING, False),
        (a_container(waiting=LOOPS, last=CRASHED), Reason.CRASH_LOOP, True),
        (a_container(running={}, last={"reason": "OOMKilled"}), Reason.OUT_OF_MEMORY, True),
        (a_container(waiting={"reason": "ErrImageNeverPull"}), Reason.IMAGE_UNAVAILABLE, True),
    ],
)
def test_an_engine_that_is_a_sidecar_is_told_of_as_any_other(
    engine: dict[str, Any], reason: Reason, hopeless: bool
) -> None:
    trouble = sights.unready(beside(engine), NOON)
    assert (trouble.reason, trouble.hopeless) == (reason, hopeless)
