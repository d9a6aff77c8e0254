"""Files over a real socket, as OpenAI's own client asks for them, and as others do."""

import json
import os
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from hashlib import sha256
from typing import Any

import httpx
import openai
import pytest

from tests.support.forms import BATCH, FORM, LINES, a_field, form, the_file, until
from tests.support.server import Running, running

MIB = 1024 * 1024
LIMIT = 4 * MIB
SECONDS = 20.0
IDS = "{ files(first: 100) { nodes { id filename status bytes sha256 } } }"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Open, with small files."""
    folder = tmp_path_factory.mktemp("files") / "data"
    with running(folder, env={"MODELYARD_FILE_LIMIT": str(LIMIT)}) as server:
        yield server


@asynccontextmanager
async def a_client(server: Running) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(base_url=f"{server.url}/v1", api_key="any") as client:
        yield client


@asynccontextmanager
async def http(server: Running) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=server.url, timeout=SECONDS) as client:
        yield client


def objects(server: Running) -> set[str]:
    """All files that hold something, finished or not."""
    root = server.log.with_name("data") / "objects"
    return {p.relative_to(root).as_posix() for p in root.rglob("*") if p.is_file()}


async def posted(
    server: Running, body: bytes, headers: dict[str, str] = FORM
) -> tuple[int, dict[str, Any], httpx.Headers]:
    async with http(server) as client:
        answer = await client.post("/v1/files", content=body, headers=headers)
    return answer.status_code, answer.json(), answer.headers


async def test_openai_s_client_uploads_lists_reads_and_deletes(server: Running) -> None:
    async with a_client(server) as client:
        before = objects(server)
        file = await client.files.create(file=("in.jsonl", LINES), purpose="batch")
        assert file.id.startswith("file-")
        assert (file.bytes, file.filename, file.purpose, file.status, file.object) == (
            len(LINES),
            "in.jsonl",
            "batch",
            "processed",
            "file",
        )
        assert file.expires_at is not None
        assert file.expires_at - file.created_at == 30 * 24 * 3600
        assert await client.files.wait_for_processing(file.id) == file
        assert await client.files.retrieve(file.id) == file
        assert file in [each async for each in client.files.list(purpose="batch")]
        assert (await client.files.content(file.id)).content == LINES
        assert objects(server) - before == {f"files/{file.id.removeprefix('file-')}"}
        deleted = await client.files.delete(file.id)
        assert (deleted.id, deleted.deleted, deleted.object) == (file.id, True, "file")
        assert objects(server) == before
        with pytest.raises(openai.NotFoundError) as missing:
            await client.files.retrieve(file.id)
        assert missing.value.code == "file_not_found"
        with pytest.raises(openai.NotFoundError):
            await client.files.content(file.id)


async def test_openai_s_client_says_how_long_a_file_is_kept(server: Running) -> None:
    async with a_client(server) as client:
        file = await client.files.create(
            file=("in.jsonl", LINES),
            purpose="batch",
            expires_after={"anchor": "created_at", "seconds": 3600},
        )
        assert file.expires_at == file.created_at + 3600
        with pytest.raises(openai.BadRequestError) as refused:
            await client.files.create(
                file=("in.jsonl", LINES),
                purpose="batch",
                expires_after={"anchor": "created_at", "seconds": 60},
            )
        assert refused.value.param == "expires_after"


async def test_a_list_is_paged_through_in_both_orders(server: Running) -> None:
    async with a_client(server) as client:
        made = [
            (await client.files.create(file=(f"{number}", b"x"), purpose="batch")).id
            for number in range(5)
        ]
        for order, wanted in (("asc", made), ("desc", made[::-1])):
            first = await client.files.list(limit=2, order=order)  # type: ignore[arg-type] # a literal
            ids = [each.id async for each in first]
            assert [each for each in ids if each in made] == wanted
            assert len(ids) == len(set(ids))
        assert [each async for each in client.files.list(purpose="batch_output")] == []
        assert [each async for each in client.files.list(purpose="vision")] == []
        for said in (
            {"limit": 0},
            {"limit": 10_001},
            {"after": "file-" + "0" * 32},
            {"after": "x"},
        ):
            with pytest.raises(openai.BadRequestError):
                await client.files.list(**said)


async def test_another_purpose_is_refused_before_the_file_and_after_it(server: Running) -> None:
    before = objects(server)
    for purpose in ("vision", "batch_output"):
        other = a_field("purpose", purpose)
        for body in (form(other, the_file()), form(the_file(), other)):
            status, said, headers = await posted(server, body)
            assert (status, said["error"]["param"]) == (400, "purpose")
            assert said["error"]["type"] == "invalid_request_error"
            assert headers["x-should-retry"] == "false"
    assert objects(server) == before


async def test_fields_may_come_behind_the_file(server: Running) -> None:
    late = [
        BATCH,
        a_field("expires_after[anchor]", "created_at"),
        a_field("expires_after[seconds]", "7200"),
    ]
    status, said, _ = await posted(server, form(the_file(), *late))
    assert status == 200
    assert said["expires_at"] == said["created_at"] + 7200


HOSTILE: dict[str, tuple[bytes, dict[str, str], int]] = {
    "no form": (b"{}", {"content-type": "application/json"}, 415),
    "no content type": (b"{}", {}, 415),
    "no boundary": (form(BATCH, the_file()), {"content-type": "multipart/form-data"}, 400),
    "a long boundary": (b"", {"content-type": f"multipart/form-data; boundary={'x' * 300}"}, 400),
    "another boundary": (form(BATCH, the_file(), boundary="other"), FORM, 400),
    "nothing": (b"", FORM, 400),
    "no file": (form(BATCH), FORM, 400),
    "no purpose": (form(the_file()), FORM, 400),
    "no end": (form(BATCH, the_file())[:-14], FORM, 400),
    "two files": (form(BATCH, the_file(), the_file()), FORM, 400),
    "two purposes": (form(BATCH, BATCH, the_file()), FORM, 400),
    "an unknown field": (form(BATCH, a_field("model", "x"), the_file()), FORM, 400),
    "a giant field": (form(a_field("purpose", "x" * 100_000), the_file()), FORM, 413),
    "a giant field behind": (form(the_file(), a_field("purpose", "x" * 100_000)), FORM, 413),
    "a giant header": (form((f"X: {'x' * 10_000}", b""), BATCH, the_file()), FORM, 400),
    "many headers": (form(("\r\n".join(["X: y"] * 100), b""), BATCH, the_file()), FORM, 400),
    "many parts": (form(*[a_field("purpose", "")] * 100, the_file()), FORM, 400),
    "a part without a name": (form(("Content-Disposition: form-data", b""), BATCH), FORM, 400),
    "a part without a head": (form(("X: y", b"")), FORM, 400),
    "no text": (
        form(("Content-Disposition: form-data; name=purpose", b"\xff"), the_file()),
        FORM,
        400,
    ),
    "no name": (form(BATCH, the_file(name="")), FORM, 400),
    "half an expiry": (
        form(BATCH, a_field("expires_after[seconds]", "7200"), the_file()),
        FORM,
        400,
    ),
    "another anchor": (
        form(
            BATCH,
            a_field("expires_after[anchor]", "last_active_at"),
            a_field("expires_after[seconds]", "7200"),
            the_file(),
        ),
        FORM,
        400,
    ),
    "no number": (
        form(
            BATCH,
            a_field("expires_after[anchor]", "created_at"),
            a_field("expires_after[seconds]", "1e9"),
            the_file(),
        ),
        FORM,
        400,
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
async def test_what_is_no_such_form_is_refused_and_leaves_nothing(
    server: Running, name: str
) -> None:
    body, headers, wanted = HOSTILE[name]
    before = objects(server)
    status, said, answered = await posted(server, body, headers)
    assert (status, set(said["error"])) == (wanted, {"message", "type", "param", "code"})
    assert answered["x-should-retry"] == "false"
    assert objects(server) == before


async def test_a_file_over_the_limit_is_refused_whether_or_not_that_was_announced(
    server: Running,
) -> None:
    before = objects(server)
    async with a_client(server) as client:
        whole = await client.files.create(file=("in.jsonl", b"x" * LIMIT), purpose="batch")
        assert whole.bytes == LIMIT
        await client.files.delete(whole.id)
        for size in (LIMIT + 1, 3 * LIMIT):
            with pytest.raises(openai.APIStatusError) as refused:
                await client.files.create(file=("in.jsonl", b"x" * size), purpose="batch")
            assert (refused.value.status_code, refused.value.code) == (413, "file_too_large")
    body = form(BATCH, the_file(b"x" * (3 * LIMIT)))

    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(body), MIB):
            yield body[start : start + MIB]

    async with http(server) as plain:
        answer = await plain.post("/v1/files", content=chunks(), headers=FORM)
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "file_too_large")
    assert objects(server) == before


async def test_a_client_that_hangs_up_midway_leaves_nothing(server: Running) -> None:
    before = objects(server)
    body = form(BATCH, the_file(b"x" * (2 * MIB)))
    head = f"POST /v1/files HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n"
    head += f"Content-Type: {FORM['content-type']}\r\n\r\n"
    address = server.url.removeprefix("http://").split(":")
    with socket.create_connection((address[0], int(address[1]))) as client:
        client.sendall(head.encode() + body[: MIB + 100_000])
        await until(lambda: objects(server) != before)
        [draft] = objects(server) - before
        assert draft.startswith("tmp/")
    await until(lambda: objects(server) == before)
    async with http(server) as client:
        listed = (await client.post("/graphql", json={"query": IDS})).json()
        assert not any(each["bytes"] == 2 * MIB for each in listed["data"]["files"]["nodes"])


async def test_parts_of_a_file_are_read(server: Running) -> None:
    content = b"0123456789"
    async with a_client(server) as client, http(server) as plain:
        file = await client.files.create(file=("in ü.jsonl", content), purpose="batch")
        url, etag = f"/v1/files/{file.id}/content", f'"{sha256(content).hexdigest()}"'
        whole = await plain.get(url)
        assert (whole.status_code, whole.content, whole.headers["etag"]) == (200, content, etag)
        assert whole.headers["accept-ranges"] == "bytes"
        assert (
            whole.headers["content-disposition"] == "attachment; filename*=UTF-8''in%20%C3%BC.jsonl"
        )
        for said, wanted in {
            "bytes=0-3": (0, 4),
            "bytes=7-": (7, 10),
            "bytes=-2": (8, 10),
            "bytes=-20": (0, 10),
            "bytes=4-100": (4, 10),
            f"bytes=00{'0' * 30}4-{'9' * 30}": (4, 10),
        }.items():
            part = await plain.get(url, headers={"range": said})
            start, end = wanted
            assert (part.status_code, part.content) == (206, content[start:end])
            assert part.headers["content-range"] == f"bytes {start}-{end - 1}/10"
            assert part.headers["content-length"] == str(end - start)
        for ignored in ("bytes=3-1", "bytes=0-1,3-4", "lines=0-1", "bytes=-", "bytes=a-b"):
            part = await plain.get(url, headers={"range": ignored})
            assert (part.status_code, part.content) == (200, content)
        for nothing in ("bytes=10-", "bytes=10-20", "bytes=-0", f"bytes={'9' * 6_000}-"):
            part = await plain.get(url, headers={"range": nothing})
            assert (part.status_code, part.headers["content-range"]) == (416, "bytes */10")
        stale = {"range": "bytes=0-3", "if-range": '"another"'}
        assert (await plain.get(url, headers=stale)).status_code == 200
        for known in (etag, f"W/{etag}", f'"x", {etag}', "*"):
            known_already = await plain.get(url, headers={"if-none-match": known})
            assert (known_already.status_code, known_already.content) == (304, b"")
        head = await plain.head(url)
        assert (head.status_code, head.headers["content-length"], head.content) == (200, "10", b"")


async def test_an_empty_file_is_a_file(server: Running) -> None:
    async with a_client(server) as client, http(server) as plain:
        file = await client.files.create(file=("empty", b""), purpose="batch")
        assert file.bytes == 0
        content = await plain.get(f"/v1/files/{file.id}/content")
        assert (content.status_code, content.content) == (200, b"")


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
async def test_what_is_no_method_here_says_which_are(server: Running, method: str) -> None:
    async with http(server) as client:
        answer = await client.request(method, "/v1/files")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, POST")


@pytest.mark.parametrize("id", ["file-x", "nothing", "batch_" + "0" * 32, "file-" + "0" * 32])
async def test_an_id_of_no_file_is_not_found(server: Running, id: str) -> None:
    async with http(server) as client:
        for answer in (
            await client.get(f"/v1/files/{id}"),
            await client.get(f"/v1/files/{id}/content"),
            await client.delete(f"/v1/files/{id}"),
        ):
            error = answer.json()["error"]
            assert (answer.status_code, error["code"], error["param"]) == (
                404,
                "file_not_found",
                None,
            )
            assert repr(id) in error["message"]


UPLOAD = """mutation($input: UploadFileInput!) { uploadFile(input: $input) {
  file { openaiId filename bytes purpose } userErrors { code path } } }"""


def an_operation(content: bytes, mapped: Any = None, **said: Any) -> bytes:
    variables = {"input": {"file": None, "purpose": "BATCH", **said}}
    operations = {"query": UPLOAD, "variables": variables}
    return form(
        a_field("operations", json.dumps(operations)),
        a_field("map", json.dumps(mapped or {"0": ["variables.input.file"]})),
        ('Content-Disposition: form-data; name="0"; filename="in.jsonl"', content),
    )


async def asked(server: Running, body: bytes, **more: str) -> tuple[int, dict[str, Any]]:
    headers = {**FORM, **{name.replace("_", "-"): value for name, value in more.items()}}
    async with http(server) as client:
        answer = await client.post("/graphql", content=body, headers=headers)
        return answer.status_code, answer.json()


async def test_a_file_is_uploaded_over_graphql(server: Running) -> None:
    content = os.urandom(3 * MIB)
    status, said = await asked(server, an_operation(content), graphql_require_preflight="1")
    assert status == 200, said
    file = said["data"]["uploadFile"]["file"]
    assert (file["filename"], file["bytes"], file["purpose"]) == ("in.jsonl", 3 * MIB, "BATCH")
    async with a_client(server) as client:
        assert (await client.files.content(file["openaiId"])).content == content


async def test_a_form_that_a_web_page_could_send_is_refused(server: Running) -> None:
    before = objects(server)
    status, said = await asked(server, an_operation(LINES))
    assert (status, said["errors"][0]["extensions"]["code"]) == (400, "PREFLIGHT_REQUIRED")
    assert objects(server) == before


async def test_what_is_wrong_with_an_upload_over_graphql_is_told_and_leaves_nothing(
    server: Running,
) -> None:
    before = objects(server)
    for body, code in (
        (an_operation(b"x" * (LIMIT + 1)), "FILE_TOO_LARGE"),
        (an_operation(LINES, purpose="BATCH_OUTPUT"), "INVALID_VALUE"),
        (an_operation(LINES, expiresAfter="PT1S"), "INVALID_VALUE"),
    ):
        status, said = await asked(server, body, graphql_require_preflight="1")
        assert status == 200, said
        [error] = said["data"]["uploadFile"]["userErrors"]
        assert error["code"] == code
    for body in (
        an_operation(LINES, mapped={"0": ["variables.input.other"]}),
        an_operation(LINES, mapped={"0": ["query"]}),
        an_operation(LINES, mapped={"0": ["variables.input.file"] * 2}),
        an_operation(LINES, mapped={"1": ["variables.input.file"]}),
        an_operation(LINES, mapped=["0"]),
        form(a_field("map", "{}")),
        form(the_file()),
    ):
        status, said = await asked(server, body, graphql_require_preflight="1")
        assert (status, said["errors"][0]["extensions"]["code"]) == (400, "BAD_REQUEST")
    cut = an_operation(b"x" * MIB)[:-100]
    status, said = await asked(server, cut, graphql_require_preflight="1")
    assert said["errors"][0]["extensions"]["code"] == "INVALID_FORM"
    assert objects(server) == before


async def test_json_is_no_upload(server: Running) -> None:
    async with http(server) as client:
        said = {"input": {"file": "content", "purpose": "BATCH"}}
        answer = await client.post("/graphql", json={"query": UPLOAD, "variables": said})
    assert "Upload is a file of a form" in answer.json()["errors"][0]["message"]
