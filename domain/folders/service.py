from dataclasses import dataclass, replace
from typing import Any, TypedDict

from domain import checks, idempotency
from domain.access.access import Caller, Role
from domain.clock import Clock
from domain.errors import FolderRefused, InvalidValue, NotFound
from domain.folders.facts import FolderCreated, FolderDeleted, FolderUpdated
from domain.folders.folder import Folder
from domain.folders.ports import FolderFiles
from domain.ids import NewId
from domain.work import Reads, StartWork

URI_LIMIT = 2_048


@dataclass(frozen=True, slots=True, kw_only=True)
class NewFolder:
    name: str
    uri: str


class FolderPatch(TypedDict, total=False):
    name: str | None
    uri: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Folders:
    start_work: StartWork
    reads: Reads
    files: FolderFiles
    clock: Clock
    new_id: NewId

    async def create(self, caller: Caller, new: NewFolder, key: str | None = None) -> Folder:
        project_id = caller.project_id
        caller.require_selected(Role.EDITOR)
        repeat = idempotency.repeat(project_id, "createModelFolder", key, new)
        if first := await repeat.answered(self.reads, self.clock()):
            return await self._first(first)
        checks.name(new.name, ("name",))
        uri = await self._usable(new.uri)
        now = self.clock()
        folder = Folder(
            id=self.new_id(),
            project_id=project_id,
            name=new.name,
            uri=uri,
            created_at=now,
            created_by=caller.actor,
            updated_at=now,
        )
        async with self.start_work(caller.actor, caller.cause) as work:
            twin = await repeat.claim(work, folder.id, now)
            if twin is None:
                await work.folders.add(folder)
                fact = FolderCreated(folder_id=folder.id, name=folder.name, uri=folder.uri)
                work.record(project_id, fact)
        return folder if twin is None else await self._first(twin)

    async def update(self, caller: Caller, id: str, patch: FolderPatch) -> Folder:
        known = await self.reads.folders.by_ids([id])
        caller.owned(known.get(id), Role.EDITOR, _missing(id))
        changes: dict[str, Any] = {}
        if "name" in patch:
            changes["name"] = checks.name(patch["name"], ("name",))
        if "uri" in patch:
            if patch["uri"] is None:
                raise InvalidValue(path=("uri",), problem="A model folder needs a URI.")
            changes["uri"] = await self._usable(patch["uri"])
        async with self.start_work(caller.actor, caller.cause) as work:
            folder = caller.owned(await work.folders.lock(id), Role.EDITOR, _missing(id))
            changed = replace(folder, **changes)
            if changed == folder:
                return folder
            changed = replace(changed, updated_at=self.clock())
            await work.folders.put(changed)
            fact = FolderUpdated(folder_id=id, name=changed.name, uri=changed.uri)
            work.record(folder.project_id, fact)
        return changed

    async def delete(self, caller: Caller, id: str) -> Folder:
        """Revisions that were made from the folder stay whole."""
        async with self.start_work(caller.actor, caller.cause) as work:
            folder = caller.owned(await work.folders.lock(id), Role.EDITOR, _missing(id))
            await work.folders.remove(id)
            work.record(folder.project_id, FolderDeleted(folder_id=id, name=folder.name))
        return folder

    async def _usable(self, uri: str) -> str:
        try:
            return await self.files.usable(checks.text(uri, ("uri",), URI_LIMIT))
        except FolderRefused as refused:
            raise replace(refused, path=("uri",)) from refused

    async def _first(self, id: str) -> Folder:
        found = await self.reads.folders.by_ids([id])
        if id not in found:
            raise _missing(id)
        return found[id]


def _missing(id: str) -> NotFound:
    return NotFound(kind="model folder", id=id, path=("folder_id",))
