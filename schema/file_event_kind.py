"""What events about files have in common."""

import strawberry

from schema import versions
from schema.context import Info
from schema.event_kinds import Event
from schema.files import File


@versions.interface(added="0.2.0")
class FileEvent(Event):
    """A fact about a file."""

    file_id: strawberry.ID
    own_file_id: strawberry.Private[str]

    @versions.load
    async def file(self, info: Info) -> File | None:
        """As it is now."""
        found = await info.context.loads.file(self.own_file_id)
        return None if found is None else File.of(found)
