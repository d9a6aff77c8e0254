"""Requests to pods through the API server, for who is outside of their cluster.

Implements domain.deployments.proxy.Proxy.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import TYPE_CHECKING

from domain.deployments.proxy import NotPassedOn, Way
from domain.errors import Unreachable
from infra.k8s import proxied
from infra.k8s.errors import ClusterUnavailable, ClusterUnknown, Refused

if TYPE_CHECKING:
    from infra.k8s.cluster import Cluster

API_SERVER = "The cluster's API server"
FAILURES = (ClusterUnavailable, ClusterUnknown, Refused)


class ThroughApiServer:
    """`open` is called with the first request: not everybody who could send some ever does."""

    def __init__(self, open: Callable[[], AbstractAsyncContextManager["Cluster"]]) -> None:
        self._open = open
        self._stack = AsyncExitStack()
        self._opening = asyncio.Lock()
        self._cluster: Cluster | None = None

    async def way(self, pod: str, port: int, headers: Mapping[str, str]) -> Way:
        namespace, _, name = pod.partition("/")
        cluster = await self._opened()
        try:
            found = await cluster.pod_proxy(namespace, name, port)
        except FAILURES as error:
            raise _unreachable(error) from error
        own = proxied.asked(headers, found.headers)
        return Way(url=found.url, headers=own, security=found.ssl, server_name=found.server_name)

    async def renew(self) -> None:
        cluster = await self._opened()
        try:
            await cluster.renew()
        except FAILURES as error:
            raise _unreachable(error) from error

    def refusal(self, status: int, body: bytes) -> NotPassedOn | None:
        return proxied.refusal(status, body)

    def answered(self, headers: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
        return proxied.answered(headers)

    async def close(self) -> None:
        await self._stack.aclose()

    async def _opened(self) -> "Cluster":
        if self._cluster is not None:
            return self._cluster
        async with self._opening:
            if self._cluster is None:
                try:
                    self._cluster = await self._stack.enter_async_context(self._open())
                except FAILURES as error:
                    raise _unreachable(error) from error
            return self._cluster


def _unreachable(error: ClusterUnavailable | ClusterUnknown | Refused) -> Unreachable:
    return Unreachable(where=API_SERVER, problem=error.message)
