"""The event log, read as a list."""

from functools import partial

from domain.access.access import Role
from domain.errors import Forbidden
from domain.events import Cursor, Scope, SubjectKind
from domain.events import Event as Committed
from resolvers.context import Info
from resolvers.views import sees, sees_all, sees_as
from schema import versions
from schema.event_kinds import Event
from schema.event_types import TYPES
from schema.events import EventConnection, EventEdge, EventFilter, shown
from schema.relay import DEFAULT_FIRST, After, First, page_ends, page_size, parse_id

NOBODY = ""
SUBJECTS = {
    "Project": SubjectKind.PROJECT,
    "Secret": SubjectKind.SECRET,
    "Webhook": SubjectKind.WEBHOOK,
    "ModelFolder": SubjectKind.FOLDER,
    "DeploymentTemplate": SubjectKind.TEMPLATE,
    "ModelDeployment": SubjectKind.DEPLOYMENT,
    "File": SubjectKind.FILE,
    "BatchJob": SubjectKind.BATCH_JOB,
    "BatchProfile": SubjectKind.BATCH_PROFILE,
    "ExternalEndpoint": SubjectKind.EXTERNAL_ENDPOINT,
}


@versions.type(added="0.1.0")
class EventQueries:
    @versions.field
    async def event_cursor(self, info: Info) -> str:
        """The log's head: read it with a state, then subscribe behind it, and nothing is missed."""
        noted = info.context.cursor or await info.context.services.log.head()
        return noted.encode()

    @versions.field
    async def events(
        self,
        info: Info,
        filter: EventFilter | None = None,
        first: First = DEFAULT_FIRST,
        after: After = None,
    ) -> EventConnection:
        """The project's events, oldest first."""
        size = page_size(first)
        log = info.context.services.log
        start = None if after is None else Cursor.decode(after)
        found = await log.read(start, size + 1, scope(info, filter))
        cursors = [event.cursor.encode for event in found[:size]]
        edges = [
            EventEdge(cursor=event.cursor.encode(), node=told(info, event))
            for event in found[:size]
        ]
        return EventConnection(
            edges=edges,
            nodes=[edge.node for edge in edges],
            page_info=page_ends(cursors, after, has_next=len(found) > size),
        )


def scope(info: Info, filter: EventFilter | None) -> Scope:
    """What the caller may see of what the filter wants, and its view knows; raises NotFound,
    Forbidden."""
    caller = info.context.caller
    caller.require_selected(Role.VIEWER)
    if filter is None:
        return Scope(project_id=caller.project_id, types=known(info))
    if filter.every_project and not caller.principal.server_admin:
        raise Forbidden(role="server admin")
    return Scope(
        project_id=None if filter.every_project else caller.project_id,
        subject=None if filter.subject_id is None else _subject(filter.subject_id),
        types=known(info)
        if filter.types is None
        else frozenset(each.value for each in filter.types),
    )


def told(info: Info, event: Committed) -> Event:
    """As the operation's view knows it."""
    return shown(event, partial(sees, info))


def known(info: Info) -> frozenset[str] | None:
    """The types of events that the operation's view has; None for all of them.

    Others are never read, so that cursors move on past them.
    """
    if sees_all(info):
        return None
    return frozenset(name for name in TYPES if sees_as(info, name, "Event"))


def _subject(id: str) -> tuple[SubjectKind, str]:
    """An id that nothing is about gives a subject that has no events."""
    found = parse_id(id)
    if found is None or found[0] not in SUBJECTS:
        return SubjectKind.PROJECT, NOBODY
    return SUBJECTS[found[0]], found[1]
