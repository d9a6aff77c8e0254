"""Files that batch jobs read and write."""

import strawberry

from resolvers import lists
from resolvers.context import Info
from resolvers.errors import mending
from resolvers.inputs import own_id, own_id_or_none
from schema import versions
from schema.files import (
    NEWEST_FIRST,
    ORDER_KINDS,
    DeleteFileInput,
    DeleteFilePayload,
    File,
    FileFilter,
    FileOrder,
    UploadFileInput,
    UploadFilePayload,
)
from schema.relay import DEFAULT_FIRST, After, Connection, First


@versions.type(added="0.2.0")
class FileQueries:
    @versions.method(added="0.2.0")
    async def file(self, info: Info, id: strawberry.ID) -> File | None:
        """A file by its id, or by that of the OpenAI-compatible API; null for an id of nothing that the
        caller sees."""
        own = own_id_or_none("File", id)
        found = await info.context.loads.file(own) if own else None
        return None if found is None else File.of(found)

    @versions.method(added="0.2.0")
    async def files(
        self,
        info: Info,
        first: First = DEFAULT_FIRST,
        after: After = None,
        filter: FileFilter | None = None,
        order_by: FileOrder | None = None,
    ) -> Connection[File]:
        """The project's files, newest first unless ordered."""
        return await lists.in_project(
            info.context,
            info.context.services.reads.files,
            File.of,
            ORDER_KINDS,
            first=first,
            after=after,
            filter=filter,
            order_by=order_by,
            otherwise=NEWEST_FIRST,
        )


@versions.type(added="0.2.0")
class FileMutations:
    @versions.method(added="0.2.0")
    async def upload_file(self, info: Info, input: UploadFileInput) -> UploadFilePayload | None:
        """Stores a file as it comes; the request is a form (graphql-multipart-request-spec)."""
        payload = UploadFilePayload()
        with mending(payload):
            file = await info.context.services.files.upload(
                info.context.caller,
                input.file.name,
                input.purpose.value,
                input.file.pieces,
                input.expires_after,
            )
            payload.file = File.of(file)
        return payload

    @versions.method(added="0.2.0")
    async def delete_file(self, info: Info, input: DeleteFileInput) -> DeleteFilePayload | None:
        """Deletes a file that no live batch job needs, with its content."""
        payload = DeleteFilePayload()
        with mending(payload):
            own = own_id("File", input.file_id, "file_id")
            files = info.context.services.files
            payload.file = File.of(await files.delete(info.context.caller, own))
        return payload
