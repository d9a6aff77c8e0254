"""The rows of a unit of work on the store in memory."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import datetime
from typing import Generic, TypeVar

from pydantic import BaseModel

from domain.batches.batch import Batch
from domain.deployments.deployment import Deployment
from domain.deployments.shards import shard_of
from domain.errors import InvalidValue, NotFound
from domain.listing import field_of
from domain.work import Answered, Due
from tests.support.memory_kept import BatchLook, Kept, Look
from tests.support.memory_rules import require_rules

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class MemoryRows(Generic[T]):
    kept: Kept
    kind: str

    async def get(self, id: str) -> T | None:
        return self.kept.tables[self.kind].get(id)

    async def lock(self, id: str) -> T | None:
        return await self.get(id)

    async def add(self, value: T) -> None:
        row_id = field_of(value, "id")
        self._keep(row_id, value)
        match value:
            case Deployment():
                due = Due(deployment_id=row_id, shard=shard_of(row_id), asked=0)
                self.kept.looks[row_id] = Look(due, None)
            case Batch():
                self.kept.batch_looks[row_id] = BatchLook(value.created_at)

    async def put(self, value: T) -> None:
        row_id = field_of(value, "id")
        if row_id not in self.kept.tables[self.kind]:
            raise NotFound(kind=self.kind, id=row_id)
        self._keep(row_id, value)

    async def remove(self, id: str) -> None:
        self.kept.tables[self.kind].pop(id, None)
        if self.kind == "deployment":
            self.kept.looks.pop(id, None)
        self.kept.cascade(self.kind, id)

    def _keep(self, row_id: str, value: T) -> None:
        require_storable(value)
        require_rules(value)
        self.kept.require_free(self.kind, value)
        self.kept.require_single(value)
        self.kept.tables[self.kind][row_id] = value


@dataclass(frozen=True, slots=True)
class MemoryAnswers:
    kept: Kept

    async def get(
        self, project_id: str, operation: str, key: str, now: datetime
    ) -> Answered | None:
        found = self.kept.answers.get((project_id, operation, key))
        return found if found is not None and found.expires_at > now else None

    async def claim(self, answered: Answered, now: datetime) -> Answered | None:
        require_storable(answered)
        place = (answered.project_id, answered.operation, answered.key)
        found = await self.get(*place, now)
        if found is None:
            self.kept.answers[place] = answered
        return found


def require_storable(value: object) -> None:
    """Refuse text that PostgreSQL can't keep, wherever in the value it stands."""
    match value:
        case str():
            if "\0" in value or any("\ud800" <= c <= "\udfff" for c in value):
                raise InvalidValue(problem="Text can't hold NUL characters or unpaired surrogates.")
        case BaseModel():
            require_storable(value.model_dump())
        case Mapping():
            for key, held in value.items():
                require_storable(key)
                require_storable(held)
        case tuple() | list():
            for held in value:
                require_storable(held)
        case _ if is_dataclass(value):
            for part in fields(value):
                require_storable(getattr(value, part.name))
