"""Webhooks as clients make and see them."""

from datetime import timedelta
from typing import Any

import pytest

from domain.webhooks.webhook import DeliveryStatus, WebhookEvent
from schema.relay import global_id
from tests.support.batches import a_delivery
from tests.support.graph import Graph

URL = "https://a.test/hook"
SHOWN = "webhook { id name url events createdBy } secret"
LISTED = """{ webhooks { nodes { name recentDeliveries {
  eventId event batchJobId status attempts dueAt lastCode message createdAt finishedAt } } } }"""


async def create(graph: Graph, **said: Any) -> Any:
    return await graph.change("createWebhook", {"name": "hook", "url": URL, **said}, SHOWN)


async def test_a_webhooks_secret_is_shown_once(graph: Graph) -> None:
    made = await create(graph)
    assert made["userErrors"] == []
    assert made["secret"].startswith("whsec_")
    every = ["BATCH_COMPLETED", "BATCH_FAILED", "BATCH_EXPIRED", "BATCH_CANCELLED"]
    assert made["webhook"]["events"] == every
    listed = await graph.ask("{ webhooks { nodes { id name url events createdBy } } }")
    assert listed.data["webhooks"]["nodes"] == [made["webhook"]]
    assert "whsec_" not in str(await graph.house.events())
    fields = graph.schema.core.type_map["Webhook"]
    assert "secret" not in fields.fields  # type: ignore[attr-defined]


async def test_a_webhook_hears_of_what_it_names(graph: Graph) -> None:
    made = await create(graph, events=["BATCH_FAILED"])
    assert made["webhook"]["events"] == ["BATCH_FAILED"]


@pytest.mark.parametrize(
    ("said", "path"),
    [({"url": "ftp://a"}, "url"), ({"name": "no name"}, "name"), ({"events": []}, "events")],
)
async def test_what_is_wrong_is_told_with_its_path(
    graph: Graph, said: dict[str, Any], path: str
) -> None:
    made = await create(graph, **said)
    assert (made["webhook"], made["secret"]) == (None, None)
    assert [error["path"] for error in made["userErrors"]] == [["input", path]]


async def test_a_deleted_webhook_is_shown_as_it_was_and_then_no_more(graph: Graph) -> None:
    made = await create(graph)
    said = {"webhookId": made["webhook"]["id"]}
    gone = await graph.change("deleteWebhook", said, "webhook { name }")
    assert gone["webhook"] == {"name": "hook"}
    assert (await graph.get(LISTED))["webhooks"]["nodes"] == []
    assert (await graph.refusal("deleteWebhook", said))["code"] == "NOT_FOUND"


async def test_what_was_told_to_webhooks_is_shown_newest_first(graph: Graph) -> None:
    house = graph.house
    for name in ("a", "b"):
        await create(graph, name=name)
    one, other = sorted(await house.store.reads.webhooks.all(), key=lambda each: each.name)
    now = house.clock.now
    sent = a_delivery(
        one,
        status=DeliveryStatus.DELIVERED,
        event=WebhookEvent.BATCH_FAILED,
        attempts=2,
        last_code=204,
        created_at=now - timedelta(hours=1),
        finished_at=now,
    )
    waiting = a_delivery(one, attempts=1, message="It answered 500.", last_code=500, created_at=now)
    async with house.store.start_work("webhooks", "sweep") as work:
        for each in (sent, waiting, *(a_delivery(other, created_at=now) for _ in range(25))):
            await work.deliveries.add(each)
    found = (await graph.get(LISTED))["webhooks"]["nodes"]
    newest, oldest = found[0]["recentDeliveries"]
    assert newest["eventId"] == f"evt_{waiting.id}"
    assert (newest["status"], newest["lastCode"]) == ("PENDING", 500)
    assert newest["dueAt"] is not None
    assert oldest == {
        "eventId": f"evt_{sent.id}",
        "event": "BATCH_FAILED",
        "batchJobId": global_id("BatchJob", sent.batch_job_id),
        "status": "DELIVERED",
        "attempts": 2,
        "dueAt": None,
        "lastCode": 204,
        "message": "",
        "createdAt": "2026-11-21T11:00:00Z",
        "finishedAt": "2026-11-21T12:00:00Z",
    }
    assert len(found[1]["recentDeliveries"]) == 20
