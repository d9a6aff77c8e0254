"""The Job of a batch, as it is rendered for clusters with native sidecars and without."""

import asyncio
import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from domain.batches.sending import pace
from domain.batches.sending.execution import ANSWER_LIMIT
from infra.k8s.manifests import names
from infra.k8s.manifests.job import EARLY, WATCHED, Work, job, token_secret
from infra.k8s.manifests.refusal import CantStart
from infra.k8s.quantities import amount
from infra.k8s.settings import KubernetesSettings
from tests.support import typed
from tests.support.k8s import a_group, a_model, a_pods_revision, expanded, folder_at
from tests.support.k8s import kubernetes_settings as settings

WORK = Work(batch_id="b" * 32, server="http://modelyard:8470", seconds=600)
OLD, NEW = (1, 20), (1, 29)


def given(version: tuple[int, int] = OLD, **said: Any) -> KubernetesSettings:
    return settings(version=version, image="localhost/modelyard:1", **said)


def pod_of(made: Any) -> Any:
    return made["spec"]["template"]["spec"]


@pytest.mark.parametrize("version", [OLD, NEW])
def test_a_job_is_a_work_queue_without_pods_yet(version: tuple[int, int]) -> None:
    group = a_group(a_pods_revision(folder=folder_at("s3://weights/llama")))
    made = job(group, WORK, given(version))
    typed.check(made)
    spec = made["spec"]
    assert (spec["parallelism"], spec["activeDeadlineSeconds"]) == (0, 600)
    assert "completions" not in spec
    assert spec["backoffLimit"] >= 1_000_000
    assert pod_of(made)["restartPolicy"] == "OnFailure"
    for each in (made, spec["template"]):
        assert each["metadata"]["labels"][names.BATCH] == WORK.batch_id
        assert each["metadata"]["labels"][names.DEPLOYMENT_ID] == group.deployment.id


def test_before_sidecars_a_shell_ends_each_engine_with_the_work() -> None:
    revision = a_pods_revision(a_model("m"), a_model("n", port=8001))
    made = job(a_group(revision), WORK, given(OLD))
    *engines, worker = pod_of(made)["containers"]
    assert [each["name"] for each in engines] == ["model-0", "model-1"]
    for engine in engines:
        assert engine["command"][:2] == ["/bin/sh", "-c"]
        assert engine["command"][-1] in ("8000", "8001")
        assert "lifecycle" not in engine
        assert {"name": "work", "emptyDir": {}} in pod_of(made)["volumes"]
        assert engine["volumeMounts"][-1]["mountPath"] == "/modelyard-work"
    assert worker["command"][-2:] == ["--done", "/modelyard-work/done"]
    memory = worker["resources"]["limits"]["memory"]
    assert (amount(memory) or 0) > pace.START * ANSWER_LIMIT, "their size is not known yet"


def test_from_sidecars_on_the_kubelet_ends_them() -> None:
    revision = a_pods_revision(folder=folder_at("s3://weights/llama"))
    made = pod_of(job(a_group(revision), WORK, given(NEW)))
    fetching, engine = made["initContainers"]
    assert (fetching["name"], engine["name"]) == ("fetch", "model-0")
    assert engine["restartPolicy"] == "Always"
    assert engine["command"][0] == "serve"
    [worker] = made["containers"]
    assert "--done" not in worker["command"]


def test_what_an_image_starts_by_itself_can_be_run_by_sidecars_alone() -> None:
    group = a_group(a_pods_revision(a_model(start_command=None)))
    with pytest.raises(CantStart, match="name its command"):
        job(group, WORK, given(OLD))
    assert "command" not in pod_of(job(group, WORK, given(NEW)))["initContainers"][0]


def test_a_job_needs_modelyards_image() -> None:
    with pytest.raises(CantStart, match="MODELYARD_KUBERNETES_IMAGE"):
        job(a_group(), WORK, settings())


