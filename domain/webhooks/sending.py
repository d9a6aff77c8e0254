"""From what is to be delivered to the webhooks, each on its own: a slow one delays no other.

Before a delivery is sent its row is claimed by moving `due_at` on, past the longest time that sending
takes: no other server sends it meanwhile, and where this one stops, it is due again. So a delivery is
sent at least once, and again where a server stops between the sending and the writing down.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial

from domain.clock import Clock
from domain.errors import Interrupted, RequestTimeout, SealBroken, StorageUnavailable, Unreachable
from domain.logger import Logger
from domain.secrets.ports import Sealer
from domain.webhooks import attempts, signing
from domain.webhooks.attempts import ATTEMPTS, Outcome
from domain.webhooks.facts import WebhookGivenUp
from domain.webhooks.noting import ACTOR
from domain.webhooks.ports import Sender
from domain.webhooks.webhook import Delivery, DeliveryStatus, Webhook
from domain.work import Reads, StartWork, Work

SENT_AT_ONCE = 8  # to one webhook, by one server
CLAIMED_AT_ONCE = 50
CLAIM = timedelta(seconds=60)  # longer than a sender waits

Claimed = tuple[Webhook, Delivery]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending:
    """`chance` gives a number from 0 to 1; `freed` is set whenever an attempt ended."""

    reads: Reads
    start_work: StartWork
    sender: Sender
    sealer: Sealer
    clock: Clock
    chance: Callable[[], float]
    logger: Logger
    freed: asyncio.Event = field(default_factory=asyncio.Event)
    _under_way: dict[str, set[asyncio.Task[None]]] = field(default_factory=lambda: defaultdict(set))

    async def send_due(self) -> None:
        """Begin to send whatever is due and has room. It ends without waiting for answers."""
        while due := await self.reads.webhooks.due(self.clock(), CLAIMED_AT_ONCE, self._full()):
            claimed = await self._claim(list(self._fitting(due)))
            for webhook, delivery in claimed:
                task = asyncio.create_task(self._attempt(webhook, delivery))
                self._under_way[webhook.id].add(task)
                task.add_done_callback(partial(self._ended, webhook.id))
            if not claimed:
                return

    async def finish(self, within: float) -> None:
        """Wait for what is under way; what takes longer is left, and is due again later."""
        tasks = {task for some in self._under_way.values() for task in some}
        if not tasks:
            return
        _, late = await asyncio.wait(tasks, timeout=within)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)

    def _full(self) -> list[str]:
        return [id_ for id_, tasks in self._under_way.items() if len(tasks) >= SENT_AT_ONCE]

    def _fitting(self, due: Sequence[Delivery]) -> Iterator[Delivery]:
        counts = {id_: len(tasks) for id_, tasks in self._under_way.items()}
        for delivery in due:
            count = counts.get(delivery.webhook_id, 0)
            if count < SENT_AT_ONCE:
                counts[delivery.webhook_id] = count + 1
                yield delivery

    def _ended(self, webhook_id: str, task: asyncio.Task[None]) -> None:
        self._under_way[webhook_id].discard(task)
        if not self._under_way[webhook_id]:
            del self._under_way[webhook_id]
        self.freed.set()

    async def _claim(self, wanted: Sequence[Delivery]) -> list[Claimed]:
        """Those of them that are now this server's to send, their attempt counted. Locked in the order of
        their ids, as every server does."""
        claimed = []
        async with self.start_work(ACTOR, "sweep") as work:
            for seen in sorted(wanted, key=lambda each: each.id):
                if await work.deliveries.lock(seen.id) != seen:
                    continue
                webhook = await work.webhooks.get(seen.webhook_id)
                if webhook is None:
                    await work.deliveries.remove(seen.id)
                elif seen.attempts >= ATTEMPTS:
                    outcome = Outcome(problem=attempts.STOPPED)
                    await self._put(work, webhook, self._after(seen, outcome))
                else:
                    due_at = self.clock() + CLAIM
                    mine = replace(seen, attempts=seen.attempts + 1, due_at=due_at)
                    await work.deliveries.put(mine)
                    claimed.append((webhook, mine))
        return claimed

    async def _attempt(self, webhook: Webhook, mine: Delivery) -> None:
        try:
            ended = self._after(mine, await self._send(webhook, mine))
            async with self.start_work(ACTOR, "sweep") as work:
                if await work.deliveries.lock(mine.id) == mine:
                    await self._put(work, webhook, ended)
        except StorageUnavailable as error:
            self.logger.warning("a delivery is sent again later", problem=error.problem)
        except Exception:  # the loop's edge
            self.logger.exception("a delivery failed", delivery=mine.id)

    async def _send(self, webhook: Webhook, mine: Delivery) -> Outcome:
        context = signing.sealing_context(webhook.project_id, webhook.id)
        content = signing.body(mine)
        try:
            secret = self.sealer.open(webhook.sealed_secret, context)
            headers = signing.headers(mine, content, secret, self.clock())
            return Outcome(code=await self.sender.send(webhook.url, headers, content))
        except (SealBroken, Unreachable, Interrupted, RequestTimeout) as error:
            return Outcome(problem=error.message)

    def _after(self, delivery: Delivery, outcome: Outcome) -> Delivery:
        return attempts.after(delivery, outcome, self.clock(), self.chance())

    async def _put(self, work: Work, webhook: Webhook, ended: Delivery) -> None:
        await work.deliveries.put(ended)
        if ended.status is DeliveryStatus.GIVEN_UP:
            fact = WebhookGivenUp(
                webhook_id=webhook.id,
                name=webhook.name,
                batch_job_id=ended.batch_job_id,
                message=ended.message,
            )
            work.record(webhook.project_id, fact)
