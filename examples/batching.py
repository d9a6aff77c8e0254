"""The demo's third part: a file of requests, uploaded and run with the stock `openai` client."""

import asyncio
import json
import sys
from pathlib import Path

from client import Client, Server
from openai import AsyncOpenAI
from openai.types import Batch
from shown import console, heading, plain, told

FOLLOW = """subscription ($id: ID!, $after: String) { batchJobEvents(batchJobId: $id, after: $after) {
  __typename cursor at actor
  ... on BatchJobPlaced { batchTarget why }
  ... on BatchJobStatusChanged { jobStatusBefore jobStatusAfter jobReason }
  ... on BatchJobProgressed { total completed failed } } }"""
LINES = 2_000
PATIENCE = 120.0  # seconds, on a slow laptop


async def batch(client: Client, server: Server, model: str, place: Path) -> None:
    heading(f"A batch of {LINES:,} requests, with the stock openai client")
    file = place / "questions.jsonl"
    file.write_text("".join(line(number, model) + "\n" for number in range(LINES)))
    cursor = await client.ask("{ eventCursor }")
    async with AsyncOpenAI(base_url=f"{server.url}/v1", api_key="not needed here") as openai:
        with file.open("rb") as opened:
            uploaded = await openai.files.create(file=opened, purpose="batch")
        plain(f"  uploaded {uploaded.filename}: {uploaded.id}, {uploaded.bytes:,} bytes")
        made = await openai.batches.create(
            input_file_id=uploaded.id, endpoint="/v1/chat/completions", completion_window="24h"
        )
        plain(f"  created {made.id}: {made.status}")
        await asyncio.wait_for(watched(client, made.id, cursor), PATIENCE)
        await report(openai, await openai.batches.retrieve(made.id))


def line(number: int, model: str) -> str:
    message = {"role": "user", "content": f"Question {number}?"}
    body = {"model": model, "messages": [message], "max_tokens": 16}
    request = {"custom_id": f"question-{number}", "method": "POST", "url": "/v1/chat/completions"}
    return json.dumps(request | {"body": body})


async def watched(client: Client, id: str, cursor: str) -> None:
    """Until its final status; behind the cursor, so that nothing of it is missed. GraphQL takes the id
    that OpenAI's API gave it."""
    async for event in client.follow(FOLLOW, id=id, after=cursor):
        told(event)


async def report(openai: AsyncOpenAI, done: Batch) -> None:
    if done.status != "completed" or done.output_file_id is None:
        sys.exit(f"The batch did not complete: {done}")
    results = (await openai.files.content(done.output_file_id)).text.splitlines()
    ids = [json.loads(result)["custom_id"] for result in results]
    if ids != [f"question-{number}" for number in range(LINES)]:
        sys.exit("The results are not in the order of the questions")
    counts = done.request_counts
    assert counts is not None
    console.print(f"{counts.completed} of {counts.total} completed, {counts.failed} failed")
    first = json.loads(results[0])["response"]
    said = first["body"]["choices"][0]["message"]["content"]
    plain(f"  {len(results):,} results in the order of the questions; the first: {said}")
