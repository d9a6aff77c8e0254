"""The real command in a process of its own, over a real socket and a real database."""

import asyncio
import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from domain.errors import ModelyardError
from infra import cli, serving, settings
from tests.support.server import (
    Running,
    environment,
    installed_modelyard,
    modelyard,
    running,
)

PROTOCOL = Subprotocol("graphql-transport-ws")
WAIT = 60.0


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server in open mode, for the tests that leave it as it is."""
    with running(tmp_path_factory.mktemp("open") / "data") as server:
        yield server


def ask(server: Running, query: str, token: str | None = None) -> httpx.Response:
    headers = {"authorization": f"Bearer {token}"} if token else {}
    return httpx.post(f"{server.url}/graphql", json={"query": query}, headers=headers, timeout=WAIT)


def one_line(run: Any) -> str:
    """What a command that refuses says: one line on standard error, and exit code 1."""
    assert run.returncode == 1, run.stderr
    assert run.stdout == ""
    (line,) = run.stderr.splitlines()
    assert line.startswith("modelyard: ")
    return str(line)


def test_a_server_answers_once_it_says_that_it_is_ready(server: Running) -> None:
    answer = ask(server, "{apiVersion}")
    assert answer.json() == {"data": {"apiVersion": answer.headers["x-api-version"]}}
    assert httpx.get(f"{server.url}/readyz").status_code == 200
    assert httpx.get(f"{server.url}/healthz").status_code == 200


def test_a_hostile_document_and_garbage_leave_the_server_standing(server: Running) -> None:
    response = ask(server, "{" + " ".join(f"a{i}:apiVersion" for i in range(1_000)) + "}")
    assert response.json()["errors"][0]["extensions"]["code"] == "TOO_MANY_ALIASES"
    host, port = server.url.removeprefix("http://").split(":")
    for garbage in (b"\x00" * 4_096, b"GET /" + b"a" * 100_000, b"POST /graphql HTTP/1.1\r\n\xff"):
        with socket.create_connection((host, int(port)), timeout=WAIT) as raw:
            raw.sendall(garbage)
    assert ask(server, "{apiVersion}").status_code == 200


def test_two_servers_do_not_share_a_folder_with_sqlite(server: Running, tmp_path: Path) -> None:
    folder = str(server.log.with_name("data"))
    line = one_line(modelyard("serve", "--port", "0", "--data-dir", folder, cwd=tmp_path))
    assert "another server runs on it" in line


def test_a_taken_port_is_one_line(server: Running, tmp_path: Path) -> None:
    port = server.url.rpartition(":")[2]
    line = one_line(modelyard("serve", "--port", port, cwd=tmp_path))
    assert f"127.0.0.1:{port} can't be listened on" in line
    assert not (tmp_path / ".modelyard").exists()


def test_an_unknown_setting_is_one_line(tmp_path: Path) -> None:
    line = one_line(modelyard("serve", env={"MODELYARD_PROT": "1"}, cwd=tmp_path))
    assert "Did you mean MODELYARD_PORT?" in line


def test_the_command_starts_from_nothing(tmp_path: Path) -> None:
    """The other tests' processes are forked from one that has everything loaded."""
    run = installed_modelyard("settings", cwd=tmp_path)
    assert "MODELYARD_PORT" in run.stdout, run.stderr
    line = one_line(installed_modelyard("serve", "--port", "0", "--host", "0.0.0.0", cwd=tmp_path))
    assert "make a key first" in line


def test_what_only_some_commands_need_is_not_imported_by_the_others() -> None:
    """Every echo replica is a start of this command, and so is every completion of a shell."""
    listing = [sys.executable, "-c", "import sys, infra.cli; print(*sys.modules)"]
    run = subprocess.run(listing, capture_output=True, text=True, env=environment(), check=True)
    heavy = {"asyncio", "httpx", "orjson", "pydantic", "rich", "sqlalchemy", "starlette", "uvicorn"}
    assert heavy.isdisjoint(run.stdout.split())


@pytest.mark.parametrize(
    ("env", "said"),
    [
        ({"DATABASE_URL": "postgresql://u:swordfish@127.0.0.1:1/d"}, "did not answer"),
        ({"DATA_DIR": "/proc/nothing"}, "'/proc/nothing' can't be used"),
        ({"HOST": "0.0.0.0"}, "make a key first"),
        ({"SECRET_KEY": "swordfish"}, "MODELYARD_SECRET_KEY is not base64"),
    ],
)
async def test_what_stands_in_the_way_of_a_start_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, env: dict[str, str], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, value in env.items():
        monkeypatch.setenv(f"MODELYARD_{name}", value)
    with pytest.raises(ModelyardError) as refused:
        await serving.serve(settings.load(port=0), "0")
    assert said in refused.value.message
    assert "swordfish" not in refused.value.message


