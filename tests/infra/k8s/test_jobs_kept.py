"""A batch's Job as the cluster has it: what is told of it, and what is left of it."""

from collections.abc import AsyncGenerator
from typing import Any, cast

import pytest

from domain.batches.jobs.ports import ClusterAway, JobRefused, NewJob
from infra.k8s import objects
from infra.k8s.cluster import Cluster, Listing
from infra.k8s.errors import Refused
from infra.k8s.jobs import KubernetesJobs
from infra.k8s.kinds import Kind
from infra.k8s.manifests import names
from tests.support.builders import NOON
from tests.support.clock import TestClock
from tests.support.k8s import a_group, a_pods_revision, kubernetes_settings
from tests.support.k8s_driver import Vault
from tests.support.kube import Crash, Kube
from tests.support.memory import MemoryStore
from tests.support.pods import a_pod

LOST = {"type": "Failed", "status": "True", "reason": "DeadlineExceeded", "message": "too long"}


class Jobs(Kube):
    """With lists, which are of all that there is: of one batch here."""

    async def list(
        self, kind: Kind, namespace: str | None = None, *, selector: str = ""
    ) -> Listing:
        return Listing(tuple(self.all(kind)), "1")

    async def parallel(self, namespace: str, name: str, pods: int) -> None:
        found = self._found(Kind.JOB, name)
        self._put(Kind.JOB, {**found, "spec": {**found["spec"], "parallelism": pods}})

    async def logs(
        self, namespace: str, pod: str, container: str, **said: Any
    ) -> AsyncGenerator[str, None]:
        yield f"{container}, {'before' if said['previous'] else 'now'}"


class World:
    def __init__(self, version: tuple[int, int] = (1, 20)) -> None:
        self.kube, self.store = Jobs(), MemoryStore()
        self.jobs = KubernetesJobs(
            settings=kubernetes_settings(version=version, image="localhost/modelyard:1"),
            cluster=cast(Cluster, self.kube),
            reads=self.store.reads,
            secrets=Vault(),
            server="http://modelyard:8470",
            within="n",
            selector="",
            clock=TestClock(NOON),
        )
        group = a_group(a_pods_revision(project_id=self.store.default.id))
        self.new = NewJob(
            batch_id="b" * 32,
            deployment=group.deployment,
            revision=group.revision,
            token="mybw_x",
            ends_at=NOON,
        )
        self.id = group.deployment.id

    def a_pod(self, name: str, **said: Any) -> None:
        pod = {**a_pod(name), **said}
        pod["metadata"]["labels"] |= {names.DEPLOYMENT_ID: self.id, names.BATCH: self.new.batch_id}
        self.kube.there[Kind.POD, name] = pod

    def left(self) -> list[str]:
        return [objects.name(p) for p in self.kube.all(Kind.POD) if not objects.is_leaving(p)]


@pytest.mark.parametrize("condition", [LOST, {"type": "Complete", "status": "True"}])
async def test_a_job_that_is_over_before_its_batch_has_failed(condition: dict[str, str]) -> None:
    world = World()
    await world.jobs.make(world.new)
    before = await world.jobs.look(world.id)
    assert before is not None
    assert before.failure is None
    [made] = world.kube.all(Kind.JOB)
    made["status"] = {"conditions": [condition]}
    seen = await world.jobs.look(world.id)
    assert seen is not None
    assert seen.failure is not None
    assert condition.get("reason", condition["type"]) in seen.failure


async def test_pods_that_a_deleted_job_left_are_removed() -> None:
    """As by `kubectl delete --cascade=orphan`."""
    world = World()
    world.a_pod("one")
    assert await world.jobs.all() == {world.id}
    assert not await world.jobs.remove(world.id)
    assert world.left() == []
    assert not await world.jobs.remove(world.id), "they are still leaving"
    world.kube.settle()
    assert await world.jobs.remove(world.id)
    assert await world.jobs.all() == set()


@pytest.mark.parametrize(
    ("problem", "told"),
    [
        (
            "jobs.batch is forbidden: exceeded quota: jobs, requested: count/jobs.batch=1",
            ClusterAway,
        ),
        ("unable to create new content in namespace n because it is being terminated", ClusterAway),
        ("admission webhook denied the request: no", JobRefused),
    ],
)
async def test_what_a_cluster_refuses_for_now_is_asked_for_again(
    problem: str, told: type[Exception]
) -> None:
    world = World()
    world.kube.errors["apply Job"].append(Refused(what="it", problem=problem, status=403))
    with pytest.raises(told):
        await world.jobs.make(world.new)
    await world.jobs.make(world.new)
    assert await world.jobs.look(world.id) is not None


async def test_the_last_lines_are_the_engines_also_of_one_that_is_a_sidecar() -> None:
    world = World()
    last = {"terminated": {"exitCode": 3}}
    spec = {
        "initContainers": [{"name": "fetch"}, {"name": "model-0", "restartPolicy": "Always"}],
        "containers": [{"name": "worker"}],
    }
    status = {"initContainerStatuses": [{"name": "model-0", "lastState": last}]}
    world.a_pod("one", spec=spec, status=status)
    assert await world.jobs.log_tail(world.id, 20) == ["model-0, before", "worker, now"]


@pytest.mark.parametrize("done", [True, False])
async def test_whoever_dies_over_making_a_job_leaves_it_to_be_made_on(done: bool) -> None:
    died = 0
    for after in range(5):
        world = World()
        world.kube.done, world.kube.crash_after = done, after
        try:
            await world.jobs.make(world.new)
        except Crash:
            died += 1
        world.kube.crash_after = None
        seen = await world.jobs.look(world.id)
        assert seen is None or seen.token_since is not None, "nothing has pods that lacks its token"
        await world.jobs.make(world.new)
        assert await world.jobs.look(world.id) is not None
        assert sorted(kind.kind for kind, _ in world.kube.there) == ["Job", "Secret"]
    assert died >= 3
