"""Where requests of batches go that no deployment of ours answers."""

import asyncio
from collections.abc import Collection, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Protocol

from domain.batches.batch import Batch, BatchReason, TargetKind
from domain.batches.external_endpoint import ExternalEndpoint
from domain.batches.ports import Seat, Standstill, Target
from domain.work import Reads

ENDLESS = 1_000_000  # requests: nothing but the pace limits them
OURS = "/v1"
ECHO = "echo:"
ALWAYS: AbstractContextManager[None] = nullcontext()


class SecretValues(Protocol):
    async def open(self, project_id: str, names: Collection[str]) -> Mapping[str, str]:
        """By name; none for a secret that is not there. Raises SealBroken, StorageUnavailable."""


@dataclass(frozen=True, slots=True, eq=False)
class OneSeat:
    """A target that takes whatever it is sent, at one address."""

    id: str
    base_url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    _seats: dict[str, Seat] = field(default_factory=dict)
    _never: asyncio.Event = field(default_factory=asyncio.Event)

    def seat(self, endpoint: str, avoid: Collection[str]) -> Seat | Standstill:
        if (seat := self._seats.get(endpoint)) is None:
            url = self.base_url + endpoint.removeprefix(OURS)
            seat = self._seats[endpoint] = Seat(id=self.id, url=url, headers=self.headers)
        return seat

    def taken(self, seat: Seat) -> AbstractContextManager[None]:
        return ALWAYS

    def room(self) -> int:
        return ENDLESS

    def is_left_out(self) -> bool:
        return False

    async def changed(self) -> None:
        await self._never.wait()


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalTargets:
    """Of places whose target is EXTERNAL. One object for all batches of an endpoint, until its address
    or its key is another."""

    reads: Reads
    secrets: SecretValues
    _known: dict[str, OneSeat] = field(default_factory=dict)

    async def of(self, batch: Batch) -> Target | Standstill:
        wanted = batch.place.external_endpoint_id if batch.place is not None else None
        found = await self.reads.external_endpoints.by_ids([wanted] if wanted else [])
        endpoint = found.get(wanted or "")
        if endpoint is None:
            message = "The external endpoint was deleted. Cancel the batch."
            return Standstill(BatchReason.ENGINE_UNREACHABLE, message)
        headers = await self._headers(endpoint)
        if isinstance(headers, Standstill):
            return headers
        known = self._known.get(endpoint.id)
        if known is None or (known.base_url, known.headers) != (endpoint.base_url, headers):
            known = self._known[endpoint.id] = OneSeat(endpoint.id, endpoint.base_url, headers)
        return known

    async def _headers(self, endpoint: ExternalEndpoint) -> Mapping[str, str] | Standstill:
        name = endpoint.api_key_secret
        if name is None:
            return {}
        values = await self.secrets.open(endpoint.project_id, [name])
        if name not in values:
            message = f"The secret {name!r}, with the endpoint's API key, does not exist."
            return Standstill(BatchReason.ENGINE_UNREACHABLE, message)
        return {"authorization": f"Bearer {values[name]}"}


@dataclass(frozen=True, slots=True)
class EchoTargets:
    """Of places whose target is ECHO: `infra.inference.echo` answers, in this process."""

    target: OneSeat = field(default_factory=lambda: OneSeat("echo", ECHO + OURS))

    async def of(self, batch: Batch) -> Target | Standstill:
        return self.target


@dataclass(frozen=True, slots=True)
class ByKind:
    """Each kind of place has targets of its own."""

    kinds: Mapping[TargetKind, "KindTargets"]

    async def of(self, batch: Batch) -> Target | Standstill:
        place = batch.place
        targets = None if place is None else self.kinds.get(place.target)
        if targets is None:
            return Standstill(BatchReason.QUEUED, "It waits for a place to run.")
        return await targets.of(batch)


class KindTargets(Protocol):
    async def of(self, batch: Batch) -> Target | Standstill: ...