def test_a_key_made_by_the_command_closes_open_mode_and_ends_it_when_revoked(
    tmp_path: Path,
) -> None:
    with running(tmp_path / "data") as server:
        folder = ("--data-dir", str(tmp_path / "data"))
        assert ask(server, "{apiVersion}").status_code == 200
        made = modelyard(
            "key", "create", "robot", "--project", "default:editor", "--json", *folder, cwd=tmp_path
        )
        key = json.loads(made.stdout)
        assert ask(server, "{apiVersion}").status_code == 401
        assert ask(server, "{apiVersion}", key["token"]).status_code == 200

        listed = modelyard("key", "ls", "--json", *folder, cwd=tmp_path)
        (row,) = json.loads(listed.stdout)
        assert (row["name"], row["projects"]) == ("robot", {"default": "editor"})
        assert key["token"] not in listed.stdout

        code = asyncio.run(close_code_after_revoking(server, key["token"], tmp_path))
        assert code == 4403
        assert ask(server, "{apiVersion}", key["token"]).status_code == 401
        assert key["token"] not in server.log.read_text()


async def close_code_after_revoking(server: Running, token: str, tmp_path: Path) -> int | None:
    async with connect(server.ws_url, subprotocols=[PROTOCOL]) as socket:
        said = {"authorization": f"Bearer {token}"}
        await socket.send(json.dumps({"type": "connection_init", "payload": said}))
        await socket.recv()
        arguments = ("key", "revoke", "robot", "--data-dir", str(tmp_path / "data"))
        run = await asyncio.to_thread(modelyard, *arguments, cwd=tmp_path)
        assert run.returncode == 0, run.stderr
        try:
            async with asyncio.timeout(5):
                await socket.recv()
        except ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd else None
    return None


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_closes_open_sockets_and_ends_well(tmp_path: Path, number: signal.Signals) -> None:
    with running(tmp_path / "data") as server:
        last = asyncio.run(last_messages(server, number))
        assert server.process.wait(timeout=WAIT) == 0
        assert last == [1001]
        assert "Traceback" not in server.log.read_text()


async def last_messages(server: Running, number: signal.Signals) -> list[Any]:
    """What a subscriber hears when the server gets a signal: messages, then the close code."""
    heard: list[Any] = []
    async with connect(server.ws_url, subprotocols=[PROTOCOL]) as socket:
        await socket.send(json.dumps({"type": "connection_init"}))
        await socket.recv()
        query = {"query": "subscription{events{__typename}}"}
        await socket.send(json.dumps({"type": "subscribe", "id": "1", "payload": query}))
        await socket.send(json.dumps({"type": "ping"}))
        await socket.recv()
        server.process.send_signal(number)
        try:
            async with asyncio.timeout(WAIT):
                while True:
                    heard.append(json.loads(await socket.recv()))
        except ConnectionClosed as closed:
            heard.append(closed.rcvd.code if closed.rcvd else None)
    return heard


def test_what_was_written_is_there_after_a_restart(tmp_path: Path) -> None:
    mutation = 'mutation{createModelDeployment(input:{name:"a"}){deployment{name}}}'
    with running(tmp_path / "data") as server:
        assert ask(server, mutation).json()["data"]["createModelDeployment"]["deployment"]
    with running(tmp_path / "data") as server:
        found = ask(server, "{modelDeployments{edges{node{name}}}}").json()
    assert found["data"]["modelDeployments"]["edges"] == [{"node": {"name": "a"}}]


def test_a_role_that_is_none_is_one_line(tmp_path: Path) -> None:
    line = one_line(modelyard("key", "create", "a", "--project", "default:god", cwd=tmp_path))
    assert "PROJECT:ROLE" in line


def test_settings_are_listed_as_a_table_and_as_json() -> None:
    listed = CliRunner().invoke(cli.cli, ["settings"])
    assert "MODELYARD_MODEL_ROOTS" in listed.stdout
    rows = json.loads(CliRunner().invoke(cli.cli, ["settings", "--json"]).stdout)
    assert {"name", "type", "default", "meaning"} == set(rows[0])


def test_the_schema_is_checked_against_its_print(tmp_path: Path) -> None:
    file = tmp_path / "schema.graphql"
    printed = CliRunner().invoke(cli.cli, ["schema", "print"]).stdout
    file.write_text(printed)
    assert CliRunner().invoke(cli.cli, ["schema", "check", str(file)]).exit_code == 0
    file.write_text(printed.replace("type Query", "type Queries"))
    refused = CliRunner().invoke(cli.cli, ["schema", "check", str(file)])
    assert refused.exit_code == 1
    assert "(i) Queries: schema.graphql has it, the code lacks it." in refused.stdout
    assert "modelyard schema print" in refused.stdout


def test_the_version_is_told() -> None:
    assert CliRunner().invoke(cli.cli, ["--version"]).stdout.startswith("Modelyard ")
