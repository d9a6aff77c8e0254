from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from domain.access.access import Project, Role
from tests.support.server import ToyApp

FOREIGN = ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "localhost@evil", "",
           "127.0.0.2", "localhost:x", "localhost/evil"]  # fmt: skip


@pytest.fixture
def app() -> ToyApp:
    return ToyApp()


@pytest.fixture
async def client(app: ToyApp) -> AsyncIterator[httpx.AsyncClient]:
    async with app.client() as client:
        yield client


async def ask(
    client: httpx.AsyncClient, token: str | None = None, **headers: str
) -> httpx.Response:
    known = {"authorization": f"Bearer {token}"} if token else {}
    said = {**known, **{name.replace("_", "-"): value for name, value in headers.items()}}
    return await client.post("/graphql", json={"query": "{actor}"}, headers=said)


def code(response: httpx.Response) -> Any:
    return response.json()["errors"][0]["extensions"]["code"]


async def a_project(app: ToyApp, name: str) -> Project:
    project = Project(id=name * 8, name=name, created_at=datetime.now(UTC))
    async with app.store.start_work("test", "test") as work:
        await work.projects.add(project)
    return project


async def test_without_any_key_this_machine_may_do_everything(
    app: ToyApp, client: httpx.AsyncClient
) -> None:
    response = await ask(client)
    assert response.json()["data"]["actor"] == "open-mode"
    assert app.toy.callers[-1].principal.server_admin


async def test_open_mode_ignores_the_key_that_a_client_sends(client: httpx.AsyncClient) -> None:
    assert (await ask(client, "my_nonsense")).status_code == 200


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8400", "127.0.0.1:1", "[::1]:8400"])
async def test_open_mode_serves_local_hosts_and_origins_on_any_port(
    client: httpx.AsyncClient, host: str
) -> None:
    assert (await ask(client, host=host, origin=f"http://{host}")).status_code == 200


@pytest.mark.parametrize("host", FOREIGN)
async def test_open_mode_refuses_a_name_that_was_rebound_to_it(
    app: ToyApp, client: httpx.AsyncClient, host: str
) -> None:
    response = await ask(client, host=host)
    assert (response.status_code, code(response)) == (403, "FOREIGN_PAGE")
    assert not app.toy.callers


@pytest.mark.parametrize("origin", ["null", "file://", *(f"https://{host}" for host in FOREIGN)])
async def test_open_mode_refuses_a_page_of_another_site(
    app: ToyApp, client: httpx.AsyncClient, origin: str
) -> None:
    response = await ask(client, origin=origin)
    assert (response.status_code, code(response)) == (403, "FOREIGN_PAGE")
    assert not app.toy.callers


async def test_graphiql_is_not_served_to_a_rebound_name(client: httpx.AsyncClient) -> None:
    headers = {"accept": "text/html", "host": "evil.example"}
    assert (await client.get("/graphql", headers=headers)).status_code == 403


async def test_the_first_key_closes_open_mode_at_once_and_for_good(
    app: ToyApp, client: httpx.AsyncClient
) -> None:
    assert (await ask(client)).status_code == 200
    token = await app.key("first")
    assert (await ask(client)).status_code == 401
    assert (await ask(client, token)).json()["data"]["actor"] == "key:first"
    await app.access.revoke_key("test", app.toy.callers[-1].principal.key_id or "")
    assert (await ask(client)).status_code == 401


async def test_there_is_no_open_mode_on_an_address_that_others_reach() -> None:
    async with ToyApp(loopback=False).client() as client:
        assert (await ask(client)).status_code == 401


async def test_a_key_may_be_used_from_any_host(app: ToyApp, client: httpx.AsyncClient) -> None:
    token = await app.key()
    assert (await ask(client, token, host="yard.example")).status_code == 200


@pytest.mark.parametrize(
    "said", [None, "", "Bearer", "Bearer ", "Basic {token}", "Bearer my_other", "{token}"]
)
async def test_a_bad_key_is_a_401_in_graphqls_shape(
    app: ToyApp, client: httpx.AsyncClient, said: str | None
) -> None:
    token = await app.key()
    headers = {} if said is None else {"authorization": said.format(token=token)}
    response = await client.post("/graphql", json={"query": "{actor}"}, headers=headers)
    assert (response.status_code, code(response)) == (401, "UNAUTHENTICATED")
    assert response.headers["www-authenticate"] == "Bearer"
    assert not app.toy.callers


async def test_a_revoked_key_is_a_401_at_once(app: ToyApp, client: httpx.AsyncClient) -> None:
    token = await app.key()
    assert (await ask(client, token)).status_code == 200
    await app.access.revoke_key("test", app.toy.callers[-1].principal.key_id or "")
    assert (await ask(client, token)).status_code == 401


async def test_the_project_is_the_one_named_else_the_only_one_else_default(
    app: ToyApp, client: httpx.AsyncClient
) -> None:
    a, b = await a_project(app, "a"), await a_project(app, "b")
    only, both = await app.key("only", **{a.id: Role.VIEWER}), await app.key(
        "both", **{a.id: Role.VIEWER, b.id: Role.VIEWER, app.store.default.id: Role.VIEWER}
    )  # fmt: skip
    for token, headers, project in (
        (only, {}, a.id),
        (both, {}, app.store.default.id),
        (both, {"x_modelyard_project": "b"}, b.id),
        (both, {"openai_project": "a"}, a.id),
        (both, {"x_modelyard_project": "b", "openai_project": "a"}, b.id),
    ):
        await ask(client, token, **headers)
        assert app.toy.callers[-1].project_id == project


@pytest.mark.parametrize("name", ["nothing", "b"])
async def test_an_unknown_project_and_another_ones_are_alike_not_found(
    app: ToyApp, client: httpx.AsyncClient, name: str
) -> None:
    a = await a_project(app, "a")
    await a_project(app, "b")
    token = await app.key("only", **{a.id: Role.ADMIN})
    response = await ask(client, token, x_modelyard_project=name)
    assert (response.status_code, code(response)) == (404, "NOT_FOUND")
    assert response.json()["errors"][0]["message"] == f"There is no project {name!r} here."
