"""Logs of a container that is started again."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

from domain.deployments.replica import Replica
from infra.k8s.kinds import Kind
from infra.k8s.logs import KubernetesLogs
from tests.support.k8s_driver import Vault
from tests.support.kube import Kube
from tests.support.memory import MemoryStore
from tests.support.pods import a_container, a_pod, a_row, running

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


async def followed(kube: Kube, row: Replica, **status: Any) -> list[str]:
    kube.there[Kind.POD, "p"] = a_pod("p", row.id, **status)
    kube.catch_up()
    reader = KubernetesLogs(kube.parts(MemoryStore().reads, Vault()), pause=0.0)
    async with aclosing(reader.follow(row, 10)) as lines:
        return [line async for line in lines]


async def test_every_run_is_told_once_from_its_first_line() -> None:
    assert await followed(Runs(), a_row("a")) == ["one", "two", "three"]


class Endless(Kube):
    """Its container writes more than anybody reads."""

    async def logs(
        self, namespace: str, pod: str, container: str, **said: Any
    ) -> AsyncGenerator[str, None]:
        while True:
            yield "more"


async def test_who_stops_reading_what_comes_too_fast_is_let_go_at_once() -> None:
    kube, row = Endless(), a_row("a")
    kube.there[Kind.POD, "p"] = a_pod("p", row.id)
    kube.catch_up()
    reader = KubernetesLogs(kube.parts(MemoryStore().reads, Vault()), pause=0.0)
    async with asyncio.timeout(5), aclosing(reader.follow(row, 10)) as lines:
        assert await anext(lines) == "more"
        for _ in range(10):  # until there is no room for more of them
            await asyncio.sleep(0)


@dataclass
class Interrupted(Kube):
    """The log ends, by itself, in the midst of its container's only run."""

    parts_left: list[list[str]] = field(default_factory=lambda: [["one"], ["two"]])

    async def logs(
        self, namespace: str, pod: str, container: str, **said: Any
    ) -> AsyncGenerator[str, None]:
        for line in self.parts_left.pop(0):
            yield line
        if not self.parts_left:
            self.remove(Kind.POD, pod)


async def test_a_log_that_ends_while_its_container_runs_on_is_followed_on() -> None:
    async with asyncio.timeout(5):
        found = await followed(Interrupted(), a_row("a"), **running(ready=True))
    assert found == ["one", "two"]