def test_the_worker_is_told_where_its_engine_is_and_as_what_it_answers() -> None:
    revision = a_pods_revision(a_model("llama", port=9_000))
    group = a_group(revision)
    group = replace(group, deployment=replace(group.deployment, max_in_flight=7))
    worker = pod_of(job(group, WORK, given()))["containers"][-1]
    words = worker["command"]
    said = dict(zip(words[3::2], words[4::2], strict=True))
    assert said["--name"] == "$(POD_NAME)"
    assert said["--engine"] == "http://127.0.0.1:9000"
    assert said["--model"] == "llama"
    assert said["--revision"] == str(revision.number)
    assert said["--most"] == "7"
    assert said["--batch"] == WORK.batch_id
    assert said["--server"] == WORK.server
    assert not any("postgres" in str(each) for each in worker["env"])


def test_the_token_is_the_jobs_and_goes_with_it() -> None:
    rendered = job(a_group(), WORK, given())
    own = rendered["metadata"]
    marked = {**own["labels"], names.MADE: "true", names.TOKEN_SINCE: "1"}
    owner = {**rendered, "metadata": {**own, "uid": "u-1", "labels": marked}}
    made = token_secret("mybw_x", owner)
    typed.check(made)
    assert made["metadata"]["labels"] == own["labels"]
    [reference] = made["metadata"]["ownerReferences"]
    assert (reference["kind"], reference["uid"]) == ("Job", "u-1")
    assert made["metadata"]["name"] == pod_of(rendered)["volumes"][0]["secret"]["secretName"]


async def watched(folder: Path, shell: str, engine: str, grace: int = 2) -> Any:
    script = WATCHED.format(done=folder / "done", early=EARLY)
    command = [shell, "-c", expanded(script), "modelyard", str(grace), shell, "-c", engine]
    return await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, cwd=folder
    )


SHELLS = [shell for shell in ("sh", "dash", "bash") if shutil.which(shell)]


@pytest.mark.parametrize("shell", SHELLS)
async def test_an_engine_ends_well_when_the_work_is_done(tmp_path: Path, shell: str) -> None:
    process = await watched(tmp_path, shell, "echo up; while :; do sleep 0.1; done")
    assert await process.stdout.readline() == b"up\n"
    (tmp_path / "done").write_text("done\n")
    async with asyncio.timeout(10):
        assert await process.wait() == 0


@pytest.mark.parametrize("shell", SHELLS)
async def test_an_engine_that_will_not_end_is_killed(tmp_path: Path, shell: str) -> None:
    stubborn = "trap '' TERM; echo $$; while :; do sleep 0.1; done"
    process = await watched(tmp_path, shell, stubborn, grace=1)
    pid = int(await process.stdout.readline())
    (tmp_path / "done").write_text("done\n")
    async with asyncio.timeout(10):
        assert await process.wait() == 0
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


@pytest.mark.parametrize("shell", SHELLS)
async def test_an_engine_that_fails_does_so_with_its_own_code(tmp_path: Path, shell: str) -> None:
    process = await watched(tmp_path, shell, "exit 7")
    async with asyncio.timeout(10):
        assert await process.wait() == 7


@pytest.mark.parametrize("shell", SHELLS)
async def test_an_engine_that_ends_well_before_the_work_does_is_started_again(
    tmp_path: Path, shell: str
) -> None:
    """What ends with 0 the kubelet leaves so, and a worker without its engine waits for ever."""
    process = await watched(tmp_path, shell, "exit 0")
    async with asyncio.timeout(10):
        assert await process.wait() == EARLY


@pytest.mark.parametrize("shell", SHELLS)
async def test_an_end_that_is_asked_for_reaches_the_engine(tmp_path: Path, shell: str) -> None:
    process = await watched(
        tmp_path, shell, "trap 'exit 9' TERM; echo up; while :; do sleep 0.1; done"
    )
    assert await process.stdout.readline() == b"up\n"
    process.terminate()
    async with asyncio.timeout(10):
        assert await process.wait() == 9
