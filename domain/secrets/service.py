from dataclasses import dataclass

from domain import checks
from domain.access.access import Caller, Role
from domain.clock import Clock
from domain.errors import NotFound
from domain.ids import NewId
from domain.secrets.facts import SecretCreated, SecretDeleted
from domain.secrets.ports import Sealer
from domain.secrets.secret import Secret
from domain.work import StartWork

VALUE_LIMIT = 64 * 1024  # characters


@dataclass(frozen=True, slots=True, kw_only=True)
class Secrets:
    start_work: StartWork
    sealer: Sealer
    clock: Clock
    new_id: NewId

    async def create(self, caller: Caller, name: str, value: str) -> Secret:
        """A value is never replaced: delete the secret and create it again."""
        project_id = caller.project_id
        caller.require_selected(Role.ADMIN)
        checks.secret_name(name, ("name",))
        checks.text(value, ("value",), VALUE_LIMIT)
        now = self.clock()
        secret = Secret(
            id=self.new_id(),
            project_id=project_id,
            name=name,
            sealed=self.sealer.seal(value, context=sealing_context(project_id, name)),
            created_at=now,
            created_by=caller.actor,
        )
        async with self.start_work(caller.actor, caller.cause) as work:
            await work.secrets.add(secret)
            work.record(project_id, SecretCreated(secret_id=secret.id, name=name))
        return secret

    async def delete(self, caller: Caller, id: str) -> Secret:
        """Revisions that name it stay; their replicas will not start without it."""
        async with self.start_work(caller.actor, caller.cause) as work:
            secret = caller.owned(await work.secrets.lock(id), Role.ADMIN, _missing(id))
            await work.secrets.remove(id)
            work.record(secret.project_id, SecretDeleted(secret_id=id, name=secret.name))
        return secret


def sealing_context(project_id: str, name: str) -> str:
    """What a sealed value is bound to: moved to another row it does not open."""
    return f"{project_id}/{name}"


def _missing(id: str) -> NotFound:
    return NotFound(kind="secret", id=id, path=("secret_id",))
