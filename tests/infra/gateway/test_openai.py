"""The stock `openai` client is the judge of what a gateway says."""

from collections.abc import AsyncIterator

import openai
import pytest
from openai import AsyncOpenAI

from domain.deployments.deployment import DeploymentStatus
from tests.support.server import ToyApp
from tests.support.serving import a_served, engine
from tests.support.watching import known


@pytest.fixture
async def client(app: ToyApp) -> AsyncIterator[AsyncOpenAI]:
    """Over a deployment `chat` that an echo serves, and `cold`, which nothing does."""
    async with engine() as port:
        await a_served(app.store, "chat", [port])
        await a_served(app.store, "cold", [], status_since=app.store.default.created_at)
        await known(app)
        key = await app.key()
        async with AsyncOpenAI(base_url=f"{app.url}/v1", api_key=key, max_retries=0) as client:
            yield client


async def test_a_chat(client: AsyncOpenAI) -> None:
    said = await client.chat.completions.create(
        model="chat", messages=[{"role": "user", "content": "hello there"}]
    )
    assert said.model == "chat"
    assert said.choices[0].message.content == "Echo from echo-model: hello there"
    assert said.system_fingerprint == "echo"
    assert said.usage is not None
    assert (said.usage.prompt_tokens, said.usage.completion_tokens) == (2, 8)


async def test_a_streamed_chat_with_its_usage(client: AsyncOpenAI) -> None:
    stream = await client.chat.completions.create(
        model="chat@1",
        messages=[{"role": "user", "content": "hi"}],
        stream=True,
        stream_options={"include_usage": True},
    )
    chunks = [chunk async for chunk in stream]
    text = "".join(each.choices[0].delta.content or "" for each in chunks if each.choices)
    assert text == "Echo from echo-model: hi"
    assert {chunk.model for chunk in chunks} == {"chat@1"}
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.total_tokens == 8


async def test_a_completion(client: AsyncOpenAI) -> None:
    said = await client.completions.create(model="chat", prompt="one two", max_tokens=3)
    assert (said.choices[0].text, said.choices[0].finish_reason) == ("Echo from echo", "length")


async def test_embeddings(client: AsyncOpenAI) -> None:
    made = await client.embeddings.create(model="chat", input=["a", "b", "a"], dimensions=8)
    first, second, third = (each.embedding for each in made.data)
    assert first == third != second
    assert len(first) == 8
    assert sum(each * each for each in first) == pytest.approx(1, abs=1e-5)


async def test_a_response_whole_and_streamed(client: AsyncOpenAI) -> None:
    whole = await client.responses.create(model="chat", input="hello")
    assert (whole.output_text, whole.model) == ("Echo from echo-model: hello", "chat")
    stream = await client.responses.create(model="chat", input="hello", stream=True)
    events = [event async for event in stream]
    deltas = [event.delta for event in events if event.type == "response.output_text.delta"]
    assert "".join(deltas) == whole.output_text
    assert events[-1].type == "response.completed"
    assert events[-1].response.model == "chat"


async def test_moderations(client: AsyncOpenAI) -> None:
    judged = await client.moderations.create(model="chat", input=["a", "b"])
    assert [each.flagged for each in judged.results] == [False, False]


async def test_models(client: AsyncOpenAI) -> None:
    assert [model.id async for model in await client.models.list()] == ["chat", "cold"]
    assert (await client.models.retrieve("chat@1")).id == "chat@1"
    with pytest.raises(openai.NotFoundError):
        await client.models.retrieve("nobody")


async def test_an_unknown_model_is_a_not_found_error(client: AsyncOpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        await client.embeddings.create(model="nobody", input="a")
    assert (caught.value.code, caught.value.param) == ("model_not_found", "model")


async def test_a_model_that_is_not_ready_is_an_internal_server_error(client: AsyncOpenAI) -> None:
    with pytest.raises(openai.InternalServerError) as caught:
        await client.embeddings.create(model="cold", input="a")
    assert caught.value.status_code == 503
    assert caught.value.code == "model_not_ready"
    assert DeploymentStatus.READY.name in str(caught.value)


async def test_a_bad_key_is_an_authentication_error(client: AsyncOpenAI) -> None:
    with pytest.raises(openai.AuthenticationError):
        await client.with_options(api_key="my_wrong").models.list()


async def test_a_bad_request_is_a_bad_request_error(client: AsyncOpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        await client.chat.completions.create(model="chat", messages=[])
    assert caught.value.param == "messages"
