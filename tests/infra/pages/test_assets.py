"""The pages' files: each kept forever under a name that has its content's hash."""

from pathlib import Path

import httpx
import pytest

from infra.http.pages.assets import Assets
from tests.support.references import SCRIPT
from tests.support.server import ToyApp

ADDRESS = "/graphql/assets/graphiql-ABC.js"
HTML = {"accept": "text/html"}


@pytest.fixture
def client(built: Path) -> httpx.AsyncClient:
    return ToyApp(assets=Assets.load(built)).client()


async def test_a_file_is_kept_forever_and_has_its_type(client: httpx.AsyncClient) -> None:
    response = await client.get(ADDRESS)
    assert response.content == SCRIPT
    assert response.headers["content-type"] == "text/javascript; charset=utf-8"
    assert response.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert (await client.get("/graphql/assets/graphiql-DEF.css")).headers["content-type"] == (
        "text/css; charset=utf-8"
    )


async def test_a_file_travels_gzipped_to_who_takes_that(client: httpx.AsyncClient) -> None:
    zipped = await client.get(ADDRESS, headers={"accept-encoding": "gzip, br"})
    plain = await client.get(ADDRESS, headers={"accept-encoding": "identity"})
    assert zipped.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert zipped.content == plain.content == SCRIPT
    assert int(plain.headers["content-length"]) == len(SCRIPT)
    assert int(zipped.headers["content-length"]) < len(SCRIPT)
    assert zipped.headers["vary"] == plain.headers["vary"] == "Accept-Encoding"
    assert zipped.headers["etag"] != plain.headers["etag"]


async def test_who_has_a_file_is_not_sent_it_again(client: httpx.AsyncClient) -> None:
    etag = (await client.get(ADDRESS)).headers["etag"]
    again = await client.get(ADDRESS, headers={"if-none-match": f'"other", W/{etag}'})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
    other = await client.get(ADDRESS, headers={"if-none-match": '"other"'})
    assert other.status_code == 200


async def test_head_says_what_get_would(client: httpx.AsyncClient) -> None:
    head, got = await client.head(ADDRESS), await client.get(ADDRESS)
    assert head.content == b""
    assert dict(head.headers) == dict(got.headers)


@pytest.mark.parametrize(
    "name", ["nothing.js", "manifest.json", "licences.txt", "..%2fpages.py", "graphiql-ABC.js.gz"]
)
async def test_nothing_else_of_the_folder_is_served(name: str, client: httpx.AsyncClient) -> None:
    response = await client.get(f"/graphql/assets/{name}")
    assert response.status_code == 404
    assert "immutable" not in response.headers.get("cache-control", "")


async def test_every_file_that_graphiql_begins_with_is_there(client: httpx.AsyncClient) -> None:
    page = (await client.get("/graphql", headers=HTML)).text
    for name in ("graphiql-ABC.js", "graphiql-DEF.css"):
        assert f'"/graphql/assets/{name}"' in page
        assert (await client.get(f"/graphql/assets/{name}")).status_code == 200


async def test_without_built_files_the_page_says_how_to_build_them(tmp_path: Path) -> None:
    client = ToyApp(assets=Assets.load(tmp_path / "none")).client()
    response = await client.get("/graphql", headers=HTML)
    assert response.status_code == 200
    assert "make pages" in response.text
    assert 'href="/schema"' in response.text
    assert "<script" not in response.text


async def test_another_page_s_scripts_get_no_file_in_open_mode(client: httpx.AsyncClient) -> None:
    for foreign in ({"host": "evil.example"}, {"origin": "https://evil.example"}):
        assert (await client.get(ADDRESS, headers=foreign)).status_code == 403
