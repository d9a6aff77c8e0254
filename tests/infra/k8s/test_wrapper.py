"""Pre-start actions in a container, done by a real shell, and by the process driver beside it."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.definitions.definition import PreStartAction
from domain.deployments.reason import Reason
from infra.k8s.manifests.expansion import literal
from infra.k8s.manifests.refusal import CantStart
from infra.k8s.manifests.wrapper import FAILED, wrapped
from infra.process import machine
from infra.process.actions import ActionFailed, Stage, perform
from infra.process.log_file import LogFile
from tests.support.k8s import expanded

SHELLS = [each for each in ("/bin/dash", "/bin/bash", "/bin/busybox") if os.path.exists(each)]
HOSTILE = [
    "it's",
    'say "x"',
    "-rf",
    "--",
    "a b\tc",
    "line\nbreak",
    "$HOME $(touch pwned) `touch pwned`",
    "$$(x) $$ $é",
    "\\n\\\\ %s %d",
    "größe 🚀",
    "; touch pwned;",
    "*",
]
DUMP = (
    "import json,os,sys;"
    "json.dump(dict(argv=sys.argv[2:],env=dict(os.environ)),open(sys.argv[1],'w'))"
)
SHELLS_OWN = {"PWD", "OLDPWD", "SHLVL", "_", "LC_CTYPE"}


def action(name: str, **args: Any) -> PreStartAction:
    return PreStartAction.model_validate({"action": name, "args": args})


def tree(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Each file beneath it, and each folder as a file with no content, with its mode."""
    return {
        each.relative_to(folder).as_posix(): (
            each.read_bytes() if each.is_file() else b"",
            each.stat().st_mode & 0o7777 if each.is_file() else 0,
        )
        for each in folder.rglob("*")
    }


class Ran:
    """What a container's shell did: in `work`, with temporary files in `own`."""

    def __init__(self, place: Path, actions: Sequence[PreStartAction], *words: str) -> None:
        self.work, own, out = place / "work", place / "own", place / "out"
        for folder in (self.work, own):
            folder.mkdir(parents=True)
        engine = [sys.executable, "-c", DUMP, str(out), *words]
        rendered = [literal(each) for each in wrapped_for(actions, engine)]
        self.done = subprocess.run(
            [expanded(each, HOME="kubelet", PORT="kubelet") for each in rendered],
            cwd=self.work,
            env={"PATH": os.environ["PATH"], "TMPDIR": str(own)},
            capture_output=True,
            text=True,
            check=False,
        )
        self.started = out.exists()
        self.engine: dict[str, Any] = json.loads(out.read_text()) if self.started else {}

    @property
    def environment(self) -> Mapping[str, str]:
        return {k: v for k, v in self.engine["env"].items() if k not in SHELLS_OWN}


def wrapped_for(
    actions: Sequence[PreStartAction], argv: Sequence[str] | None, **said: Any
) -> list[str]:
    places = {"folder": None, "sealed": None, **said}
    return wrapped("m", actions, argv, "/bin/sh", **places)


async def performed(place: Path, actions: Sequence[PreStartAction]) -> Stage:
    """The same, as where replicas are processes."""
    work, own = place / "work", place / "own"
    for folder in (work, own):
        folder.mkdir(parents=True)
    stage = Stage(
        folder=work,
        own=own,
        environment={"PATH": os.environ["PATH"], "TMPDIR": str(own)},
        shell="/bin/sh",
        log=LogFile(own, 1 << 20, 1),
        processes=machine.processes(),
    )
    await perform(actions, stage)
    return stage


async def test_all_actions_do_what_they_do_where_replicas_are_processes(tmp_path: Path) -> None:
    actions = [
        action("mkdir", path="deep/er"),
        action("mkdir", path="deep/er"),
        action("write_file", filename="deep/er/f", body=["one", 2, "three"]),
        action("write_file", filename="deep/er/f", body="four", append=True, mode=600),
        action("write_file", filename="new/g", body="first", mode="0o755"),
        action("write_file", filename="new/g", body="then"),
        action("write_tempfile", body="secret", mode="0400", variable="CONF"),
        action("write_tempfile", body=["of nobody"]),
        action("run_command", command='cat "$CONF" >copy; echo "$0" >zero', echo=True),
        action("run_command", command=["sh", "-c", 'printf "%s|" "$@" >words', "sh", "a b", 7]),
        action("log", message="all is $well", debug=True),
    ]
    ran = Ran(tmp_path / "pod", actions, "a b", "$x")
    stage = await performed(tmp_path / "process", actions)
    assert ran.done.returncode == 0, ran.done.stderr
    assert tree(ran.work) == tree(stage.folder)
    assert (ran.work / "copy").read_text() == "secret"
    assert ran.engine["argv"] == ["a b", "$x"]
    for file in (ran.environment["CONF"], stage.environment["CONF"]):
        assert (Path(file).read_text(), Path(file).stat().st_mode & 0o777) == ("secret", 0o400)
    assert set(ran.environment) == set(stage.environment)
    assert "modelyard: all is $well\n" in ran.done.stdout
    assert "modelyard: pre-start action 1 of 11, mkdir\n" in ran.done.stdout


