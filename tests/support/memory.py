"""The store in memory, with the semantics of the real ones: for tests of services and resolvers.

    store = MemoryStore(clock=clock)          # has the project named "default" (store.default)
    async with store.start_work("someone", "request:1") as w: ...
    await store.reads.deployments.page(...)
    store.log.follow(None, Scope())
"""

from domain.access.access import Project
from domain.clock import Clock, utc_now
from domain.work import EventLog, Reads, StartWork


class MemoryStore:
    """Same attributes as infra.store.Store: start_work, reads, log."""

    start_work: StartWork
    reads: Reads
    log: EventLog
    default: Project

    def __init__(self, clock: Clock = utc_now) -> None: ...
