"""Leases, gateways, ports and hosts of the store in memory."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from random import Random

from domain.deployments.place_ports import choose
from domain.deployments.ports import GATEWAY_LIVES, GatewayReport, Lease
from domain.deployments.replica import Replica
from domain.deployments.shards import moves
from domain.errors import HostRefused
from tests.support.memory_kept import Kept, Plane, Reservation

KEPT_EXITED = 50


@dataclass(frozen=True, slots=True)
class MemoryLeases:
    kept: Kept

    async def renew(self, plane: str, now: datetime, until: datetime) -> Sequence[Lease]:
        async with self.kept.turn:
            planes, shards = self.kept.planes, self.kept.shards
            host = planes[plane].host if plane in planes else None
            planes[plane] = Plane(until, host)
            living = {id_ for id_, one in planes.items() if one.until > now}
            due = moves(shards, plane, living)
            for ids, owner in ((due.take, plane), (due.give, None)):
                for id_ in ids:
                    token = shards[id_].token + 1
                    shards[id_] = replace(shards[id_], owner=owner, token=token)
            return [Lease(shard.id, shard.token) for shard in shards if shard.owner == plane]

    async def leave(self, plane: str) -> None:
        async with self.kept.turn:
            self.kept.planes.pop(plane, None)
            for shard in list(self.kept.shards):
                if shard.owner == plane:
                    left = replace(shard, owner=None, token=shard.token + 1)
                    self.kept.shards[shard.id] = left


@dataclass(frozen=True, slots=True)
class MemoryGateways:
    kept: Kept

    async def report(self, report: GatewayReport) -> None:
        self.kept.gateways[report.gateway] = report

    async def living(self, now: datetime) -> Sequence[GatewayReport]:
        reports = sorted(self.kept.gateways.items())
        return [report for _, report in reports if report.seen_at >= now - GATEWAY_LIVES]

    async def leave(self, gateway: str) -> None:
        self.kept.gateways.pop(gateway, None)

    async def sweep(self, now: datetime) -> int:
        gone = [g for g, r in self.kept.gateways.items() if r.seen_at < now - GATEWAY_LIVES]
        for gateway in gone:
            del self.kept.gateways[gateway]
        return len(gone)


@dataclass(frozen=True, slots=True)
class MemoryPlacePorts:
    """Replicas that the store does not know count as running."""

    kept: Kept
    ports: range
    chance: Random

    async def reserve(
        self, host: str, replica_id: str, models: Sequence[str], avoid: Collection[int]
    ) -> Mapping[str, int]:
        async with self.kept.turn:
            places = self.kept.places
            held = {port: one for (where, port), one in places.items() if where == host}
            mine = {one.model: port for port, one in held.items() if one.replica_id == replica_id}
            kept = {model: port for model, port in mine.items() if port not in avoid}
            lacking = [model for model in dict.fromkeys(models) if model not in kept]
            spent = {port for port, one in held.items() if self.kept.has_exited(one.replica_id)}
            taken = {port for port in held if port not in spent}.union(avoid)
            found = choose(self.ports, taken, spent, len(lacking), self.chance)
            for port in [port for port in mine.values() if port in avoid]:
                del places[host, port]
            new = dict(zip(lacking, found, strict=True))
            for model, port in new.items():
                places[host, port] = Reservation(replica_id, model)
            return {model: (kept | new)[model] for model in models}


async def claim_host(kept: Kept, host: str, plane: str, now: datetime, until: datetime) -> None:
    async with kept.turn:
        living = (p.host for id_, p in kept.planes.items() if id_ != plane and p.until > now)
        present = {r.id: r for r in kept.tables["replica"].values() if not kept.has_exited(r.id)}
        placed = (r.placement["host"] for r in present.values() if r.placement is not None)
        reserved = (where for (where, _), one in kept.places.items() if one.replica_id in present)
        others = sorted({*living, *placed, *reserved} - {host, None})
        if others:
            raise HostRefused(other=others[0], host=host)
        kept.planes[plane] = Plane(until, host)


async def prune_replicas(kept: Kept) -> int:
    exited: dict[str, list[Replica]] = defaultdict(list)
    async with kept.turn:
        for replica in kept.tables["replica"].values():
            if kept.has_exited(replica.id):
                exited[replica.deployment_id].append(replica)
        gone = {
            replica.id
            for replicas in exited.values()
            for replica in sorted(replicas, key=lambda r: (r.exited_at, r.id))[:-KEPT_EXITED]
        }
        for id_ in gone:
            del kept.tables["replica"][id_]
        for place in [p for p, one in kept.places.items() if one.replica_id in gone]:
            del kept.places[place]
    return len(gone)
