"""What a batch's Job has in a real cluster, without a pod: made once, renewed, and gone with its owner."""

from base64 import b64decode
from datetime import UTC, datetime, timedelta

import pytest

from domain.batches.jobs.ports import NewJob
from domain.definitions.definition import Definition
from domain.secrets.values import OpenedSecrets
from infra.clusters import selected
from infra.k8s.cluster import Cluster
from infra.k8s.jobs import KubernetesJobs
from infra.k8s.kinds import Kind
from infra.k8s.manifests import names
from infra.secrets.sealer import AesSealer
from tests.support.builders import a_deployment, a_revision
from tests.support.clock import TestClock
from tests.support.clusters import gone
from tests.support.k8s import a_model, kubernetes_settings
from tests.support.memory import MemoryStore

pytestmark = pytest.mark.kubernetes
INSTALLATION = "i" * 32
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def a_new_job(store: MemoryStore, token: str) -> NewJob:
    deployment = a_deployment(store.default, name="batch-1", is_dedicated=True)
    revision = a_revision(
        deployment,
        image="localhost/python:3.11",
        folder=None,
        resources={},
        environment={},
        definition=Definition(models=(a_model(),)),
    )
    return NewJob(
        batch_id="b" * 32,
        deployment=deployment,
        revision=revision,
        token=token,
        ends_at=NOW + timedelta(hours=1),
    )


async def test_a_job_is_made_once_renewed_and_leaves_nothing(
    cluster: Cluster, namespace: str
) -> None:
    store, clock = MemoryStore(), TestClock(NOW)
    jobs = KubernetesJobs(
        settings=kubernetes_settings(
            installation=INSTALLATION,
            version=cluster.version,
            namespace=namespace,
            image="localhost/python:3.11",
        ),
        cluster=cluster,
        reads=store.reads,
        secrets=OpenedSecrets(reads=store.reads, sealer=AesSealer(bytes(32))),
        server="http://10.255.0.1:1",
        within=namespace,
        selector=selected(INSTALLATION),
        clock=clock,
    )
    new = a_new_job(store, "first")
    id_ = new.deployment.id
    assert await jobs.look(id_) is None
    await jobs.make(new)
    await jobs.make(new)
    seen = await jobs.look(id_)
    assert seen is not None
    assert (seen.pods, seen.failure, seen.is_ready) == (0, None, False)
    assert seen.token_since == NOW
    assert await token(cluster, namespace) == "first"
    clock.now = NOW + timedelta(minutes=5)
    await jobs.renew(id_, "second")
    renewed = await jobs.look(id_)
    assert renewed is not None
    assert renewed.token_since == NOW + timedelta(minutes=5)
    assert await token(cluster, namespace) == "second"
    assert set(await jobs.all()) == {id_}
    [job] = (await cluster.list(Kind.JOB, namespace)).objects
    assert job["metadata"]["labels"][names.BATCH] == new.batch_id
    name = job["metadata"]["name"]
    assert not await jobs.remove(id_)
    await gone(cluster, Kind.JOB, namespace, name)
    assert await jobs.remove(id_)
    await gone(cluster, Kind.SECRET, namespace, f"{name}-token")


async def token(cluster: Cluster, namespace: str) -> str:
    """What a worker is shown."""
    (held,) = (await cluster.list(Kind.SECRET, namespace, selector=names.BATCH)).objects
    return b64decode(held["data"]["token"]).decode()
