"""The driver over a cluster in memory that others change, or that takes nothing now."""

from dataclasses import dataclass
from datetime import datetime

import pytest

from domain.deployments.ports import Sight
from domain.deployments.reason import Reason
from infra.k8s import objects, sights
from infra.k8s.errors import ClusterUnavailable, Conflict, Refused
from infra.k8s.kinds import Kind, Object
from infra.k8s.manifests import names
from tests.support.builders import NOON
from tests.support.k8s_driver import READY, a_world, begun
from tests.support.kube import Kube
from tests.support.pods import running


@dataclass
class Now:
    at: datetime = NOON

    def __call__(self) -> datetime:
        return self.at


AWAY = ClusterUnavailable(where="here", problem="no answer")
REFUSED = Refused(what="it", problem="a webhook denies it", status=403)
CHANGED = Conflict(what="it", problem="it was changed meanwhile")


@pytest.mark.parametrize("problem", [REFUSED, CHANGED], ids=lambda each: type(each).__name__)
@pytest.mark.parametrize("call", ["delete Pod", "scale Deployment"])
async def test_an_end_that_the_cluster_does_not_take_now_is_tried_again(
    call: str, problem: Exception
) -> None:
    world = await begun("a", "b")
    keeps = world.pod_of("b")
    world.kube.errors[call].append(problem)
    await world.stop("a")
    await world.stop("a")
    world.kube.settle()
    world.kube.replicate()
    assert (world.size, world.pods()) == (1, [keeps])


@pytest.mark.parametrize("problem", [AWAY, REFUSED, CHANGED], ids=lambda each: type(each).__name__)
@pytest.mark.parametrize("call", ["label Pod", "scale Deployment"])
async def test_who_can_not_change_a_group_still_sees_what_becomes_of_it(
    call: str, problem: Exception
) -> None:
    world = await begun("a")
    [workload] = world.kube.all(Kind.DEPLOYMENT)
    world.kube.make_pod(workload)
    world.kube.become(world.pod_of("a"), phase="Failed", reason="Evicted")
    await world.row("b")
    await world.row("c")
    world.kube.errors[call] += [problem, problem]
    seen = await world.observe()
    assert {i: each.sight for i, each in seen.items()} == {
        "a": Sight.EXITED,
        "b": Sight.RUNNING,
        "c": Sight.RUNNING,
    }


async def test_a_second_pod_of_a_replica_goes_so_that_who_waits_gets_one() -> None:
    """Both were bound to it while nobody had heard of the other's label."""
    world = await begun("a")
    had = world.pod_of("a")
    await world.start("b")
    world.kube.replicate()
    [second] = [name for name in world.pods() if name != had]
    await world.kube.patch_labels(Kind.POD, "n", second, {names.REPLICA: "a"}, None)
    assert (await world.observe())["a"].sight is Sight.HEALTHY
    assert world.pods() == [had]
    world.kube.settle()
    world.kube.replicate()
    await world.observe()
    assert {world.pod_of("a"), world.pod_of("b")} == set(world.pods())
    assert world.pod_of("a") == had


async def test_a_pod_of_a_replica_that_has_exited_is_no_others_end() -> None:
    """Else the ReplicaSet would pick one by itself as soon as it is to have fewer."""
    world = await begun("a", "b")
    keeps = world.pod_of("b")
    await world.exited("a")
    await world.observe()
    assert (world.size, world.pods()) == (1, [keeps])


async def test_a_workload_that_has_the_name_by_chance_is_left_alone_and_told_of() -> None:
    world = await begun("a")
    [workload] = world.kube.all(Kind.DEPLOYMENT)
    other = {**workload["metadata"]["labels"], names.GROUP: "another", names.MANAGED_BY: "helm"}
    await world.kube.patch_labels(Kind.DEPLOYMENT, "n", objects.name(workload), other, None)
    await world.start("b")
    seen = (await world.observe())["b"]
    assert (seen.sight, seen.reason) == (Sight.EXITED, Reason.MANIFEST_REFUSED)
    assert "is not of this replica group" in seen.message
    [left] = world.kube.all(Kind.DEPLOYMENT)
    assert not objects.is_leaving(left)


@pytest.mark.parametrize("kind", [Kind.SECRET, Kind.SERVICE])
async def test_what_somebody_deleted_of_a_group_is_there_for_its_next_pod(kind: Kind) -> None:
    world = await begun("a")
    [lost] = world.kube.all(kind)
    world.kube.remove(kind, objects.name(lost))
    await world.start("b")
    [made] = world.kube.all(kind)
    assert made["metadata"]["ownerReferences"] == lost["metadata"]["ownerReferences"]
    assert made.get("data") == lost.get("data")


@pytest.mark.parametrize("call", ["create Secret", "create Service"])
async def test_a_quota_that_is_used_up_keeps_no_pod_from_what_is_there(call: str) -> None:
    world = await begun("a")
    world.kube.errors[call].append(Refused(what="it", problem="exceeded quota", status=403))
    await world.start("b")
    world.kube.replicate()
    assert (await world.observe())["b"].placement is not None


async def test_a_secret_that_changed_in_the_same_moment_undoes_nothing() -> None:
    world = await a_world()
    world.kube.errors["apply Secret"].append(CHANGED)
    await world.start("a")
    assert "delete Deployment" not in world.kube.calls
    await world.start("a")
    world.kube.replicate()
    assert (await world.observe())["a"].placement is not None


async def test_the_last_one_whose_containers_ended_is_not_gone_before_its_groups_objects() -> None:
    world = await begun("a")
    await world.stop("a")
    world.kube.become(world.pod_of("a"), phase="Succeeded")
    assert (await world.observe())["a"].sight is Sight.RUNNING
    world.kube.settle()
    assert (await world.observe())["a"].sight is Sight.EXITED


async def test_patience_with_an_image_begins_when_it_is_needed_and_by_our_clock_alone() -> None:
    now = Now()
    world = await a_world(Kube(clock=now))
    await world.start("a")
    world.kube.replicate()
    await world.observe()
    waiting = {"name": "model-0", "state": {"waiting": {"reason": "ErrImagePull"}}}
    status = {**READY, "startTime": "2001-01-01T00:00:00Z", "containerStatuses": [waiting]}
    world.kube.become(world.pod_of("a"), **status)
    assert (await world.observe())["a"].sight is Sight.RUNNING
    now.at += sights.PATIENCE
    assert (await world.observe())["a"].sight is Sight.FAILING
    assert (await world.observe())["a"].sight is Sight.FAILING
    world.kube.become(world.pod_of("a"), **running(ready=False))
    assert (await world.observe())["a"].reason is Reason.LOADING
    world.kube.become(world.pod_of("a"), **status)
    assert (await world.observe())["a"].sight is Sight.RUNNING
    world.driver.close()


class Raced(Kube):
    """Another control plane has made the workload in the moment after this one looked at it."""

    async def get(self, kind: Kind, namespace: str | None, name: str) -> Object | None:
        found = await super().get(kind, namespace, name)
        if kind is Kind.DEPLOYMENT and self.calls[-1:] == ["apply Secret"]:
            await self.patch_labels(kind, namespace, name, {names.MADE: "true"}, None)
        return found


async def test_what_another_control_plane_made_meanwhile_is_not_undone() -> None:
    world = await a_world(Raced())
    world.kube.errors["apply Secret"].append(REFUSED)
    await world.start("a")
    [workload] = world.kube.all(Kind.DEPLOYMENT)
    assert not objects.is_leaving(workload)
