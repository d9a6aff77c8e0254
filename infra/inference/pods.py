"""Requests to pods that are asked by way of a proxy."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from domain.batches.ports import Inference, Reply
from domain.deployments.proxy import REFUSAL_LIMIT, NotPassedOn, Proxy
from domain.deployments.replica import Endpoint
from domain.errors import Interrupted, Unreachable
from infra.inference.pool import Secured

POD = "pod://"
"""Of an address: pod://namespace/name:port, and the path."""


def address(endpoint: Endpoint) -> str:
    """A pod is known by its name; whatever else is a replica has an address that is dialled."""
    return endpoint.url if endpoint.pod is None else f"{POD}{endpoint.pod}:{endpoint.port}"


class Engines(Protocol):
    async def ask(
        self,
        url: str,
        headers: Mapping[str, str],
        body: bytes,
        seconds: float,
        limit: int,
        secured: Secured | None = None,
    ) -> Reply:
        """As Inference.ask; `secured` is for connections to that url alone."""


@dataclass(frozen=True, slots=True)
class WithPods:
    """`others` for all that is no pod; `engines` speaks to the proxy."""

    others: Inference
    engines: Engines
    proxy: Proxy

    async def ask(
        self, url: str, headers: Mapping[str, str], body: bytes, seconds: float, limit: int
    ) -> Reply:
        if not url.startswith(POD):
            return await self.others.ask(url, headers, body, seconds, limit)
        until = asyncio.get_running_loop().time() + seconds
        reply, refusal = await self._asked(url, headers, body, seconds, limit)
        if refusal is not None and refusal.is_unknown:
            await self.proxy.renew()
            left = until - asyncio.get_running_loop().time()
            reply, refusal = await self._asked(url, headers, body, left, limit)
        if refusal is None:
            return reply
        failure = Unreachable if refusal.is_unbegun else Interrupted
        raise failure(where=url, problem=refusal.problem)

    async def _asked(
        self, url: str, headers: Mapping[str, str], body: bytes, seconds: float, limit: int
    ) -> tuple[Reply, NotPassedOn | None]:
        pod, port, path = _parts(url)
        way = await self.proxy.way(pod, port, headers)
        secured = Secured(way.security, way.server_name) if way.security else None
        reply = await self.engines.ask(
            way.url + path,
            way.headers,
            body,
            seconds,
            limit,
            secured,
        )
        is_short = len(reply.body) <= REFUSAL_LIMIT
        return reply, self.proxy.refusal(reply.status, reply.body) if is_short else None


def _parts(url: str) -> tuple[str, int, str]:
    """What `address` made, and the path after it."""
    namespace, name, path = url.removeprefix(POD).split("/", 2)
    name, _, port = name.rpartition(":")
    return f"{namespace}/{name}", int(port), f"/{path}"
