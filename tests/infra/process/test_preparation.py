"""What a replica finds when it starts: its folder, its environment, what its pre-start actions did."""

import json
import os
import sys
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import pytest

from domain.definitions import actions
from domain.definitions.definition import PreStartAction
from domain.deployments.deployment import EnvironmentValue
from domain.deployments.ports import Sight
from domain.deployments.reason import Reason
from domain.errors import SealBroken, StorageUnavailable
from infra.process.preparation import local_path
from tests.support.builders import secrets_of
from tests.support.replicas import Bench, World, engine, folder_use, running, values, written

DUMP = (
    "import json,os,sys,pathlib,time;"
    "d=dict(env=dict(os.environ),cwd=os.getcwd(),argv=sys.argv[1:],stdin=sys.stdin.read());"
    "p=pathlib.Path(sys.argv[1]);p.with_suffix('.new').write_text(json.dumps(d));"
    "p.with_suffix('.new').rename(p);time.sleep(600)"
)
STANDARD_SIGNALS = 2**31 - 1  # the C library keeps the next two to itself


async def dumped(bench: Bench, file: Path, *words: str, **said: Any) -> dict[str, Any]:
    """What the replica's process finds: env, cwd, argv, stdin."""
    await bench.start(("python", "-c", DUMP, str(file), "{port}", *words), **said)
    found = json.loads(await written(file))
    assert isinstance(found, dict)
    return found


async def test_nothing_of_the_servers_environment_is_inherited_but_what_is_listed(
    world: World, tmp_path: Path
) -> None:
    world.environ = {
        "PATH": os.environ["PATH"],
        "HOME": "/home/me",
        "LANG": "C.UTF-8",
        "TMPDIR": "/tmp/mine",
        "CUDA_VISIBLE_DEVICES": "1",
        "HF_HOME": "/hf",
        "AWS_SECRET_ACCESS_KEY": "never",
        "MODELYARD_SECRET_KEY": "never",
        "PYTHONPATH": "/never",
    }
    inherit = ("HF_HOME", "MODELYARD_SECRET_KEY", "NOT_SET")
    async with running(world, inherit=inherit) as bench:
        own = values(GREETING="hello", PORT="1", MODELYARD_REPLICA="forged")
        found = await dumped(bench, tmp_path / "dump", environment=own)
        (replica_id,) = world.replicas.kept
    shells = {"PWD", "OLDPWD", "SHLVL", "_"}
    env = {name: value for name, value in found["env"].items() if name not in shells}
    port = found["argv"][1]
    assert env == {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": "/home/me",
        "LANG": "C.UTF-8",
        "TMPDIR": "/tmp/mine",
        "CUDA_VISIBLE_DEVICES": "1",
        "HF_HOME": "/hf",
        "GREETING": "hello",
        "PORT": port,
        "HOST": "127.0.0.1",
        "MODEL_PATH": str(world.model),
        "MODELYARD_REPLICA": f"{world.installation}:{replica_id}",
    }


async def test_a_process_runs_in_the_model_folder_and_reads_nothing(
    bench: Bench, tmp_path: Path
) -> None:
    found = await dumped(bench, tmp_path / "dump", "{model_path}", "{name}", "{host}")
    assert found["cwd"] == str(bench.world.model)
    assert found["argv"][2:] == [str(bench.world.model), "m", "127.0.0.1"]
    assert found["stdin"] == ""


async def test_without_a_model_folder_it_runs_in_an_empty_one_of_its_own(
    bench: Bench, tmp_path: Path
) -> None:
    found = await dumped(bench, tmp_path / "dump", folder=None)
    assert found["cwd"] == found["env"]["MODEL_PATH"]
    assert Path(found["cwd"]).is_relative_to(bench.world.data_dir)
    assert list(Path(found["cwd"]).iterdir()) == []


async def test_no_descriptor_of_the_servers_reaches_a_process(bench: Bench, tmp_path: Path) -> None:
    reader, leaked = os.pipe()
    os.set_inheritable(leaked, True)
    replica = await bench.start(engine())
    await bench.until(replica, Sight.HEALTHY)
    os.close(reader)
    os.close(leaked)
    (process,) = bench.members(replica)
    links = [os.readlink(f) for f in Path(f"/proc/{process.pid}/fd").iterdir()]
    files = {link for link in links if not link.startswith("socket:")}
    assert files == {os.devnull, str(bench.parts.log(replica.id).path)}
    assert len(links) == 4


@pytest.mark.parametrize(
    ("model_path", "local"),
    [
        ("/models", "/f"),
        ("/models/", "/f"),
        ("/models/llama/7b", "/f/llama/7b"),
        ("/models/../etc", "/models/../etc"),
        ("/models2", "/models2"),
        ("meta/llama", "meta/llama"),
    ],
)
def test_what_lies_below_the_mount_path_lies_in_the_local_folder(
    model_path: str, local: str
) -> None:
    assert local_path(model_path, "/models", Path("/f")) == local


async def test_a_folder_that_is_gone_fails_the_start(bench: Bench, tmp_path: Path) -> None:
    replica = await bench.start(engine(), folder=folder_use(tmp_path / "gone"))
    observed = await bench.until(replica, Sight.EXITED)
    assert observed.reason is Reason.FOLDER_UNREADABLE
    assert "there is no such folder" in observed.message


