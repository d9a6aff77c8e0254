"""A secret's value is nowhere but in its seal: not in a file, not in the log, not in an answer."""

from base64 import b64encode
from pathlib import Path
from typing import Any

from tests.support.api import Api, a_client
from tests.support.server import running

VALUE = "swordfish-8d1f3c"
CREATE = """mutation($input: CreateSecretInput!) { createSecret(input: $input) {
  secret { id name } userErrors { code message path } } }"""
ADD = """mutation($input: AddModelRevisionInput!) { addModelRevision(input: $input) {
  revision { definitionDocument digest environment { name value secret }
    layers { layer text } provenance { pointer value } } userErrors { code message } } }"""
SHOWN = """{ secrets { nodes { name usedBy { name } } }
  events { nodes { ... on SecretEvent { secret { name } } } } }"""
WRONG: list[Any] = [
    {"name": "TOKEN", "value": VALUE},  # taken
    {"name": "not a name", "value": VALUE},
    {"name": "LONG", "value": VALUE * 10_000},
    {"name": "NUL", "value": f"{VALUE}\0"},
    {"name": "LIST", "value": [VALUE]},
    {"name": "OBJECT", "value": {"text": VALUE}},
    {"name": "MISSPELT", "valeu": VALUE},
    {"name": {"a": 1}, "value": VALUE},
    {"value": VALUE},
    [VALUE],
    VALUE,
]


async def every_answer(api: Api) -> list[str]:
    asked: list[tuple[str, Any]] = [(CREATE, {"name": "TOKEN", "value": VALUE})]
    asked += [(CREATE, said) for said in WRONG]
    deployment = await api.deployment("chat")
    for entry in ({"secret": "TOKEN"}, {"secret": "OTHER"}, {"secret": VALUE[:0]}):
        variables = [{"name": "API_TOKEN", **entry}]
        said = {"deploymentId": deployment, "runtimeVariant": "ECHO", "environment": variables}
        asked.append((ADD, {**said, "idempotencyKey": str(entry)}))
    answers = [await api.http.post("/graphql", json={"query": q, "variables": {"input": said}})
               for q, said in asked]  # fmt: skip
    inline = CREATE.replace("$input)", f'{{name: "TOKEN", value: "{VALUE}", vlaue: "{VALUE}"}})')
    answers.append(await api.http.post("/graphql", json={"query": inline}))
    answers.append(await api.http.post("/graphql", json={"query": SHOWN}))
    first, *_ = answers
    assert first.json()["data"]["createSecret"]["secret"]["name"] == "TOKEN"
    added = answers[1 + len(WRONG)].json()["data"]["addModelRevision"]["revision"]
    assert added["environment"] == [{"name": "API_TOKEN", "value": None, "secret": "TOKEN"}]
    return [answer.text for answer in answers]


async def test_a_secrets_value_is_nowhere(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    with running(folder, env={"MODELYARD_LOG_LEVEL": "debug"}) as server:
        async with a_client(server.url) as api:
            answers = await every_answer(api)
        assert (folder / "modelyard.db-wal").stat().st_size
        require_none(folder)
        server.stop()
        require_none(folder)
        assert VALUE not in server.log.read_text()
    for answer in answers:
        assert VALUE not in answer


def require_none(folder: Path) -> None:
    core = b64encode(VALUE.encode()).rstrip(b"=")[:-1]
    for file in filter(Path.is_file, folder.rglob("*")):
        kept = file.read_bytes()
        assert VALUE.encode() not in kept, file
        assert core not in kept, file
