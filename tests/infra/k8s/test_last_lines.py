"""What is kept of the log of what went wrong."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import timedelta
from typing import Any, cast

from infra.k8s import logs
from infra.k8s.cluster import Cluster
from tests.support.builders import NOON
from tests.support.kube import Kube
from tests.support.pods import a_container, a_pod, running

CRASHED = {"exitCode": 3, "reason": "Error"}
LOOPS = {"reason": "CrashLoopBackOff"}
READY_LATER = {
    "type": "Ready",
    "status": "False",
    "lastTransitionTime": (NOON + timedelta(hours=1)).isoformat(),
}


class Written(Kube):
    async def logs(
        self, namespace: str, pod: str, container: str, **said: Any
    ) -> AsyncGenerator[str, None]:
        yield "of the run before" if said["previous"] else "of this run"


class Silent(Kube):
    """Its node is gone: nothing answers."""

    async def logs(
        self, namespace: str, pod: str, container: str, **said: Any
    ) -> AsyncGenerator[str, None]:
        await asyncio.Event().wait()
        yield "never"


async def kept(kube: Kube, pod: dict[str, Any], **said: Any) -> list[str]:
    return list(await logs.last_lines(cast(Cluster, kube), pod, 5, **said))


async def test_they_are_those_of_the_run_that_went_wrong() -> None:
    ended = a_pod(containerStatuses=[a_container(terminated=CRASHED, last=CRASHED)])
    waits = a_pod(containerStatuses=[a_container(waiting=LOOPS, last=CRASHED)])
    again = a_pod(**running(ready=False, last=CRASHED))
    status = running(ready=False, last=CRASHED)
    served = a_pod(**{**status, "conditions": [READY_LATER]})
    assert await kept(Written(), ended) == ["of this run"]
    assert await kept(Written(), waits) == ["of the run before"]
    assert await kept(Written(), again) == ["of the run before"]
    assert await kept(Written(), served) == ["of this run"]


async def test_a_node_that_is_gone_keeps_nobody_waiting_for_them() -> None:
    async with asyncio.timeout(5):
        assert await kept(Silent(), a_pod(**running(ready=False)), within=0.01) == []