async def test_secrets_reach_the_process_and_nothing_that_is_written(
    bench: Bench, tmp_path: Path
) -> None:
    bench.world.secrets.values["hf-token"] = "hunter2"
    found = await dumped(bench, tmp_path / "dump", environment=secrets_of(HF_TOKEN="hf-token"))
    assert found["env"]["HF_TOKEN"] == "hunter2"
    files = [f for f in bench.world.data_dir.rglob("*") if f.is_file()]
    assert files
    assert not any(b"hunter2" in file.read_bytes() for file in files)


async def test_a_secret_that_is_gone_fails_the_start(bench: Bench) -> None:
    said: Mapping[str, EnvironmentValue] = secrets_of(HF_TOKEN="hf-token")
    replica = await bench.start(engine(), environment=said)
    observed = await bench.until(replica, Sight.EXITED)
    assert observed.reason is Reason.SECRET_NOT_FOUND
    assert "'hf-token'" in observed.message


class Refusing:
    """Secrets that can't be opened, as often as there are errors."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)

    async def open(self, project_id: str, names: Collection[str]) -> Mapping[str, str]:
        if self.errors:
            raise self.errors.pop(0)
        return {"hf-token": "x"}


async def test_a_secret_sealed_with_another_key_fails_the_start(world: World) -> None:
    world.secret_values = Refusing(SealBroken(problem="another key"))
    async with running(world) as bench:
        replica = await bench.start(engine(), environment=secrets_of(HF_TOKEN="hf-token"))
        observed = await bench.until(replica, Sight.EXITED)
    assert observed.reason is Reason.SECRET_UNREADABLE


async def test_a_database_that_is_away_is_waited_for(world: World) -> None:
    world.secret_values = Refusing(StorageUnavailable(where="the database", problem="away"))
    async with running(world) as bench:
        replica = await bench.start(engine(), environment=secrets_of(HF_TOKEN="hf-token"))
        await bench.until(replica, Sight.HEALTHY)


async def test_pre_start_actions_are_done_in_order(bench: Bench, tmp_path: Path) -> None:
    done = (
        {"action": "mkdir", "args": {"path": "deep/er"}},
        {"action": "write_file", "args": {"filename": "deep/er/f", "body": ["one", "two"]}},
        {
            "action": "write_file",
            "args": {"filename": "deep/er/f", "body": "three", "append": True, "mode": 600},
        },
        {
            "action": "write_tempfile",
            "args": {"body": "secret", "mode": "0400", "variable": "CONF"},
        },
        {"action": "run_command", "args": {"command": ["sh", "-c", "echo ran; cat $CONF >copy"]}},
        {"action": "run_command", "args": {"command": 'echo "$MODEL_PATH" >where', "echo": True}},
        {"action": "log", "args": {"message": "all is well"}},
    )
    found = await dumped(bench, tmp_path / "dump", pre_start_actions=done)
    model = bench.world.model
    assert (model / "deep/er/f").read_text() == "one\ntwo\nthree"
    assert (model / "deep/er/f").stat().st_mode & 0o777 == 0o600
    assert (model / "copy").read_text() == Path(found["env"]["CONF"]).read_text() == "secret"
    assert (model / "where").read_text() == f"{model}\n"
    (replica,) = bench.world.replicas.kept.values()
    log = await bench.log(replica)
    assert "ran" in log
    assert "modelyard: all is well" in log


@pytest.mark.parametrize(
    ("action", "args", "says"),
    [
        ("run_command", {"command": ["sh", "-c", "echo broken; exit 3"]}, "exit code 3"),
        ("run_command", {"command": ["no-such-command"]}, "exit code 127"),
        ("write_file", {"filename": "engine.py/f", "body": "x"}, "File exists"),
        ("write_file", {"filename": "f", "content": "x"}, "no argument 'content'"),
        ("write_file", {"filename": "f"}, "'body' is missing"),
        ("mkdir", {"path": 7}, "'path' has the wrong type"),
        ("write_file", {"filename": "f", "body": "x", "mode": "rw"}, "mode is octal"),
    ],
)
async def test_an_action_that_fails_ends_the_replica(
    bench: Bench, action: str, args: dict[str, Any], says: str
) -> None:
    done = ({"action": action, "args": args},)
    replica = await bench.start(engine(), pre_start_actions=done)
    observed = await bench.until(replica, Sight.EXITED)
    assert observed.reason is Reason.PRE_START_FAILED
    assert observed.message.startswith(f"pre-start action 1 of 1, {action}: ")
    assert says in observed.message
    assert says in "\n".join(observed.log_tail)


async def test_what_a_failing_command_wrote_is_told(bench: Bench) -> None:
    done = ({"action": "run_command", "args": {"command": "echo no disk left; exit 1"}},)
    replica = await bench.start(engine(), pre_start_actions=done)
    observed = await bench.until(replica, Sight.EXITED)
    assert "no disk left" in observed.log_tail


@pytest.mark.parametrize("mode", ["0", "9", "77777", "-1", True])
def test_a_mode_that_is_none_is_refused(mode: object) -> None:
    action = PreStartAction(action="write_tempfile", args={"body": "x", "mode": mode})
    assert actions.wrong(action)


async def test_a_process_gets_its_signals_as_if_it_were_started_by_hand(bench: Bench) -> None:
    """Python ignores SIGPIPE; what it starts must not."""
    replica = await bench.start("grep -E 'Sig(Blk|Ign)' /proc/self/status; exit 0")
    await bench.until(replica, Sight.EXITED)
    masks = [int(line.split()[1], 16) for line in await bench.logs.tail(replica, 2)]
    assert [mask & STANDARD_SIGNALS for mask in masks] == [0, 0]
