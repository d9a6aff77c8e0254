"""What commands say when something is wrong: one line on standard error, and an exit code."""

import os
import socket
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from graphql import GraphQLError

from tests.support.answers import a_deployment
from tests.support.scripted import scripted, serving
from tests.support.server import modelyard


def one_line(ran: Any, code: int = 1) -> str:
    assert (ran.returncode, ran.stdout) == (code, ""), ran.stderr
    (line,) = ran.stderr.splitlines()
    assert line.startswith("modelyard: ")
    return str(line)


def page(*nodes: Any) -> dict[str, Any]:
    return {"nodes": nodes, "pageInfo": {"hasNextPage": False}}


def test_a_server_that_is_not_there_is_said_and_how_to_start_it(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    line = one_line(modelyard("ls", "--server", f"http://127.0.0.1:{port}", cwd=tmp_path))
    assert f"No server answers at http://127.0.0.1:{port} (Connection refused)" in line
    assert "modelyard serve" in line


def test_a_server_that_hangs_up_is_said(tmp_path: Path) -> None:
    async def hang_up(request: web.Request) -> web.Response:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    app = web.Application()
    app.router.add_post("/graphql", hang_up)
    with serving(app) as url:
        assert "may have been done" in one_line(modelyard("ls", "--server", url, cwd=tmp_path))


def test_what_is_no_modelyard_server_is_said(tmp_path: Path) -> None:
    with serving(web.Application()) as url:
        line = one_line(modelyard("ls", "--server", url, cwd=tmp_path))
    assert "is no Modelyard server (HTTP 404, no JSON)" in line


@pytest.mark.parametrize("url", ["localhost:8400", "ftp://x", "http://", "http://x:port"])
def test_what_is_no_address_is_said(tmp_path: Path, url: str) -> None:
    assert "write http://HOST:PORT" in one_line(modelyard("ls", "--server", url, cwd=tmp_path))


def test_an_error_of_the_servers_shows_its_code_and_what_mends_it(tmp_path: Path) -> None:
    def closed(info: Any, **said: Any) -> Any:
        raise GraphQLError("Send a valid API key.", extensions={"code": "UNAUTHENTICATED"})

    with scripted({"modelDeployments": closed}) as server:
        line = one_line(modelyard("ls", "--server", server.url, cwd=tmp_path))
    assert "UNAUTHENTICATED: Send a valid API key. Give a key with --key" in line


def test_user_errors_show_code_message_and_path(tmp_path: Path) -> None:
    errors = [
        {"__typename": "InputError", "code": "INVALID_VALUE", "message": "Bad.", "path": ["input", "name"]},
        {"__typename": "InputError", "code": "FIXED_PORT", "message": "Only one.", "path": []},
    ]  # fmt: skip
    there = {"modelDeployments": page(), "createModelDeployment": {"userErrors": errors}}
    with scripted({**there, "eventCursor": "c"}) as server:
        ran = modelyard(
            "deploy", "--variant", "echo", "--name", "Chat", "--server", server.url, cwd=tmp_path
        )
    line = one_line(ran)
    assert line == "modelyard: INVALID_VALUE: Bad. (at input.name) FIXED_PORT: Only one."


def test_a_deployment_that_is_not_there_is_said(tmp_path: Path) -> None:
    with scripted({"modelDeployments": page(), "eventCursor": "c"}) as server:
        ran = modelyard("describe", "chat", "--server", server.url, cwd=tmp_path)
    assert "There is no deployment 'chat' here." in one_line(ran)


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ([], "Say what to run"),
        (["nowhere"], "There is no folder 'nowhere' here"),
        (["--variant", "vlm"], "vlm"),
        (["--variant", "echo", "--env", "A"], "'A' is not NAME=VALUE"),
        (["--variant", "echo", "--env", "A=1", "--secret", "A=s"], "A has a value"),
        (["--variant", "echo", "--template", "a:b"], "NAME:VERSION"),
        (["--variant", "echo", "--definition-path", "m.yaml"], "It goes with a FOLDER"),
        (["--variant", "echo", "--command", "[1]"], "A list must be of strings"),
        (["--variant", "echo", "--progress-deadline", "soon"], "no length of time"),
        (["--variant", "echo", "--strategy", "canary"], "A canary needs at least one"),
        (["--variant", "echo", "--strategy", "rolling", "--step", "5"], "--strategy canary"),
        (["--variant", "echo", "--step", "half"], "not PERCENT"),
        (["--variant", "echo", "--max-surge", "1", "--step", "5"], "It goes with --strategy"),
    ],
)
def test_wrong_usage_is_exit_code_2_and_asks_no_server(
    tmp_path: Path, said: list[str], problem: str
) -> None:
    ran = modelyard("deploy", "--name", "chat", *said, cwd=tmp_path)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert problem in " ".join(ran.stderr.split())


def complete(words: str, cwd: Path, **env: str) -> list[str]:
    said = {"_MODELYARD_COMPLETE": "complete_bash", "COMP_WORDS": words, **env}
    said["COMP_CWORD"] = str(len(words.split(" ")) - 1)
    ran = modelyard(env=said, cwd=cwd)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.split()


def test_the_shell_completes_names_from_the_server(tmp_path: Path) -> None:
    nodes = page(a_deployment(), a_deployment(name="chat-2"))
    with scripted({"modelDeployments": nodes}) as server:
        assert complete(f"modelyard scale --server {server.url} ch", tmp_path) == ["chat", "chat-2"]
        found = complete("modelyard events ch", tmp_path, MODELYARD_SERVER=server.url)
        assert found == ["chat", "chat-2"]
    wanted = {"name": {"startsWith": "ch"}, "status": {"ne": "STOPPED"}}
    assert server.said("Names")[0] == {"filter": wanted}


def test_completion_without_a_server_is_empty_and_silent(tmp_path: Path) -> None:
    nobody = "http://127.0.0.1:1"
    assert complete("modelyard rm ", tmp_path, MODELYARD_SERVER=nobody) == []


def test_a_server_starts_where_a_clients_variables_are_set(tmp_path: Path) -> None:
    env = {"MODELYARD_SERVER": "http://x", "MODELYARD_API_KEY": "k", "MODELYARD_PROJECT": "p"}
    ran = modelyard("migrate", env=env, cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    assert os.listdir(tmp_path) == [".modelyard"]
