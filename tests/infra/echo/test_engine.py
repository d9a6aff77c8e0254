import base64
import json
import math
import struct
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from infra.echo.answers import embedding, tokens
from infra.echo.engine import Echo, Knobs


def an_echo(**knobs: Any) -> Echo:
    return Echo(knobs=Knobs(name="m", **knobs), replica="8000/1")


def asking(echo: Echo) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(echo.app())
    return httpx.AsyncClient(transport=transport, base_url="http://echo")


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with asking(an_echo()) as client:
        yield client


def a_chat(text: str = "hello you", **said: Any) -> dict[str, Any]:
    return {"model": "m", "messages": [{"role": "user", "content": text}], **said}


async def test_every_answer_says_that_it_is_an_echo_and_whose(client: httpx.AsyncClient) -> None:
    answer = await client.post("/v1/chat/completions", json=a_chat())
    assert answer.headers["x-echo-replica"] == "8000/1"
    said = answer.json()
    assert said["system_fingerprint"] == "echo"
    assert said["choices"][0]["message"]["content"] == "Echo from m: hello you"
    assert said["usage"] == {"prompt_tokens": 2, "completion_tokens": 6, "total_tokens": 8}
    for path, body in {
        "embeddings": {"input": "a"},
        "rerank": {"query": "a", "documents": ["a"]},
        "moderations": {"input": "a"},
    }.items():
        assert (await client.post(f"/v1/{path}", json=body)).json()["system_fingerprint"] == "echo"
    listed = (await client.get("/v1/models")).json()["data"]
    assert [(each["id"], each["owned_by"]) for each in listed] == [("m", "echo")]


async def test_the_last_user_is_echoed_also_where_the_content_has_parts(
    client: httpx.AsyncClient,
) -> None:
    parts = [
        {"type": "text", "text": "one"},
        {"type": "image_url"},
        {"type": "text", "text": "two"},
    ]
    messages = [{"role": "user", "content": parts}, {"role": "assistant", "content": "no"}]
    answer = await client.post("/v1/chat/completions", json={"messages": messages, "n": 2})
    said = [choice["message"]["content"] for choice in answer.json()["choices"]]
    assert said == ["Echo from m: one two"] * 2


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/completions"])
async def test_a_stream_is_the_whole_text_token_for_token(
    client: httpx.AsyncClient, path: str
) -> None:
    said = a_chat(prompt="hello you", max_tokens=5, stream=True)
    answer = await client.post(path, json={**said, "stream_options": {"include_usage": True}})
    *chunks, done, end = answer.text.split("\n\n")
    assert (done, end) == ("data: [DONE]", "")
    events = [json.loads(chunk.removeprefix("data: ")) for chunk in chunks]
    choices = [event["choices"][0] for event in events if event["choices"]]
    texts = [c["text"] if "text" in c else c["delta"].get("content", "") for c in choices]
    assert "".join(texts) == "Echo from m: hello"
    assert choices[-1]["finish_reason"] == "length"
    assert events[-1]["usage"]["completion_tokens"] == 5


async def test_a_responses_events_are_numbered_and_named(client: httpx.AsyncClient) -> None:
    answer = await client.post("/v1/responses", json={"input": "hello", "stream": True})
    blocks = [block.split("\n") for block in answer.text.split("\n\n") if block]
    events = [(name.removeprefix("event: "), json.loads(data[6:])) for name, data in blocks]
    assert [data["sequence_number"] for _, data in events] == list(range(len(events)))
    assert all(name == data["type"] for name, data in events)
    assert events[-1][1]["response"]["output"][0]["content"][0]["text"] == "Echo from m: hello"


async def test_embeddings_are_the_same_on_every_replica_and_of_unit_length(
    client: httpx.AsyncClient,
) -> None:
    said = {"input": ["a", "b"], "dimensions": 16}
    plain = (await client.post("/v1/embeddings", json=said)).json()["data"]
    packed = (
        await client.post("/v1/embeddings", json={**said, "encoding_format": "base64"})
    ).json()
    for one, other in zip(plain, packed["data"], strict=True):
        assert math.isclose(math.hypot(*one["embedding"]), 1)
        unpacked = struct.unpack("<16f", base64.b64decode(other["embedding"]))
        assert unpacked == pytest.approx(one["embedding"], abs=1e-6)
    assert plain[0]["embedding"] == list(embedding("a", 16)) != plain[1]["embedding"]