@pytest.mark.parametrize("text", HOSTILE)
async def test_no_text_is_read_as_a_script(tmp_path: Path, text: str) -> None:
    actions = [
        action("mkdir", path=f"d/{text}"),
        action("write_file", filename=text, body=text),
        action("write_file", filename=f"{text}/under" if "/" in text else f"u/{text}", body=[text]),
        action("write_tempfile", body=text, variable="CONF"),
        action("run_command", command=["sh", "-c", 'printf %s "$1" >said', "sh", text]),
        action("log", message=text),
    ]
    ran = Ran(tmp_path / "pod", actions, text)
    stage = await performed(tmp_path / "process", actions)
    assert ran.done.returncode == 0, ran.done.stderr
    assert tree(ran.work) == tree(stage.folder)
    assert not list(tmp_path.rglob("pwned"))
    assert ran.engine["argv"] == [text]
    assert Path(ran.environment["CONF"]).read_text() == text
    assert f"modelyard: {text}\n" in ran.done.stdout


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=40))
@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_text_arrives_as_it_is(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    body = action("write_file", filename="f", body=text or "x")
    ran = Ran(tmp_path_factory.mktemp("any"), [body], text)
    assert ran.engine["argv"] == [text]
    assert (ran.work / "f").read_bytes() == (text or "x").encode()


@given(st.text(st.sampled_from("$()aé{ "), max_size=12))
def test_the_kubelet_expands_nothing(text: str) -> None:
    assert expanded(literal(text), a="expanded") == text


def test_the_kubelet_would_have_expanded_it() -> None:
    assert expanded("$(a) $$ $é", a="x") == "x $ $Ã\ufffd"


@pytest.mark.parametrize("size", [200_000, 700_000])
def test_a_long_text_is_passed_in_pieces(tmp_path: Path, size: int) -> None:
    text = ("größe$" * (size // 6 + 1))[:size]
    ran = Ran(tmp_path, [action("write_file", filename="f", body=text)])
    assert ran.done.returncode == 0
    assert (ran.work / "f").read_text() == text


@pytest.mark.parametrize(
    ("name", "args", "says"),
    [
        ("run_command", {"command": ["sh", "-c", "echo broken; exit 3"]}, "exit code 3"),
        ("run_command", {"command": "exit 4"}, "exit code 4"),
        ("run_command", {"command": ["no-such-command"]}, "exit code 127"),
        ("write_file", {"filename": "taken/f", "body": "x"}, "can't be"),
        ("write_file", {"filename": "folder", "body": "x"}, "can't be written"),
        ("mkdir", {"path": "taken"}, "can't be made"),
    ],
)
async def test_an_action_that_fails_ends_the_container_in_words(
    tmp_path: Path, name: str, args: dict[str, Any], says: str
) -> None:
    actions = [
        action("write_file", filename="taken", body="x"),
        action("mkdir", path="folder"),
        action(name, **args),
        action("write_file", filename="after", body="x"),
    ]
    ran = Ran(tmp_path / "pod", actions)
    assert (ran.done.returncode, ran.started) == (FAILED, False)
    last = ran.done.stdout.splitlines()[-1]
    assert last.startswith(f"modelyard: pre-start action 3 of 4, {name}: ")
    assert says in last
    with pytest.raises(ActionFailed):
        await performed(tmp_path / "process", actions)
    assert set(tree(ran.work)) == set(tree(tmp_path / "process/work")) == {"taken", "folder"}


@pytest.mark.parametrize(
    ("name", "args", "says"),
    [
        ("write_file", {"filename": "f", "content": "x"}, "no argument 'content'"),
        ("write_file", {"filename": "f"}, "'body' is missing"),
        ("mkdir", {"path": 7}, "'path' has the wrong type"),
        ("write_file", {"filename": "f", "body": "x", "mode": "rw"}, "mode is octal"),
        ("write_tempfile", {"body": "x", "variable": "a b"}, "no name of a variable"),
        ("write_tempfile", {"body": "x", "variable": "X=$(y)"}, "no name of a variable"),
        ("write_file", {"filename": "deep/../f", "body": "x"}, "/models/f is in the model folder"),
        ("write_file", {"filename": "/models/f", "body": "x"}, "write it to /tmp"),
    ],
)
def test_an_action_that_can_not_be_is_refused_before(
    name: str, args: dict[str, Any], says: str
) -> None:
    with pytest.raises(CantStart) as refused:
        wrapped_for([action(name, **args)], ["x"], folder="/models", sealed="/models")
    assert refused.value.reason is Reason.PRE_START_FAILED
    assert refused.value.message.startswith(f"m: pre-start action 1 of 1, {name}: ")
    assert says in refused.value.message


@pytest.mark.parametrize("filename", ["/tmp/f", "/models2/f", "../f"])
def test_what_lies_elsewhere_may_be_written(filename: str) -> None:
    done = [action("write_file", filename=filename, body="x")]
    assert wrapped_for(done, ["x"], folder="/models", sealed="/models")[-1] == "x"


def test_actions_before_an_images_own_command_are_refused() -> None:
    with pytest.raises(CantStart, match="give a start command") as refused:
        wrapped_for([action("log", message="x")], None)
    assert refused.value.reason is Reason.START_FAILED


@pytest.mark.parametrize("shell", SHELLS)
def test_any_shell_of_an_image_can_do_it(tmp_path: Path, shell: str) -> None:
    actions = [
        action("write_file", filename="a/b", body="x", mode=600),
        action("write_tempfile", body="y", variable="CONF"),
        action("run_command", command=["sh", "-c", 'cat "$CONF" >c']),
    ]
    argv = wrapped_for(actions, ["sh", "-c", 'printf %s "$1" >d', "sh", "last"])
    start = [shell, "sh"] if shell.endswith("busybox") else [shell]
    env = {"PATH": os.environ["PATH"], "TMPDIR": str(tmp_path)}
    subprocess.run([*start, *argv[1:]], cwd=tmp_path, env=env, check=True, capture_output=True)
    assert {each: (tmp_path / each).read_text() for each in ("a/b", "c", "d")} == {
        "a/b": "x",
        "c": "y",
        "d": "last",
    }
