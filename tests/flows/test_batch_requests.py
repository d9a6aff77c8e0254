"""Batches asked for over a real socket, of a server with its own database and storage."""

import json
from collections.abc import AsyncIterator, Iterator

import openai
import pytest

from tests.support.office import lines
from tests.support.server import Running, running

ECHO = {"modelyard": {"target": "ECHO"}}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("batches") / "data") as server:
        yield server


@pytest.fixture
async def client(server: Running) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(base_url=f"{server.url}/v1", api_key="any") as client:
        yield client


async def an_input(client: openai.AsyncOpenAI) -> str:
    content = lines(["a", "b"])
    assert json.loads(content.splitlines()[0])["custom_id"] == "a"
    return (await client.files.create(file=("in.jsonl", content), purpose="batch")).id


async def test_a_batch_is_made_of_an_uploaded_file(client: openai.AsyncOpenAI) -> None:
    file_id = await an_input(client)
    made = await client.batches.create(
        input_file_id=file_id,
        endpoint="/v1/chat/completions",
        completion_window="24h",
        metadata={"team": "search"},
        extra_body=ECHO,
    )
    assert (made.status, made.input_file_id) == ("validating", file_id)
    assert made.expires_at == made.created_at + 86_400
    found = await client.batches.retrieve(made.id)
    assert (found.id, found.metadata) == (made.id, {"team": "search"})
    assert made.id in [batch.id async for batch in client.batches.list(limit=1)]


async def test_a_key_makes_one_batch(client: openai.AsyncOpenAI) -> None:
    file_id = await an_input(client)

    async def create(window: str) -> str:
        made = await client.batches.create(
            input_file_id=file_id,
            endpoint="/v1/chat/completions",
            completion_window=window,  # type: ignore[arg-type]  # OpenAI's knows no other than 24h
            extra_body=ECHO,
            extra_headers={"Idempotency-Key": "k"},
        )
        return made.id

    assert await create("2h") == await create("2h")
    with pytest.raises(openai.ConflictError) as conflict:
        await create("3h")
    assert conflict.value.code == "idempotency_key_reused"


async def test_a_file_that_is_not_there_is_not_asked_for_again(client: openai.AsyncOpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as missing:
        await client.batches.create(
            input_file_id="file-" + "0" * 32,
            endpoint="/v1/chat/completions",
            completion_window="24h",
        )
    assert (missing.value.code, missing.value.param) == ("file_not_found", "input_file_id")