@pytest.mark.parametrize("given", [[1, 2, 3], [[1, 2], [3]], ["a"], "a"])
async def test_embeddings_take_texts_and_token_ids(client: httpx.AsyncClient, given: Any) -> None:
    made = (await client.post("/v1/embeddings", json={"input": given})).json()["data"]
    assert len(made) == (2 if given == [[1, 2], [3]] else 1)
    assert len(made[0]["embedding"]) == 256


async def test_documents_are_ranked_by_the_words_they_share(client: httpx.AsyncClient) -> None:
    said = {"query": "red fish", "documents": ["a dog", {"text": "red fish"}, "a fish"], "top_n": 2}
    ranked = (await client.post("/v1/rerank", json=said)).json()["results"]
    assert [each["index"] for each in ranked] == [1, 2]
    assert ranked[0]["relevance_score"] == 1.0


@pytest.mark.parametrize(
    ("path", "body", "param"),
    [
        ("chat/completions", {"messages": []}, "messages"),
        ("completions", {}, "prompt"),
        ("embeddings", {"input": []}, "input"),
        ("embeddings", {"input": "a", "dimensions": 0}, "dimensions"),
        ("embeddings", {"input": "a", "encoding_format": "hex"}, "encoding_format"),
        ("responses", {}, "input"),
        ("rerank", {"query": 1}, "query"),
        ("rerank", {"query": "a", "documents": []}, "documents"),
        ("moderations", {}, "input"),
        ("moderations", [], None),
    ],
)
async def test_a_wrong_request_is_told_what_is_wrong(
    client: httpx.AsyncClient, path: str, body: Any, param: str | None
) -> None:
    answer = await client.post(f"/v1/{path}", json=body)
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == param


async def test_another_model_does_not_exist(client: httpx.AsyncClient) -> None:
    answer = await client.post("/v1/chat/completions", json={**a_chat(), "model": "other"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "model_not_found")


async def test_while_it_loads_it_is_not_healthy_and_answers_nothing() -> None:
    echo = an_echo(start_delay=60)
    async with asking(echo) as client:
        assert (await client.get("/health")).status_code == 503
        assert (await client.post("/v1/chat/completions", json=a_chat())).status_code == 503
        echo.begun -= 61
        assert (await client.get("/health")).status_code == 200
        assert (await client.post("/v1/chat/completions", json=a_chat())).status_code == 200


async def test_the_same_seed_fails_the_same_requests() -> None:
    async def codes(seed: int) -> list[int]:
        async with asking(an_echo(failure_rate=0.5, seed=seed)) as client:
            return [
                (await client.post("/v1/chat/completions", json=a_chat())).status_code
                for _ in range(20)
            ]

    first = await codes(1)
    assert set(first) == {200, 500}
    assert first == await codes(1) != await codes(2)


async def test_after_so_many_requests_it_crashes() -> None:
    crashes: list[int] = []
    echo = an_echo(crash_after=2)
    echo.crash = lambda: crashes.append(echo.requests)
    async with asking(echo) as client:
        for _ in range(3):
            await client.post("/v1/chat/completions", json=a_chat())
    assert crashes == [2]


async def test_what_it_did_is_counted(client: httpx.AsyncClient) -> None:
    await client.post("/v1/chat/completions", json=a_chat())
    page = (await client.get("/metrics")).text
    assert "# TYPE echo_requests_total counter\necho_requests_total 1\n" in page
    assert "echo_tokens_total 6\n" in page
    assert "echo_requests_in_flight 0\n" in page


def test_tokens_are_words_and_marks_and_lose_nothing() -> None:
    assert tokens("Hi,  you\n") == ("Hi", ",", "  you", "\n")
    assert tokens("") == ()
