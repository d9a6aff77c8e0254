"""What is known of replicas on a server that runs none: what their rows keep."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass

from domain.definitions import render
from domain.definitions.definition import Model
from domain.definitions.render import Values
from domain.deployments.deployment import Revision
from domain.deployments.replica import Replica


@dataclass(frozen=True, slots=True)
class Remembered:
    """Implements `ReplicaLogs`: the last lines of those that went wrong, and no more."""

    async def tail(self, replica: Replica, lines: int) -> Sequence[str]:
        return replica.log_tail[-lines:] if lines else ()

    async def follow(self, replica: Replica, tail: int) -> AsyncGenerator[str, None]:
        for line in await self.tail(replica, tail):
            yield line

    async def command(self, replica: Replica, revision: Revision) -> Sequence[Sequence[str]]:
        """With its own ports, as far as they are known; else with the definition's."""
        served = [model for model in revision.definition.models if model.service is not None]
        return [render.argv(model, _values(model, replica)) or [] for model in served]


def _values(model: Model, replica: Replica) -> Values:
    own = render.own_values(model)
    found = [each for each in replica.endpoints if each.model == model.name]
    if not found:
        return own
    return Values(model_path=own.model_path, port=found[0].port, host=found[0].host, name=own.name)
