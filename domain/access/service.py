"""Projects and API keys."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256

from domain import checks
from domain.access.access import ApiKey, Caller, Principal, Project, Role
from domain.access.facts import KeyCreated, KeyRevoked, ProjectCreated
from domain.clock import Clock
from domain.errors import Forbidden, NotFound, Unauthenticated
from domain.ids import NewId
from domain.work import Reads, StartWork

NewToken = Callable[[], str]
PREFIX = 11  # characters of a token that may be shown: "my_" and eight more
OPEN = Principal(actor="open-mode", server_admin=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    start_work: StartWork
    reads: Reads
    clock: Clock
    new_id: NewId
    new_token: NewToken

    async def create_project(self, caller: Caller, name: str) -> Project:
        if not caller.principal.server_admin:
            raise Forbidden(role="server admin")
        checks.name(name, ("name",))
        project = Project(id=self.new_id(), name=name, created_at=self.clock())
        async with self.start_work(caller.actor, caller.cause) as work:
            await work.projects.add(project)
            work.record(project.id, ProjectCreated(project_id=project.id, name=name))
        return project

    async def create_key(
        self, actor: str, name: str, roles: Mapping[str, Role], *, server_admin: bool = False
    ) -> tuple[ApiKey, str]:
        """The key and its token, which is never shown again. `roles` is by project id."""
        checks.name(name, ("name",))
        token = self.new_token()
        key = ApiKey(
            id=self.new_id(),
            name=name,
            prefix=token[:PREFIX],
            digest=digest(token),
            server_admin=server_admin,
            roles=dict(roles),
            created_at=self.clock(),
        )
        async with self.start_work(actor, cause="command") as work:
            await work.keys.add(key)
            work.record(None, KeyCreated(key_id=key.id, name=name))
        return key, token

    async def revoke_key(self, actor: str, id: str) -> ApiKey:
        """Revoking a revoked key changes nothing."""
        async with self.start_work(actor, cause="command") as work:
            key = await work.keys.lock(id)
            if key is None:
                raise NotFound(kind="key", id=id)
            if key.revoked_at is not None:
                return key
            key = replace(key, revoked_at=self.clock())
            await work.keys.put(key)
            work.record(None, KeyRevoked(key_id=id, name=key.name))
        return key

    async def authenticate(self, token: str) -> Principal:
        """Raises Unauthenticated for a token that is unknown or revoked."""
        key = await self.reads.keys.by_digest(digest(token))
        if key is None or key.revoked_at is not None:
            raise Unauthenticated()
        return Principal(
            actor=f"key:{key.name}",
            roles=key.roles,
            server_admin=key.server_admin,
            key_id=key.id,
        )

    async def is_open(self, *, loopback: bool) -> bool:
        """Open mode: bound to loopback, and no key was ever made (revoked ones count)."""
        return loopback and not await self.reads.keys.any_ever()

    async def project(self, principal: Principal, name: str | None) -> Project:
        """The project that a request selects; raises NotFound where it isn't the principal's.

        No name: the principal's only project, else `default`.
        """
        if name is None and len(principal.roles) == 1 and not principal.server_admin:
            only = next(iter(principal.roles))
            found = (await self.reads.projects.by_ids([only])).get(only)
        else:
            found = await self.reads.projects.named(name or "default")
        if found is None or principal.role_in(found.id) is None:
            raise NotFound(kind="project", id=name or "default")
        return found


def digest(token: str) -> str:
    return sha256(token.encode(errors="surrogatepass")).hexdigest()
