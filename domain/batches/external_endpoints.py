from dataclasses import dataclass, replace
from typing import Any, TypedDict
from urllib.parse import urlsplit

from domain import checks, idempotency
from domain.access.access import Caller, Role
from domain.batches.external_endpoint import ExternalEndpoint
from domain.batches.facts import (
    ExternalEndpointCreated,
    ExternalEndpointDeleted,
    ExternalEndpointUpdated,
)
from domain.clock import Clock
from domain.errors import InUse, InvalidValue, NotFound, Path
from domain.ids import NewId
from domain.work import Reads, StartWork

URL_LIMIT = 2_048
MODELS_LIMIT = 256
MODEL_LIMIT = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class NewExternalEndpoint:
    name: str
    base_url: str
    models: tuple[str, ...] = ()
    api_key_secret: str | None = None


class ExternalEndpointPatch(TypedDict, total=False):
    """Null empties `models` and `api_key_secret`; the others have to have a value."""

    name: str | None
    base_url: str | None
    models: tuple[str, ...] | None
    api_key_secret: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalEndpoints:
    start_work: StartWork
    reads: Reads
    clock: Clock
    new_id: NewId

    async def create(
        self, caller: Caller, new: NewExternalEndpoint, key: str | None = None
    ) -> ExternalEndpoint:
        project_id = caller.project_id
        caller.require_selected(Role.ADMIN)
        repeat = idempotency.repeat(project_id, "createExternalEndpoint", key, new)
        if first := await repeat.answered(self.reads, self.clock()):
            return await self._first(first)
        now = self.clock()
        endpoint = ExternalEndpoint(
            id=self.new_id(),
            project_id=project_id,
            name=checks.name(new.name, ("name",)),
            base_url=_server_url(new.base_url),
            models=_models(new.models),
            api_key_secret=await self._secret(project_id, new.api_key_secret),
            created_at=now,
            created_by=caller.actor,
            updated_at=now,
        )
        async with self.start_work(caller.actor, caller.cause) as work:
            twin = await repeat.claim(work, endpoint.id, now)
            if twin is None:
                await work.external_endpoints.add(endpoint)
                fact = ExternalEndpointCreated(external_endpoint_id=endpoint.id, name=endpoint.name)
                work.record(project_id, fact)
        return endpoint if twin is None else await self._first(twin)

    async def update(
        self, caller: Caller, id: str, patch: ExternalEndpointPatch
    ) -> ExternalEndpoint:
        """Batches that run there go on at the new URL, with the new key."""
        known = await self.reads.external_endpoints.by_ids([id])
        found = caller.owned(known.get(id), Role.ADMIN, _missing(id))
        changes = _changes(patch)
        if patch.get("api_key_secret") is not None:
            await self._secret(found.project_id, patch["api_key_secret"])
        async with self.start_work(caller.actor, caller.cause) as work:
            locked = await work.external_endpoints.lock(id)
            endpoint = caller.owned(locked, Role.ADMIN, _missing(id))
            changed = replace(endpoint, **changes)
            if changed == endpoint:
                return endpoint
            changed = replace(changed, updated_at=self.clock())
            await work.external_endpoints.put(changed)
            fact = ExternalEndpointUpdated(external_endpoint_id=id, name=changed.name)
            work.record(endpoint.project_id, fact)
        return changed

    async def delete(self, caller: Caller, id: str) -> ExternalEndpoint:
        """Raises InUse while a batch that has not ended runs there, or asks for it."""
        async with self.start_work(caller.actor, caller.cause) as work:
            locked = await work.external_endpoints.lock(id)
            endpoint = caller.owned(locked, Role.ADMIN, _missing(id))
            if await work.needs_endpoint(endpoint):
                path = ("external_endpoint_id",)
                raise InUse(kind="external endpoint", name=endpoint.name, path=path)
            await work.external_endpoints.remove(id)
            fact = ExternalEndpointDeleted(external_endpoint_id=id, name=endpoint.name)
            work.record(endpoint.project_id, fact)
        return endpoint

    async def _secret(self, project_id: str, name: str | None) -> str | None:
        path = ("api_key_secret",)
        if name is None:
            return None
        checks.secret_name(name, path)
        if name not in await self.reads.secrets.named(project_id, [name]):
            raise NotFound(kind="secret", id=name, path=path)
        return name

    async def _first(self, id: str) -> ExternalEndpoint:
        found = await self.reads.external_endpoints.by_ids([id])
        if id not in found:
            raise _missing(id)
        return found[id]


def _changes(patch: ExternalEndpointPatch) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    if "name" in patch:
        changes["name"] = checks.name(patch["name"], ("name",))
    if "base_url" in patch:
        changes["base_url"] = _server_url(patch["base_url"] or "")
    if "models" in patch:
        changes["models"] = _models(patch["models"] or ())
    if "api_key_secret" in patch:
        changes["api_key_secret"] = patch["api_key_secret"]
    return changes


def _server_url(url: str) -> str:
    """`http://host:8000/v1`: what a request's path is put behind, in place of its own `/v1`."""
    path: Path = ("base_url",)
    checks.text(url, path, URL_LIMIT)
    problem = _url_problem(url)
    if problem is not None:
        raise InvalidValue(path=path, problem=problem)
    return url


def _url_problem(url: str) -> str | None:
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises ValueError for what is no port
    except ValueError:
        return "This is no URL: its host or port is malformed."
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return "Write it as http://host:port/v1 or https://host/v1."
    if any(c.isspace() or not c.isprintable() for c in url):
        return "A URL has no spaces and no control characters."
    if "@" in parts.netloc:
        return "Keep credentials out of the URL: name a secret in apiKeySecret."
    if "?" in url or "#" in url:
        return "Leave out what follows the path: it has no query and no fragment."
    if url.endswith("/"):
        return "Leave out the slash at its end."
    return None


def _models(models: tuple[str, ...]) -> tuple[str, ...]:
    """Each once, in the order given."""
    for place, model in enumerate(models):
        if not model:
            raise InvalidValue(path=("models", place), problem="A model has a name.")
        checks.text(model, ("models", place), MODEL_LIMIT)
    if len(set(models)) > MODELS_LIMIT:
        raise InvalidValue(path=("models",), problem=f"More than {MODELS_LIMIT} models.")
    return tuple(dict.fromkeys(models))


def _missing(id: str) -> NotFound:
    return NotFound(kind="external endpoint", id=id, path=("external_endpoint_id",))
