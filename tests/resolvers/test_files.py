"""Files over GraphQL; tests/flows/test_files.py brings them over a socket."""

from collections.abc import AsyncGenerator

from domain.files.file import File
from domain.files.incoming import Incoming
from schema.relay import global_id
from tests.support.graph import Graph

SHOWN = (
    "id openaiId filename purpose status bytes sha256 createdBy batchJob { id } project { name }"
)
UPLOAD = f"""mutation($input: UploadFileInput!) {{ uploadFile(input: $input) {{
  file {{ {SHOWN} createdAt expiresAt }} userErrors {{ code path }} }} }}"""
DELETE = """mutation($input: DeleteFileInput!) { deleteFile(input: $input) {
  file { status } userErrors { code path } } }"""
EVENTS = """{ events(filter: {types: [FILE_CREATED, FILE_DELETED]}) { nodes { __typename
  ... on FileEvent { fileId file { id status } }
  ... on FileCreated { name purpose size sha256 } ... on FileDeleted { name expired } } } }"""


async def content(*pieces: bytes) -> AsyncGenerator[bytes, None]:
    for piece in pieces:
        yield piece


async def a_file(graph: Graph, name: str = "in.jsonl") -> File:
    return await graph.house.uploads.upload(graph.house.caller, name, "batch", content(b"lines"))


async def test_a_file_is_uploaded_found_and_deleted(graph: Graph) -> None:
    said = {"file": Incoming("in.jsonl", content(b"li", b"nes")), "purpose": "BATCH"}
    made = (await graph.get(UPLOAD, input=said))["uploadFile"]
    assert made["userErrors"] == []
    file = made["file"]
    assert file["openaiId"].startswith("file-")
    assert (file["filename"], file["purpose"], file["status"], file["bytes"]) == (
        "in.jsonl",
        "BATCH",
        "PROCESSED",
        5,
    )
    assert (file["batchJob"], file["project"]) == (None, {"name": "default"})
    for each in (file["id"], file["openaiId"]):
        found = await graph.get(f"query($id: ID!) {{ file(id: $id) {{ {SHOWN} }} }}", id=each)
        assert found["file"].items() <= file.items()
    deleted = (await graph.get(DELETE, input={"fileId": file["id"]}))["deleteFile"]
    assert deleted == {"file": {"status": "DELETED"}, "userErrors": []}
    again = (await graph.get(DELETE, input={"fileId": file["id"]}))["deleteFile"]
    assert again["userErrors"] == [{"code": "NOT_FOUND", "path": ["input", "fileId"]}]
    created, gone = (await graph.get(EVENTS))["events"]["nodes"]
    shown = {"id": file["id"], "status": "DELETED"}
    assert created == {
        "__typename": "FileCreated",
        "fileId": file["id"],
        "file": shown,
        "name": "in.jsonl",
        "purpose": "BATCH",
        "size": 5,
        "sha256": file["sha256"],
    }
    assert gone == {
        "__typename": "FileDeleted",
        "fileId": file["id"],
        "file": shown,
        "name": "in.jsonl",
        "expired": False,
    }


async def test_files_are_listed_the_newest_first_unless_ordered(graph: Graph) -> None:
    for name in ("b", "a", "c"):
        await a_file(graph, name)
        graph.house.clock.forward(minutes=1)
    await graph.house.uploads.delete(graph.house.caller, (await a_file(graph, "gone")).id)

    async def names(said: str = "") -> list[str]:
        found = await graph.get(f"{{ files{said} {{ nodes {{ filename }} totalCount }} }}")
        assert found["files"]["totalCount"] == len(found["files"]["nodes"])
        return [node["filename"] for node in found["files"]["nodes"]]

    assert await names() == ["c", "a", "b"]
    assert await names("(orderBy: {field: FILENAME})") == ["a", "b", "c"]
    assert await names("(filter: {purpose: {eq: BATCH_OUTPUT}})") == []
    assert await names('(filter: {filename: {eq: "a"}, purpose: {in: [BATCH]}})') == ["a"]


async def test_what_is_wrong_with_a_file_is_said_where_it_was_said(graph: Graph) -> None:
    for wrong, path in (
        ({"purpose": "BATCH_OUTPUT"}, "purpose"),
        ({"expiresAfter": 1}, "expiresAfter"),
        ({"file": Incoming("", content(b"x"))}, "file"),
    ):
        said = {"file": Incoming("in", content(b"x")), "purpose": "BATCH", **wrong}
        made = (await graph.get(UPLOAD, input=said))["uploadFile"]
        assert made["file"] is None
        assert made["userErrors"] == [{"code": "INVALID_VALUE", "path": ["input", path]}]
    assert graph.house.objects.kept == {}


async def test_an_id_of_no_file_finds_nothing(graph: Graph) -> None:
    for each in ("nothing", global_id("File", "0" * 32), global_id("Project", "0" * 32)):
        assert await graph.get("query($id: ID!) { file(id: $id) { id } }", id=each) == {
            "file": None
        }
