"""Logs of a container that is started again."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from domain.deployments.replica import Replica
from infra.k8s.kinds import Kind
from infra.k8s.logs import KubernetesLogs
from tests.support.k8s_driver import Vault
from tests.support.kube import Kube
from tests.support.memory import MemoryStore
from tests.support.pods import a_container, a_pod, a_row

RUNS = (["one", "two"], ["three"])


class Runs(Kube):
    """Its container writes the lines of a run and ends; after the last run the pod is gone."""

    async def logs(
        self, namespace: str, pod: str, container: str, **said: Any
    ) -> AsyncGenerator[str, None]:
        status = self.there[Kind.POD, pod]["status"]["containerStatuses"][0]
        run = int(status.get("restartCount", 0))
        for line in RUNS[run][-said["tail"] :] if said["tail"] else ():
            yield line
        if run + 1 < len(RUNS):
            again = {**a_container(running={}), "restartCount": run + 1}
            self.become(pod, containerStatuses=[again])
        else:
            self.remove(Kind.POD, pod)


async def followed(kube: Runs, row: Replica) -> list[str]:
    kube.there[Kind.POD, "p"] = a_pod("p", row.id)
    kube.catch_up()
    reader = KubernetesLogs(kube.parts(MemoryStore().reads, Vault()))
    async with aclosing(reader.follow(row, 10)) as lines:
        return [line async for line in lines]


async def test_every_run_is_told_once_from_its_first_line() -> None:
    assert await followed(Runs(), a_row("a")) == ["one", "two", "three"]
