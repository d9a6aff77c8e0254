"""From the event log to what is to be delivered, written down before anything is sent.

A webhook's stored position and its deliveries move in one unit of work: whoever stops in between, and
however many servers read the log at once, each event becomes one delivery.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from domain.batches.batch import FINAL, BatchStatus
from domain.batches.facts import BatchJobStatusChanged
from domain.errors import CursorExpired
from domain.events import Cursor, Event, Scope
from domain.ids import NewId
from domain.webhooks.webhook import Delivery, DeliveryStatus, Webhook, WebhookEvent
from domain.work import EventLog, Reads, StartWork

ACTOR = "webhooks"
HEARD = frozenset({BatchJobStatusChanged.__name__})
READ_AT_ONCE = 500
STORED_EVERY = 10_000  # positions that pass without a delivery before where it stands is stored
TOLD: dict[BatchStatus, WebhookEvent] = {
    BatchStatus.COMPLETED: WebhookEvent.BATCH_COMPLETED,
    BatchStatus.FAILED: WebhookEvent.BATCH_FAILED,
    BatchStatus.EXPIRED: WebhookEvent.BATCH_EXPIRED,
    BatchStatus.CANCELLED: WebhookEvent.BATCH_CANCELLED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Noting:
    """`_heard` is how far this server has read for each webhook, which may be farther than stored."""

    reads: Reads
    start_work: StartWork
    log: EventLog
    new_id: NewId
    _heard: dict[str, Cursor] = field(default_factory=dict)

    async def note(self) -> bool:
        """One stretch of the log for each webhook; whether there is more of what was committed when
        this was called."""
        head = await self.log.head()
        webhooks = await self.reads.webhooks.all()
        for gone in self._heard.keys() - {each.id for each in webhooks}:
            del self._heard[gone]
        is_more = False
        for webhook in webhooks:
            start = self._start(webhook, head)
            if start.position < head.position:
                is_more |= await self._pass(webhook, start, head)
        return is_more

    def _start(self, webhook: Webhook, head: Cursor) -> Cursor:
        stored = Cursor(head.epoch, webhook.position)
        heard = self._heard.get(webhook.id, stored)
        return heard if heard.epoch == head.epoch and heard.position > stored.position else stored

    async def _pass(self, webhook: Webhook, start: Cursor, head: Cursor) -> bool:
        events = await self._read(start, Scope(project_id=webhook.project_id, types=HEARD))
        last = events[-1].position if events else 0
        is_full = len(events) == READ_AT_ONCE
        end = last if is_full else max(last, head.position)
        told = deliveries(webhook, events, self.new_id)
        if told or end - webhook.position >= STORED_EVERY:
            await self._store(webhook, end, told)
        else:
            self._heard[webhook.id] = Cursor(head.epoch, end)
        return is_full

    async def _read(self, start: Cursor, scope: Scope) -> Sequence[Event]:
        try:
            return await self.log.read(start, READ_AT_ONCE, scope)
        except CursorExpired:
            return await self.log.read(None, READ_AT_ONCE, scope)

    async def _store(self, webhook: Webhook, end: int, told: Sequence[Delivery]) -> None:
        """Nothing, where the webhook is gone, or another server was faster: it found the same."""
        async with self.start_work(ACTOR, f"event:{end}") as work:
            held = await work.webhooks.lock(webhook.id)
            if held is None or held.position != webhook.position:
                return
            for delivery in told:
                await work.deliveries.add(delivery)
            await work.webhooks.put(replace(held, position=end))


def deliveries(
    webhook: Webhook, events: Sequence[Event], new_id: Callable[[], str]
) -> list[Delivery]:
    """One for each event that the webhook wants to hear of; due at once."""
    told = ((event, ending(event)) for event in events)
    return [
        Delivery(
            id=new_id(),
            project_id=webhook.project_id,
            webhook_id=webhook.id,
            event=kind,
            batch_job_id=event.subject_id,
            status=DeliveryStatus.PENDING,
            attempts=0,
            due_at=event.at,
            created_at=event.at,
        )
        for event, kind in told
        if kind in webhook.events
    ]


def ending(event: Event) -> WebhookEvent | None:
    """What webhooks are told where the event is a batch's end."""
    fact = event.fact
    if not isinstance(fact, BatchJobStatusChanged) or fact.job_status_before in FINAL:
        return None
    return TOLD.get(fact.job_status_after)
