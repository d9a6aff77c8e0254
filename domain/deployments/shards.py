"""How the deployments are shared out: each lies in a shard, each shard with one control plane."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from zlib import crc32

from domain.deployments.ports import SHARDS


@dataclass(frozen=True, slots=True)
class Shard:
    """`owner` is a control plane's id, None where the shard was given back or never taken."""

    id: int
    owner: str | None
    token: int


@dataclass(frozen=True, slots=True)
class Moves:
    """The ids of shards that one control plane takes up and gives back."""

    take: tuple[int, ...] = ()
    give: tuple[int, ...] = ()


def shard_of(deployment_id: str) -> int:
    """The same on every machine, for ever: rows keep it."""
    return crc32(deployment_id.encode()) % SHARDS


def moves(shards: Sequence[Shard], plane: str, living: Collection[str]) -> Moves:
    """What brings the plane nearer to its part, given the planes that live; it does so itself."""
    mine = [shard.id for shard in shards if shard.owner == plane]
    free = [shard.id for shard in shards if shard.owner != plane and shard.owner not in living]
    part = fair_part(plane, living)
    return Moves(take=tuple(free[: max(0, part - len(mine))]), give=tuple(mine[part:]))


def fair_part(plane: str, living: Collection[str]) -> int:
    """How many shards it is to have: parts differ by one at most, and fill the whole."""
    planes = sorted({*living, plane})
    each, more = divmod(SHARDS, len(planes))
    return each + (planes.index(plane) < more)
