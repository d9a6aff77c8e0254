"""Which version of the API is served, over real sockets: HTTP, server-sent events, WebSocket."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from infra.http.versions import Versions
from schema.versions import NEXT
from tests.support.server import ToyApp, serving
from tests.support.shop import Counter

PROTOCOL = Subprotocol("graphql-transport-ws")
WAIT = 20.0
WARES = "{ wares { __typename } }"
PAINT = "subscription { paint }"
SHIRTS = {"data": {"wares": [{"__typename": "Shirt"}, {"__typename": "Shirt"}]}}
PAINTED = {
    "0.1.0": ["RED", "RED", "RED"],
    "0.2.0": ["RED", "BLUE", "BLUE"],
    NEXT: ["RED", "BLUE", "TEAL"],
}
SERVED = ["0.1.0", "0.2.0", NEXT]
STRANGE = [
    "9.9.9", "", "0.1", "v0.1.0", "next", "0. 1.0", "0.1.0, 0.1.0", "0.1.0;0.2.0", "00.1.0",
    "__proto__", "../0.1.0", "0" * 4_000, "\xe9",
]  # fmt: skip


@dataclass
class Calendar:
    """0.1.0 is supported to the end of 2026."""

    now: datetime = datetime(2026, 12, 31, 23, 59, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def supported(self, today: date) -> Sequence[str]:
        return SERVED[:2] if today < date(2027, 1, 1) else SERVED[1:2]


@pytest.fixture
def calendar() -> Calendar:
    return Calendar()


@pytest.fixture
async def app(calendar: Calendar) -> AsyncIterator[ToyApp]:
    versions = Versions(newest=NEXT, supported=calendar.supported, clock=calendar)
    shop = ToyApp(operations=Counter().operations, versions=versions)
    async with serving(shop) as app:
        yield app


async def post(
    app: ToyApp,
    query: str = WARES,
    *said: str,
    url: str = "/graphql",
    headers: dict[str, str] | None = None,
) -> httpx.Response:
    """Each of `said` is one header of its own."""
    lines = [
        *(headers or {}).items(),
        *(("X-Api-Version", each.encode("latin-1")) for each in said),
    ]
    async with httpx.AsyncClient(base_url=app.url, timeout=WAIT) as client:
        return await client.post(url, json={"query": query}, headers=lines)  # type: ignore[arg-type]  # bytes too


def is_refused(response: httpx.Response) -> None:
    [error] = response.json()["errors"]
    assert response.status_code == 400
    assert error["extensions"] == {"code": "UNKNOWN_API_VERSION", "supported": SERVED}
    assert all(each in error["message"] for each in SERVED)
    assert len(response.content) < 500
    assert "x-api-version" not in response.headers


@pytest.mark.parametrize("version", SERVED)
async def test_the_header_chooses_and_the_reply_names_it(app: ToyApp, version: str) -> None:
    response = await post(app, WARES, version)
    assert response.headers["x-api-version"] == version
    assert (response.json() == SHIRTS) == (version == "0.1.0")


async def test_without_a_word_the_newest_is_served(app: ToyApp) -> None:
    response = await post(app)
    assert response.headers["x-api-version"] == NEXT
    assert response.json() != SHIRTS


@pytest.mark.parametrize("said", STRANGE)
async def test_what_is_no_version_is_refused_with_those_that_are(app: ToyApp, said: str) -> None:
    is_refused(await post(app, WARES, said))


async def test_a_version_that_is_said_twice_is_refused(app: ToyApp) -> None:
    is_refused(await post(app, WARES, "0.1.0", "0.2.0"))
    is_refused(await post(app, WARES, "0.1.0", "0.1.0"))
    is_refused(await post(app, url="/graphql?apiVersion=0.1.0&apiVersion=0.2.0"))


async def test_space_around_a_header_is_no_part_of_it(app: ToyApp) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", httpx.URL(app.url).port)
    body = json.dumps({"query": WARES}).encode()
    head = (
        "POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        f"X-Api-Version: \t 0.1.0 \r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    writer.write(head.encode() + body)
    async with asyncio.timeout(WAIT):
        answer = await reader.read()
    writer.close()
    assert b"x-api-version: 0.1.0\r\n" in answer.lower()
    assert answer.endswith(json.dumps(SHIRTS, separators=(",", ":")).encode())


async def test_the_url_chooses_where_no_header_does(app: ToyApp) -> None:
    for url, said, served in (
        ("/graphql?apiVersion=0.1.0", [], "0.1.0"),
        ("/graphql?apiVersion=0.1.0", ["0.2.0"], "0.2.0"),
        ("/graphql?apiVersion=9.9.9", ["0.2.0"], "0.2.0"),
        ("/graphql?other=1", [], NEXT),
    ):
        assert (await post(app, WARES, *said, url=url)).headers["x-api-version"] == served
    is_refused(await post(app, url="/graphql?apiVersion=9.9.9"))
    is_refused(await post(app, url="/graphql?apiVersion="))
    is_refused(await post(app, WARES, "9.9.9", url="/graphql?apiVersion=0.1.0"))


async def test_errors_name_the_version_too(app: ToyApp) -> None:
    for query in ("{", "{ discount }", "{ nothing }"):
        response = await post(app, query, "0.1.0")
        assert "errors" in response.json()
        assert response.headers["x-api-version"] == "0.1.0"
    response = await post(app, WARES, "0.1.0", headers={"Accept-Charset": "x"}, url="/graphql?")
    assert response.headers["x-api-version"] == "0.1.0"
    async with httpx.AsyncClient(base_url=app.url) as client:
        said = {"x-api-version": "0.2.0", "content-type": "text/plain"}
        for response in (
            await client.post("/graphql", content=b"{}", headers=said),
            await client.put("/graphql", headers=said),
        ):
            assert response.status_code in (405, 415)
            assert response.headers["x-api-version"] == "0.2.0"
    await app.key()
    response = await post(app, WARES, "0.1.0")
    assert (response.status_code, response.headers["x-api-version"]) == (401, "0.1.0")


async def test_a_version_is_served_to_the_last_day_of_its_support(
    app: ToyApp, calendar: Calendar
) -> None:
    assert (await post(app, WARES, "0.1.0")).json() == SHIRTS
    calendar.now = datetime(2027, 1, 1, 0, 0, tzinfo=UTC)
    response = await post(app, WARES, "0.1.0")
    [error] = response.json()["errors"]
    assert error["extensions"] == {"code": "UNKNOWN_API_VERSION", "supported": SERVED[1:]}
    assert (await post(app, WARES, "0.2.0")).status_code == 200
    assert (await post(app)).headers["x-api-version"] == NEXT


async def test_metrics_name_versions_that_are_served_alone(app: ToyApp) -> None:
    for said in ("0.1.0", "0.1.0", NEXT, "9.9.9"):
        await post(app, WARES, said)
    async with httpx.AsyncClient(base_url=app.url) as client:
        told = (await client.get("/metrics")).text
    assert 'modelyard_operation_seconds_count{kind="query",version="0.1.0"} 2.0' in told
    assert 'modelyard_operation_seconds_count{kind="query",version="NEXT"} 1.0' in told
    assert 'modelyard_requests_refused_total{code="UNKNOWN_API_VERSION"} 1.0' in told
    assert "9.9.9" not in told


@pytest.mark.parametrize("version", SERVED)
@pytest.mark.parametrize("accept", ["text/event-stream", "multipart/mixed;subscriptionSpec=1.0"])
async def test_a_stream_over_http_keeps_the_version_of_its_request(
    app: ToyApp, calendar: Calendar, version: str, accept: str
) -> None:
    said = {"X-Api-Version": version, "Accept": accept}
    async with (
        httpx.AsyncClient(base_url=app.url, timeout=WAIT) as client,
        client.stream("POST", "/graphql", json={"query": PAINT}, headers=said) as response,
    ):
        assert response.headers["x-api-version"] == version
        calendar.now = datetime(2030, 1, 1, tzinfo=UTC)
        text = "".join([chunk async for chunk in response.aiter_text()])
    assert [text.count(f'"{colour}"') for colour in ("RED", "BLUE", "TEAL")] == [
        PAINTED[version].count(colour) for colour in ("RED", "BLUE", "TEAL")
    ]


@asynccontextmanager
async def a_socket(
    app: ToyApp, said: Any = None, url: str = "", headers: Sequence[tuple[str, str]] = ()
) -> AsyncIterator[ClientConnection]:
    """A socket after its `connection_init`."""
    async with connect(
        app.ws_url + url, subprotocols=[PROTOCOL], compression=None, additional_headers=headers
    ) as socket:
        message = {"type": "connection_init"} | ({} if said is None else {"payload": said})
        await socket.send(json.dumps(message))
        yield socket


async def receive(socket: ClientConnection) -> Any:
    async with asyncio.timeout(WAIT):
        return json.loads(await socket.recv())


async def served(socket: ClientConnection) -> str:
    message = await receive(socket)
    assert message["type"] == "connection_ack"
    return str(message["payload"]["apiVersion"])


async def painted(socket: ClientConnection) -> list[str]:
    message = {"type": "subscribe", "id": "1", "payload": {"query": PAINT}}
    await socket.send(json.dumps(message))
    found = []
    while (message := await receive(socket))["type"] == "next":
        found.append(message["payload"]["data"]["paint"])
    assert message["type"] == "complete"
    return found


OLD_URL, OLD_HEADER = "?apiVersion=0.1.0", [("X-Api-Version", "0.1.0")]


@pytest.mark.parametrize(
    ("said", "url", "headers", "expected"),
    [
        ({"apiVersion": "0.1.0"}, "", [], "0.1.0"),
        ({"apiVersion": "0.2.0"}, OLD_URL, OLD_HEADER, "0.2.0"),
        ({"apiVersion": NEXT}, OLD_URL, [], NEXT),
        ({}, OLD_URL, [("X-Api-Version", "0.2.0")], "0.2.0"),
        (None, OLD_URL, [], "0.1.0"),
        ({"apiVersion": None}, OLD_URL, [], "0.1.0"),
        ({}, "", OLD_HEADER, "0.1.0"),
        ({}, "", [], NEXT),
    ],
)
async def test_a_sockets_version_is_that_of_its_init_else_of_its_handshake(
    app: ToyApp, said: Any, url: str, headers: Any, expected: str
) -> None:
    async with a_socket(app, said, url, headers) as socket:
        assert await served(socket) == expected
        assert await painted(socket) == PAINTED[expected]


@pytest.mark.parametrize(
    ("said", "url"),
    [({"apiVersion": each}, "") for each in ["9.9.9", "", " 0.1.0", "0.1.0 ", "next", "x" * 9_000]]
    + [({"apiVersion": "9.9.9"}, OLD_URL), ({}, "?apiVersion=9.9.9")]
    + [(None, f"{OLD_URL}&apiVersion=0.1.0")],
)
async def test_a_socket_of_no_version_is_closed_and_told_which_there_are(
    app: ToyApp, said: Any, url: str
) -> None:
    async with a_socket(app, said, url) as socket:
        with pytest.raises(ConnectionClosed) as closed:
            await receive(socket)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4400
    assert closed.value.rcvd.reason.startswith("UNKNOWN_API_VERSION: ")
    if len(str(said)) < 100:
        assert closed.value.rcvd.reason.endswith("Served: 0.1.0, 0.2.0, NEXT.")


async def test_a_version_that_is_no_text_closes_the_socket(app: ToyApp) -> None:
    async with a_socket(app, {"apiVersion": 1}) as socket:
        with pytest.raises(ConnectionClosed) as closed:
            await receive(socket)
    assert closed.value.rcvd is not None
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (
        4400,
        "BAD_REQUEST: 'apiVersion' must be a string.",
    )


async def test_a_socket_keeps_its_version_when_its_support_ends(
    app: ToyApp, calendar: Calendar
) -> None:
    async with a_socket(app, {"apiVersion": "0.1.0"}) as socket:
        assert await served(socket) == "0.1.0"
        calendar.now = datetime(2030, 1, 1, tzinfo=UTC)
        assert await painted(socket) == PAINTED["0.1.0"]


async def test_sockets_of_several_versions_run_the_same_text_side_by_side(app: ToyApp) -> None:
    async def run(version: str) -> list[list[str]]:
        async with a_socket(app, {"apiVersion": version}) as socket:
            assert await served(socket) == version
            return [await painted(socket) for _ in range(5)]

    rounds = SERVED * 3
    found = await asyncio.gather(*(run(version) for version in rounds))
    assert found == [[PAINTED[version]] * 5 for version in rounds]
