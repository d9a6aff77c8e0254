"""What a replica's containers wrote, as the cluster keeps it."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass

from domain.definitions import render
from domain.deployments.deployment import Revision
from domain.deployments.replica import Replica
from infra.k8s import objects
from infra.k8s.cluster import Cluster
from infra.k8s.errors import ClusterUnavailable, Gone, Refused
from infra.k8s.kinds import Kind, Object
from infra.k8s.manifests import names
from infra.k8s.parts import Parts

LONGEST_LINE = 1000  # characters of each that is kept with what went wrong
UNREADABLE = (ClusterUnavailable, Gone, Refused)  # no container yet, or its node does not answer
WITHIN = 5.0
PAUSE = 1.0  # seconds, until a container that ended is started again
RUN = 1000  # lines that a run may have written before it is followed
LAG = 3  # looks, after a log's end, at which the cluster may not have heard yet that its container ended


async def last_lines(
    cluster: Cluster, pod: Object, lines: int, within: float = WITHIN
) -> Sequence[str]:
    """To be kept with what went wrong: those of the containers' last run that ended, else of this one.
    Those that come `within` so many seconds: a node that is gone has none, and a look waits for them."""
    found: list[str] = []
    with suppress(TimeoutError):
        async with asyncio.timeout(within):
            for container in _containers(pod):
                previous = _has_begun_again(pod, container)
                wrote = await _tail(cluster, pod, container, lines, previous=previous)
                found += [line[:LONGEST_LINE] for line in wrote]
    return found[-lines:]


@dataclass(frozen=True, slots=True)
class KubernetesLogs:
    """domain.deployments.ports.ReplicaLogs of pods."""

    parts: Parts
    pause: float = PAUSE

    async def tail(self, replica: Replica, lines: int) -> Sequence[str]:
        """Of a pod that is gone, what was kept of it."""
        pod = await self._pod(replica)
        if pod is None:
            return replica.log_tail[-lines:] if lines else ()
        found: list[str] = []
        for container in _containers(pod):
            found += await _tail(self.parts.cluster, pod, container, lines, previous=False)
        return found[-lines:] if lines else ()

    async def follow(self, replica: Replica, tail: int) -> AsyncGenerator[str, None]:
        pod = await self._pod(replica)
        if pod is None:
            return
        lines: asyncio.Queue[str | None] = asyncio.Queue(maxsize=1_000)
        containers = _containers(pod)
        tasks = [asyncio.create_task(self._follow(pod, each, tail, lines)) for each in containers]
        try:
            left = len(tasks)
            while left:
                if (line := await lines.get()) is None:
                    left -= 1
                else:
                    yield line
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def command(self, replica: Replica, revision: Revision) -> Sequence[Sequence[str]]:
        models = [model for model in revision.definition.models if model.service is not None]
        return [render.argv(model, render.own_values(model)) or [] for model in models]

    async def _follow(
        self, pod: Object, container: str, tail: int, lines: asyncio.Queue[str | None]
    ) -> None:
        """Until the pod is gone; each run of a container that is started again is followed from its first
        line. The log of one that runs on may end too: its node's kubelet was started again."""
        cluster, place = self.parts.cluster, (objects.namespace(pod), objects.name(pod))
        followed, found, runs_on = -1, pod, 0
        try:
            while True:
                run = _restarts(found, container)
                runs_on = runs_on + 1 if run == followed and _is_running(found, container) else 0
                if runs_on > LAG:
                    followed, tail = run - 1, 0
                if run > followed:
                    try:
                        reading = cluster.logs(*place, container, tail=tail, follow=True)
                        async with aclosing(reading) as written:
                            async for line in written:
                                tail = 0  # where the connection breaks, that was told
                                await lines.put(line)
                        followed, tail = run, RUN
                    except UNREADABLE:
                        pass  # not started yet, or not reachable now
                now = await self._now(pod)
                if now is None:
                    return
                found = now
                await asyncio.sleep(self.pause)
        finally:
            if not _is_cancelled():  # there may be no room, and nobody who makes some
                await lines.put(None)

    async def _now(self, pod: Object) -> Object | None:
        """As it is; as it was where the cluster does not answer."""
        try:
            place = objects.namespace(pod), objects.name(pod)
            found = await self.parts.cluster.get(Kind.POD, *place)
        except (ClusterUnavailable, Refused):
            return pod
        return found if found is not None and objects.uid(found) == objects.uid(pod) else None

    async def _pod(self, replica: Replica) -> Object | None:
        pods = self.parts.pods_of(replica.group_id)
        return next((p for p in pods if objects.label(p, names.REPLICA) == replica.id), None)


async def _tail(
    cluster: Cluster, pod: Object, container: str, lines: int, *, previous: bool
) -> Sequence[str]:
    place = objects.namespace(pod), objects.name(pod)
    try:
        reading = cluster.logs(*place, container, tail=lines, previous=previous)
        async with aclosing(reading) as written:
            return [line async for line in written]
    except UNREADABLE:
        return ()


def _is_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _containers(pod: Object) -> Sequence[str]:
    return [*objects.sidecars(pod), *(str(each["name"]) for each in pod["spec"]["containers"])]


def _restarts(pod: Object, container: str) -> int:
    statuses = objects.container_statuses(pod)
    return next((int(s.get("restartCount", 0)) for s in statuses if s["name"] == container), 0)


def _is_running(pod: Object, container: str) -> bool:
    statuses = objects.container_statuses(pod)
    return any("running" in (s.get("state") or {}) for s in statuses if s["name"] == container)


def _has_begun_again(pod: Object, container: str) -> bool:
    """Whether the run before this one is what went wrong: not where this one ended too, or served."""
    statuses = objects.container_statuses(pod)
    found: Object = next((each for each in statuses if each["name"] == container), {})
    if "terminated" in (found.get("state") or {}) or objects.has_served(pod, found):
        return False
    return bool((found.get("lastState") or {}).get("terminated"))
