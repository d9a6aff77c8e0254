"""/schema: the schema as of a version, to read."""

import re
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from domain.access.access import Caller
from infra.http.pages.assets import Assets
from tests.support.server import ToyApp

HTML = {"accept": "text/html,*/*"}


@pytest.fixture
def client() -> httpx.AsyncClient:
    return ToyApp().client()


async def read(client: httpx.AsyncClient, path: str) -> str:
    response = await client.get(path, headers=HTML)
    assert response.status_code == 200, response.text
    return response.text


def plain(page: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


async def test_without_a_version_the_newest_is_shown(client: httpx.AsyncClient) -> None:
    page = await read(client, "/schema")
    assert "as of NEXT" in page
    assert 'href="/schema?version=0.1.0"' in page


async def test_a_version_is_shown_as_it_was(client: httpx.AsyncClient) -> None:
    assert 'id="width"' in await read(client, "/schema/types/Shelf?version=0.2.0")
    earlier = await read(client, "/schema/types/Shelf?version=0.1.0")
    assert 'id="width"' not in earlier
    assert "Deprecated" not in earlier


async def test_a_deprecation_tells_since_when_until_when_and_what_instead(
    client: httpx.AsyncClient,
) -> None:
    page = plain(await read(client, "/schema/types/Shelf?version=0.2.0"))
    assert "Deprecated since 0.2.0" in page
    assert "Deprecated. Since 0.2.0. Use Shelf.volumes. 0.4.0 may remove it." in page


async def test_fields_tell_their_types_and_arguments_and_since_when(
    client: httpx.AsyncClient,
) -> None:
    page = await read(client, "/schema/types/Query?version=0.1.0")
    assert 'href="/schema/types/Shelf?version=0.1.0"' in page
    assert "ID!" in page
    assert "Of the shelf." in page
    assert "Added in 0.1.0" in page


async def test_an_enum_value_tells_what_older_versions_see(client: httpx.AsyncClient) -> None:
    page = plain(await read(client, "/schema/types/Color"))
    assert "Versions before 0.2.0 see RED in its place." in page


async def test_a_directive_tells_its_arguments_and_places(client: httpx.AsyncClient) -> None:
    page = plain(await read(client, "/schema/directives/late"))
    assert "directive @late" in page
    assert "by Int! = 3" in page
    assert "FIELD" in page


async def test_what_a_search_finds_leads_there_names_first(client: httpx.AsyncClient) -> None:
    page = await read(client, "/schema?search=SHELF&version=0.2.0")
    found = re.findall(r'<th[^>]*><a href="([^"]+)"', page)
    assert found[:2] == [
        "/schema/types/Query?version=0.2.0#shelf",
        "/schema/types/Shelf?version=0.2.0",
    ]
    assert "0 found" in plain(await read(client, "/schema?search=%3Cb%3Enothing"))


async def test_changes_tell_of_each_version_up_to_the_one_that_is_shown(
    client: httpx.AsyncClient,
) -> None:
    page = plain(await read(client, "/schema/changes?version=0.2.0"))
    assert page.index("0.2.0 released on 2026-02-02") < page.index("0.1.0 released on 2026-01-01")
    assert page.index("Removed") < page.index("Deprecated") < page.index("Added")
    assert "Box" in page
    assert "breaking" in page
    assert "No shelf counts books. Use Shelf.volumes ." in page
    first = plain(await read(client, "/schema/changes?version=0.1.0"))
    assert "Shelf.width" not in first
    assert "2, 5 with their parts" in first


async def test_the_sdl_is_text(client: httpx.AsyncClient) -> None:
    response = await client.get("/schema.graphql?version=0.1.0")
    assert response.text == "# as of 0.1.0\ntype Shelf\n"
    assert response.headers["content-type"] == "text/plain; charset=utf-8"
    assert response.headers["x-api-version"] == "0.1.0"
    assert response.headers["vary"] == "Authorization"
    assert response.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("path", ["/schema", "/schema/types/Shelf", "/schema.graphql"])
async def test_a_version_that_is_not_served_is_refused_with_those_that_are(
    path: str, client: httpx.AsyncClient
) -> None:
    for accept in ({"accept": "*/*"}, HTML):
        response = await client.get(f"{path}?version=9.9.9", headers=accept)
        assert response.status_code == 404
        assert "NEXT, 0.2.0, 0.1.0" in response.text


@pytest.mark.parametrize("path", ["/schema/types/Nope", "/schema/directives/nope"])
async def test_what_a_version_has_not_is_told_with_a_way_to_search(
    path: str, client: httpx.AsyncClient
) -> None:
    response = await client.get(path, headers=HTML)
    assert response.status_code == 404
    assert "/schema?version=NEXT&amp;search=" in response.text


async def test_what_is_written_in_the_schema_or_the_address_is_never_markup(
    client: httpx.AsyncClient,
) -> None:
    evil = "%3Cscript%3Ealert(1)%3C/script%3E"
    for path in (
        "/schema/types/Shelf",
        f"/schema?search={evil}",
        f"/schema?version={evil}",
        f"/schema/types/{evil.replace('/', '%2F')}",
    ):
        response = await client.get(path, headers=HTML)
        assert "<script" not in response.text


@pytest.mark.parametrize(
    "path", ["/schema", "/schema/changes", "/schema/types/Shelf", "/schema?version=9"]
)
async def test_pages_may_run_no_script_and_stand_in_no_frame(
    path: str, client: httpx.AsyncClient
) -> None:
    response = await client.get(path, headers=HTML)
    policy = response.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert "frame-ancestors 'none'" in policy


async def test_graphiql_may_load_from_its_own_server_alone(client: httpx.AsyncClient) -> None:
    response = await client.get("/graphql", headers=HTML)
    policy = response.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    for elsewhere in ("unsafe-eval", "https:", "http:", "*", "script-src 'self' 'unsafe-inline'"):
        assert elsewhere not in policy


@pytest.mark.parametrize("path", ["/schema", "/schema.graphql", "/graphql"])
async def test_in_open_mode_pages_are_for_this_machine(
    path: str, client: httpx.AsyncClient
) -> None:
    response = await client.get(path, headers={**HTML, "host": "evil.example"})
    assert response.status_code == 403
    assert "localhost" in response.text


@pytest.mark.parametrize(
    ("may_read", "without", "with_key"),
    [(None, 200, 200), (lambda caller: True, 401, 200), (lambda caller: False, 401, 403)],
)
async def test_with_keys_everyone_may_read_unless_a_setting_says_who(
    may_read: Callable[[Caller], bool] | None, without: int, with_key: int
) -> None:
    app = ToyApp(may_read=may_read)
    key = {"authorization": f"Bearer {await app.key()}"}
    for path in ("/schema", "/schema/types/Shelf", "/schema/changes", "/schema.graphql"):
        assert (await app.client().get(path)).status_code == without
        assert (await app.client().get(path, headers=key)).status_code == with_key


async def test_who_may_not_read_is_told_why_in_words() -> None:
    app = ToyApp(may_read=lambda caller: True)
    await app.key()
    response = await app.client().get("/schema", headers=HTML)
    assert response.headers["content-type"].startswith("text/html")
    assert response.headers["www-authenticate"] == "Bearer"
    assert "API key" in response.text
    assert 'href="/graphql"' in response.text


async def test_graphiql_is_told_which_versions_there_are_and_whether_a_key_is_needed(
    built: Path,
) -> None:
    app = ToyApp(assets=Assets.load(built))
    page = await read(app.client(), "/graphql")
    assert '{"versions":["NEXT","0.2.0","0.1.0"],"open":true}' in page
    await app.key()
    assert '"open":false' in await read(app.client(), "/graphql")
