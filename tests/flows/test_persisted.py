"""Documents by their hash, over every transport, as stock clients ask for them."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from hashlib import sha256
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from infra.http.persisted import Trusted
from infra.http.rules import Rules
from tests.support.server import ToyApp, serving

NAME = "query Name {name}"
TICKS = "subscription Ticks {ticks(until: 2)}"
TOUCH = "mutation Touch {touch}"
LISTED = {sha256(text.encode()).hexdigest(): text for text in (NAME, TICKS, TOUCH)}
OTHER = "query Other {child {name}}"


def automatic(text: str, *, sends: bool = False) -> dict[str, Any]:
    """As Apollo's clients ask: by the hash first, then with the text."""
    hashed = sha256(text.encode()).hexdigest()
    said = {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": hashed}}}
    return {**said, "query": text} if sends else said


def by_id(text: str) -> dict[str, Any]:
    """As GraphQL over HTTP has it."""
    return {"documentId": f"sha256:{sha256(text.encode()).hexdigest()}"}


def code(answer: Mapping[str, Any]) -> Any:
    return answer["errors"][0]["extensions"]["code"]


@pytest.fixture
def app() -> ToyApp:
    return ToyApp()


@pytest.fixture
async def client(app: ToyApp) -> AsyncIterator[httpx.AsyncClient]:
    async with app.client() as client:
        yield client


@pytest.fixture
def closed() -> ToyApp:
    return ToyApp(rules=Rules(documents=Trusted(LISTED)))


async def post(client: httpx.AsyncClient, said: Any, **headers: str) -> httpx.Response:
    return await client.post("/graphql", json=said, headers=headers)


async def test_a_hash_that_is_not_known_is_told_so_and_known_once_its_text_came(
    client: httpx.AsyncClient,
) -> None:
    for accept in ("*/*", "application/graphql-response+json, application/json;q=0.9"):
        refused = await post(client, automatic(OTHER), accept=accept)
        assert (refused.status_code, refused.json()) == (200, {"errors": [
            {"message": "PersistedQueryNotFound",
             "extensions": {"code": "PERSISTED_QUERY_NOT_FOUND"}}]})  # fmt: skip
    served = await post(client, automatic(OTHER, sends=True))
    assert served.json() == (await post(client, automatic(OTHER))).json()
    assert (await post(client, by_id(OTHER))).json() == {"data": {"child": {"name": "n"}}}


async def test_a_text_with_another_ones_hash_is_neither_executed_nor_kept(
    app: ToyApp, client: httpx.AsyncClient
) -> None:
    refused = await post(client, {**automatic(NAME), "query": TOUCH})
    assert (refused.status_code, code(refused.json())) == (400, "PERSISTED_QUERY_HASH_MISMATCH")
    assert app.toy.mutations == 0
    assert code((await post(client, automatic(NAME))).json()) == "PERSISTED_QUERY_NOT_FOUND"


@pytest.mark.parametrize("written", ["{0}", "sha256:{0}", "{1}", "sha256:{1}"])
async def test_a_hash_may_have_its_prefix_and_capitals(
    client: httpx.AsyncClient, written: str
) -> None:
    hashed = next(iter(LISTED))
    shown = written.format(hashed, hashed.upper())
    said = {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": shown}}}
    for asked in ({**said, "query": NAME}, said, {"documentId": shown}):
        assert (await post(client, asked)).json() == {"data": {"name": "n"}}


async def test_one_keys_documents_are_not_known_to_another(app: ToyApp) -> None:
    tokens = [await app.key(name) for name in ("one", "other")]
    async with app.client() as client:
        mine, theirs = ({"authorization": f"Bearer {token}"} for token in tokens)
        assert (await post(client, automatic(NAME, sends=True), **mine)).is_success
        assert code((await post(client, automatic(NAME), **theirs)).json()).endswith("NOT_FOUND")
        assert (await post(client, automatic(NAME), **mine)).json() == {"data": {"name": "n"}}


async def test_two_servers_behind_one_address_serve_a_client_that_falls_back() -> None:
    servers = [ToyApp(), ToyApp()]
    async with servers[0].client() as first, servers[1].client() as second:
        for client in (first, second, first, second):
            answer = (await post(client, automatic(NAME))).json()
            if "errors" in answer:
                assert code(answer) == "PERSISTED_QUERY_NOT_FOUND"
                answer = (await post(client, automatic(NAME, sends=True))).json()
            assert answer == {"data": {"name": "n"}}
        for client in (first, second):
            assert (await post(client, automatic(NAME))).json() == {"data": {"name": "n"}}


async def test_variables_and_names_go_with_a_hash(client: httpx.AsyncClient) -> None:
    text = "query A($t: String!) {echo(text: $t)} query B {name}"
    await post(client, {**automatic(text, sends=True), "operationName": "B"})
    said = {**automatic(text), "operationName": "A", "variables": {"t": "hello"}}
    assert (await post(client, said)).json() == {"data": {"echo": "hello"}}


async def test_a_stream_begins_with_a_hash(client: httpx.AsyncClient) -> None:
    for accept in ("text/event-stream", "multipart/mixed;subscriptionSpec=1.0"):
        unknown = await post(client, automatic(TICKS + " " * len(accept)), accept=accept)
        assert code(unknown.json()) == "PERSISTED_QUERY_NOT_FOUND"
        await post(client, automatic(TICKS, sends=True), accept=accept)
        served = await post(client, automatic(TICKS), accept=accept)
        assert '"ticks":"1"' in served.text


async def test_a_form_may_name_its_document_by_the_hash(client: httpx.AsyncClient) -> None:
    async def sent(said: dict[str, Any]) -> httpx.Response:
        form = {"operations": json.dumps({**said, "variables": {"file": None}}),
                "map": '{"0": ["variables.file"]}'}  # fmt: skip
        headers = {"apollo-require-preflight": "true"}
        return await client.post("/graphql", data=form, files={"0": b"x"}, headers=headers)

    assert code((await sent(automatic(NAME))).json()) == "PERSISTED_QUERY_NOT_FOUND"
    assert (await sent(automatic(NAME, sends=True))).json() == {"data": {"name": "n"}}
    assert (await sent(by_id(NAME))).json() == {"data": {"name": "n"}}


async def test_each_of_several_operations_may_have_its_hash() -> None:
    several = ToyApp(rules=Rules(of_request=3))
    async with several.client() as client:
        asked = [automatic(NAME, sends=True), automatic(NAME), automatic(OTHER)]
        first, second, unknown = (await post(client, asked)).json()
        assert first == second == {"data": {"name": "n"}}
        assert code(unknown) == "PERSISTED_QUERY_NOT_FOUND"


async def test_where_documents_are_trusted_no_other_is_executed(closed: ToyApp) -> None:
    async with closed.client() as client:
        for said in (by_id(NAME), automatic(NAME), automatic(NAME, sends=True), {"query": NAME}):
            assert (await post(client, said)).json() == {"data": {"name": "n"}}
        introspection = {"query": "{__schema {queryType {name}}}"}
        refused = [{"query": "mutation {touch}"}, {"query": "{__typename}"}, introspection,
                   {"query": ""}, {"query": NAME + " "}, automatic(OTHER),
                   automatic(OTHER, sends=True), by_id(OTHER)]  # fmt: skip
        for said in refused:
            answer = await post(client, said)
            assert (answer.status_code, code(answer.json())) == (403, "DOCUMENT_NOT_TRUSTED")
            streamed = await post(client, said, accept="text/event-stream")
            assert code(streamed.json()) == "DOCUMENT_NOT_TRUSTED"
        mixed = await post(client, {**by_id(NAME), "query": "mutation {touch}"})
        assert code(mixed.json()) == "PERSISTED_QUERY_HASH_MISMATCH"
    assert closed.toy.mutations == 0


async def say(socket: ClientConnection, **message: Any) -> Any:
    await socket.send(json.dumps(message))
    return await heard(socket)


async def heard(socket: ClientConnection) -> Any:
    async with asyncio.timeout(20):
        return json.loads(await socket.recv())


async def test_over_a_socket_a_hash_does_as_well() -> None:
    async with serving(ToyApp()) as app:
        protocol = Subprotocol("graphql-transport-ws")
        async with connect(app.ws_url, subprotocols=[protocol]) as socket:
            await say(socket, type="connection_init")
            refused = await say(socket, type="subscribe", id="1", payload=automatic(TICKS))
            assert (refused["type"], refused["payload"][0]["extensions"]["code"]) == (
                "error", "PERSISTED_QUERY_NOT_FOUND",
            )  # fmt: skip
            text = automatic(TICKS, sends=True)
            for payload in (text, automatic(TICKS), by_id(TICKS)):
                first = await say(socket, type="subscribe", id="1", payload=payload)
                assert first["payload"] == {"data": {"ticks": "0"}}
                assert [(await heard(socket))["type"] for _ in range(2)] == ["next", "complete"]


async def test_over_a_socket_too_no_other_than_trusted_documents_are_executed(
    closed: ToyApp,
) -> None:
    async with serving(closed) as app:
        protocol = Subprotocol("graphql-transport-ws")
        async with connect(app.ws_url, subprotocols=[protocol]) as socket:
            await say(socket, type="connection_init")
            for said in ({"query": "mutation {touch}"}, automatic(OTHER, sends=True)):
                refused = await say(socket, type="subscribe", id="1", payload=said)
                found = refused["payload"][0]["extensions"]["code"]
                assert (refused["type"], found) == ("error", "DOCUMENT_NOT_TRUSTED")
            first = await say(socket, type="subscribe", id="1", payload=by_id(TICKS))
            assert first["payload"] == {"data": {"ticks": "0"}}
    assert closed.toy.mutations == 0
