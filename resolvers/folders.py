"""Model folders."""

from typing import cast

import strawberry

from domain.folders.service import FolderPatch, NewFolder
from resolvers import lists
from resolvers.context import Info
from resolvers.errors import mending
from resolvers.inputs import own_id, own_id_or_none, patch
from schema import versions
from schema.folders import (
    ORDER_KINDS,
    CreateModelFolderInput,
    CreateModelFolderPayload,
    DeleteModelFolderInput,
    DeleteModelFolderPayload,
    ModelFolder,
    ModelFolderFilter,
    ModelFolderOrder,
    UpdateModelFolderInput,
    UpdateModelFolderPayload,
)
from schema.relay import DEFAULT_FIRST, After, Connection, First


@versions.type(added="0.1.0")
class FolderQueries:
    @versions.field
    async def model_folder(self, info: Info, id: strawberry.ID) -> ModelFolder | None:
        """A registered folder by its id; null for an id of nothing that the caller sees."""
        own = own_id_or_none("ModelFolder", id)
        found = await info.context.loads.folder(own) if own else None
        return None if found is None else ModelFolder.of(found)

    @versions.field
    async def model_folders(
        self,
        info: Info,
        first: First = DEFAULT_FIRST,
        after: After = None,
        filter: ModelFolderFilter | None = None,
        order_by: ModelFolderOrder | None = None,
    ) -> Connection[ModelFolder]:
        """The project's model folders, oldest first unless ordered."""
        return await lists.in_project(
            info.context,
            info.context.services.reads.folders,
            ModelFolder.of,
            ORDER_KINDS,
            first=first,
            after=after,
            filter=filter,
            order_by=order_by,
        )


@versions.type(added="0.1.0")
class FolderMutations:
    @versions.field
    async def create_model_folder(
        self, info: Info, input: CreateModelFolderInput
    ) -> CreateModelFolderPayload | None:
        """Registers a folder where it lies; nothing is copied."""
        payload = CreateModelFolderPayload()
        with mending(payload):
            new = NewFolder(name=input.name, uri=input.uri)
            folders = info.context.services.folders
            created = await folders.create(info.context.caller, new, input.idempotency_key)
            payload.folder = ModelFolder.of(created)
        return payload

    @versions.field
    async def update_model_folder(
        self, info: Info, input: UpdateModelFolderInput
    ) -> UpdateModelFolderPayload | None:
        """Renames a folder or has it lie elsewhere; revisions that were made from it stay as they are."""
        payload = UpdateModelFolderPayload()
        with mending(payload):
            own = own_id("ModelFolder", input.folder_id, "folder_id")
            changes = cast("FolderPatch", patch(input, without=("folder_id",)))
            folders = info.context.services.folders
            payload.folder = ModelFolder.of(await folders.update(info.context.caller, own, changes))
        return payload

    @versions.field
    async def delete_model_folder(
        self, info: Info, input: DeleteModelFolderInput
    ) -> DeleteModelFolderPayload | None:
        """Forgets a folder; its files stay where they are, and revisions made from them stay whole."""
        payload = DeleteModelFolderPayload()
        with mending(payload):
            own = own_id("ModelFolder", input.folder_id, "folder_id")
            folders = info.context.services.folders
            payload.folder = ModelFolder.of(await folders.delete(info.context.caller, own))
        return payload
