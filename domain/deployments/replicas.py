"""What replicas write and what they execute, for who may read it."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from domain.access.access import Caller, Role
from domain.deployments.deployment import Revision
from domain.deployments.ports import ReplicaLogs
from domain.deployments.replica import Replica
from domain.errors import InvalidValue, NotFound
from domain.work import Reads

TAIL_LIMIT = 1_000  # lines


@dataclass(frozen=True, slots=True, kw_only=True)
class Replicas:
    reads: Reads
    written: ReplicaLogs

    async def logs(self, caller: Caller, replica: Replica, tail: int) -> Sequence[str]:
        """Its last lines; raises InvalidValue for more than TAIL_LIMIT."""
        _require(caller, replica)
        return await self.written.tail(replica, _checked(tail))

    async def follow(self, caller: Caller, id: str, tail: int) -> AsyncGenerator[str, None]:
        """Its last lines, then each as it is written, until the replica is gone."""
        replica = await self._replica(caller, id)
        async with aclosing(self.written.follow(replica, _checked(tail))) as lines:
            async for line in lines:
                yield line

    async def command(
        self, caller: Caller, replica: Replica, revision: Revision
    ) -> Sequence[Sequence[str]]:
        """What is executed, as argv, one for each model that has a service."""
        _require(caller, replica)
        return await self.written.command(replica, revision)

    async def _replica(self, caller: Caller, id: str) -> Replica:
        found = (await self.reads.replicas.by_ids([id])).get(id)
        return caller.owned(found, Role.VIEWER, _missing(id))


def _require(caller: Caller, replica: Replica) -> None:
    caller.require(Role.VIEWER, replica.project_id, _missing(replica.id))


def _checked(tail: int) -> int:
    if not 0 <= tail <= TAIL_LIMIT:
        problem = f"tail is 0 to {TAIL_LIMIT}, not {tail}."
        raise InvalidValue(path=("tail",), problem=problem, limit=TAIL_LIMIT, found=tail)
    return tail


def _missing(id: str) -> NotFound:
    return NotFound(kind="model replica", id=id, path=("replica_id",))
