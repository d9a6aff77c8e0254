"""`modelyard batch …`, against a server that answers as a test has written."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from domain.batches.batch import BatchStatus, TargetKind
from infra.commands import batch_options
from tests.support.answers import done, ok, page, run
from tests.support.batch_answers import Files, a_final_job, a_job
from tests.support.forks import forks
from tests.support.scripted import DROP, GO_AWAY, scripted
from tests.support.server import START_SECONDS, environment

CHAT = "/v1/chat/completions"
BODY = {"model": "gpt", "messages": [{"role": "user", "content": "hi"}]}
LINE = {"custom_id": "a", "method": "POST", "url": CHAT, "body": BODY}
WRONG = {"code": "invalid_body", "message": "No messages.", "param": "body", "line": 3}
PREVIEWED = {
    "userErrors": [],
    "total": 4,
    "model": "chat",
    "errors": [],
    "target": "DEPLOYMENT",
    "targetReason": "It serves the model.",
    "revisionNumber": None,
    "deployment": {"name": "chat"},
    "externalEndpoint": None,
    "template": None,
}


def a_file(folder: Path, *lines: object, name: str = "in.jsonl") -> str:
    texts = [each if isinstance(each, str) else json.dumps(each) for each in lines or (LINE,)]
    (folder / name).write_text("".join(f"{text}\n" for text in texts))
    return name


def there(**more: Any) -> dict[str, Any]:
    return {"createBatchJob": done(batchJob=a_job()), "batchJob": a_job(), **more}


def sent(files: Files) -> list[Any]:
    """The lines of the only upload."""
    [upload] = files.uploads
    return [json.loads(line) for line in upload["file"].splitlines() if line.strip()]


def test_a_file_runs_and_its_results_are_saved(tmp_path: Path) -> None:
    progress = [[a_job(status="VALIDATING"), a_job(done=2), a_final_job()]]
    files = Files(contents={"file-out": b'{"custom_id": "a"}\n'})
    name = a_file(tmp_path)
    with scripted(there(), files, batchJobProgress=progress) as server:
        ran = run(server, "batch", "run", name, "-o", "out.jsonl", cwd=tmp_path)
    assert ok(ran) == ""
    assert (tmp_path / "out.jsonl").read_bytes() == b'{"custom_id": "a"}\n'
    assert sorted(os.listdir(tmp_path)) == ["in.jsonl", "out.jsonl"]
    told = ran.stderr.splitlines()
    assert told[0] == "batch_1 runs in.jsonl."
    assert told[1:3] == ["VALIDATING 0/4", told[2]]
    assert told[2].startswith("IN_PROGRESS 2/4")
    assert told[-2:] == [
        "COMPLETED: 4 of 4 lines have a result.",
        "Results are in out.jsonl.",
    ]
    [upload] = files.uploads
    assert upload["file"] == (tmp_path / name).read_bytes()
    assert (upload["purpose"], upload["filename"]) == (b"batch", "in.jsonl")
    assert upload["length"] is not None
    [said] = server.said("CreateBatchJob")
    assert said["input"].pop("idempotencyKey")
    wanted = {"inputFileId": "file-1", "endpoint": CHAT, "completionWindow": "24h"}
    assert said["input"] == wanted


def test_what_the_options_say_is_asked_for(tmp_path: Path) -> None:
    with scripted(there(), Files(), batchJobProgress=[[a_final_job()]]) as server:
        ok(
            run(
                server, "batch", "run", a_file(tmp_path), "--window", "2d", "--target", "dedicated",
                "--template", "llama:3", "--profile", "nightly", "--priority", "7", "--replicas", "2",
                "--keep-alive", "15m", "--max-concurrency", "9", "--request-timeout", "30s",
                "--metadata", "team=search", cwd=tmp_path,
            )
        )  # fmt: skip
        said = server.said("CreateBatchJob")[0]["input"]
    del said["idempotencyKey"]
    assert said == {
        "inputFileId": "file-1",
        "endpoint": CHAT,
        "completionWindow": "2d",
        "target": "DEDICATED",
        "template": {"name": "llama", "version": 3},
        "profile": "nightly",
        "priority": 7,
        "replicas": 2,
        "keepAlive": 900.0,
        "maxConcurrency": 9,
        "requestTimeout": 30.0,
        "metadata": [{"key": "team", "value": "search"}],
    }


def test_a_model_takes_the_place_of_every_lines_own(tmp_path: Path) -> None:
    other = {**LINE, "custom_id": "b", "body": {"messages": []}}
    name, files = a_file(tmp_path, "", LINE, "{broken", other), Files()
    with scripted(there(), files, batchJobProgress=[[a_final_job()]]) as server:
        ok(run(server, "batch", "run", name, "--model", "chat@2", cwd=tmp_path))
    [upload] = files.uploads
    lines = upload["file"].split(b"\n")
    assert (lines[0], lines[2]) == (b"", b"{broken")
    assert json.loads(lines[1]) == {**LINE, "body": {**BODY, "model": "chat@2"}}
    assert json.loads(lines[3]) == {**other, "body": {"messages": [], "model": "chat@2"}}


def test_bare_bodies_are_wrapped_and_keep_their_lines(tmp_path: Path) -> None:
    name, files = a_file(tmp_path, "", BODY, LINE, BODY), Files()
    with scripted(there(), files, batchJobProgress=[[a_final_job()]]) as server:
        ok(run(server, "batch", "run", name, cwd=tmp_path))
    wrapped = {"method": "POST", "url": CHAT, "body": BODY}
    assert sent(files) == [
        {"custom_id": "line-2", **wrapped},
        LINE,
        {"custom_id": "line-4", **wrapped},
    ]


def test_errors_are_saved_beside_the_results_and_fail_the_command(tmp_path: Path) -> None:
    counts = {"total": 4, "completed": 3, "failed": 1}
    ended = a_final_job(counts=counts, errorFile={"id": "e", "openaiId": "file-err"})
    files = Files(contents={"file-out": b"good\n", "file-err": b"bad\n"})
    with scripted(there(), files, batchJobProgress=[[ended]]) as server:
        ran = run(server, "batch", "run", a_file(tmp_path), "-o", "out.jsonl", cwd=tmp_path)
    assert (ran.returncode, ran.stdout) == (1, "")
    assert (tmp_path / "out.jsonl").read_text() == "good\n"
    assert (tmp_path / "out.errors.jsonl").read_text() == "bad\n"
    assert "3 of 4 lines have a result, 1 an error." in ran.stderr


def test_a_job_that_fails_says_why_line_by_line(tmp_path: Path) -> None:
    failed = a_job(
        status="FAILED", reason="INPUT_REFUSED", message="It was refused.", errors=[WRONG]
    )
    with scripted(there(), Files(), batchJobProgress=[[failed]]) as server:
        ran = run(server, "batch", "run", a_file(tmp_path), "--json", cwd=tmp_path)
    assert ran.returncode == 1
    assert json.loads(ran.stdout)["errors"] == [WRONG]
    assert "  line 3: invalid_body: No messages." in ran.stderr


@pytest.mark.parametrize("end", [DROP, GO_AWAY])
def test_a_server_that_restarts_is_found_again(tmp_path: Path, end: Any) -> None:
    progress = [[a_job(done=1), end], [a_job(done=3), end], [a_final_job()]]
    files = Files(contents={"file-out": b"x\n"})
    with scripted(there(), files, batchJobProgress=progress) as server:
        ran = run(server, "batch", "run", a_file(tmp_path), "-o", "-", cwd=tmp_path)
    assert ok(ran) == "x\n"
    assert "Connected again." in ran.stderr
    assert len(server.said("BatchJobProgress")) == 3


def test_an_upload_or_a_download_that_is_cut_is_done_again(tmp_path: Path) -> None:
    files = Files(contents={"file-out": b"x\n"}, hang_ups=1)
    with scripted(there(), files, batchJobProgress=[[a_final_job()]] * 3) as server:
        ran = run(server, "batch", "run", a_file(tmp_path), "-o", "out", cwd=tmp_path)
        ok(ran)
        assert len(files.uploads) == 2
        files.hang_ups = 1
        ok(run(server, "batch", "results", "batch_1", "-o", "out", "-f", cwd=tmp_path))
    assert "uploading again" in ran.stderr
    assert (tmp_path / "out").read_text() == "x\n"


def test_a_detached_run_prints_the_id_alone(tmp_path: Path) -> None:
    with scripted(there(), Files()) as server:
        assert ok(run(server, "batch", "run", a_file(tmp_path), "-d", cwd=tmp_path)) == "batch_1\n"


def test_a_job_that_is_refused_leaves_no_file(tmp_path: Path) -> None:
    error = {"__typename": "InputError", "code": "INVALID_VALUE", "message": "Too long.",
             "path": ["input", "completionWindow"]}  # fmt: skip
    files = Files()
    with scripted(there(createBatchJob={"userErrors": [error]}), files) as server:
        ran = run(server, "batch", "run", a_file(tmp_path), cwd=tmp_path)
    assert (ran.returncode, files.deleted) == (1, ["file-1"])
    assert "INVALID_VALUE: Too long. (at input.completionWindow)" in ran.stderr


def test_an_upload_that_is_refused_says_why(tmp_path: Path) -> None:
    files = Files(refusals=[(413, "file_too_large", "It has more than 512 MB.")])
    with scripted(there(), files) as server:
        ran = run(server, "batch", "run", a_file(tmp_path), cwd=tmp_path)
    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr == "modelyard: FILE_TOO_LARGE: It has more than 512 MB.\n"


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        (["nowhere.jsonl"], "does not exist"),
        (["bare.jsonl"], "say it, e.g. /v1/embeddings"),
        (["in.jsonl", "--metadata", "x"], "NAME=VALUE"),
        (["in.jsonl", "--keep-alive", "soon"], "no length of time"),
        (["in.jsonl", "--template", "a:b"], "NAME:VERSION"),
        (["in.jsonl", "--priority", "11"], "less than or equal to 10"),
        (["in.jsonl", "--target", "moon"], "is not one of"),
        (["in.jsonl", "-o", "nowhere/out"], "There is no folder 'nowhere'"),
        (["in.jsonl", "--errors", "nowhere/out"], "There is no folder 'nowhere'"),
        (["in.jsonl", "-o", "."], "is a directory"),
        (["in.jsonl", "-o", "out", "--errors", "../%/out"], "Results go there already"),
    ],
)
def test_wrong_usage_is_exit_code_2_and_asks_no_server(
    tmp_path: Path, said: list[str], problem: str
) -> None:
    a_file(tmp_path)
    a_file(tmp_path, {"input": "x"}, name="bare.jsonl")
    said = [each.replace("%", tmp_path.name) for each in said]
    with scripted(files=Files()) as server:
        ran = run(server, "batch", "run", *said, cwd=tmp_path)
        assert server.asked == []
    assert (ran.returncode, ran.stdout) == (2, "")
    assert problem in " ".join(ran.stderr.replace("│", " ").split())


def test_what_options_take_is_what_the_api_has() -> None:
    assert [each.name for each in batch_options.Target] == [each.name for each in TargetKind]
    assert {each.name for each in batch_options.Status} == {each.name for each in BatchStatus}


def test_results_go_into_a_pipe_and_behind_a_link_and_replace_neither(tmp_path: Path) -> None:
    pipe, link = tmp_path / "pipe", tmp_path / "link"
    os.mkfifo(pipe)
    link.symlink_to("out.jsonl")
    files = Files(contents={"file-out": b"x\n"})
    end = os.open(pipe, os.O_RDWR)  # neither side waits for the other then
    try:
        with scripted(there(), files, batchJobProgress=[[a_final_job()]] * 2) as server:
            for name in ("pipe", "link"):
                ok(run(server, "batch", "run", a_file(tmp_path), "-o", name, cwd=tmp_path))
        assert os.read(end, 100) == b"x\n"
    finally:
        os.close(end)
    assert pipe.is_fifo()
    assert link.is_symlink()
    assert (tmp_path / "out.jsonl").read_bytes() == b"x\n"


def test_a_file_is_validated_and_gone_again(tmp_path: Path) -> None:
    files = Files()
    with scripted(there(previewBatchJob=PREVIEWED), files) as server:
        shown = ok(run(server, "batch", "validate", a_file(tmp_path), cwd=tmp_path))
    assert shown.splitlines() == [
        "4 requests for chat.",
        "They would run at DEPLOYMENT chat: It serves the model.",
    ]
    assert files.deleted == ["file-1"]
    assert files.uploads[0]["expires_after[seconds]"] == b"3600"


def test_a_file_that_would_fail_says_where(tmp_path: Path) -> None:
    preview = {**PREVIEWED, "errors": [WRONG], "target": None}
    with scripted(there(previewBatchJob=preview), Files()) as server:
        ran = run(server, "batch", "validate", a_file(tmp_path), cwd=tmp_path)
        said = run(server, "batch", "validate", "in.jsonl", "--json", cwd=tmp_path)
    assert ran.returncode == said.returncode == 1
    assert ran.stdout.startswith("It would fail.\n")
    assert ran.stdout.splitlines()[2].split()[:3] == ["3", "invalid_body", "body"]
    assert json.loads(said.stdout)["errors"] == [WRONG]


def test_jobs_are_listed_and_filtered(tmp_path: Path) -> None:
    jobs = page(a_job(done=1, reason="ONLINE_FIRST"), a_final_job(openaiId="batch_2"))
    with scripted(there(batchJobs=jobs)) as server:
        table = ok(run(server, "batch", "ls", cwd=tmp_path)).splitlines()
        wanted = ["batch", "ls", "--status", "failed", "--model", "chat", "-n", "1", "--json"]
        listed = json.loads(ok(run(server, *wanted, cwd=tmp_path)))
    assert table[0].split() == ["JOB", "STATUS", "MODEL", "DONE", "FAILED", "PLACE", "AGE"]
    assert table[1].split()[:5] == ["batch_1", "IN_PROGRESS", "(ONLINE_FIRST)", "chat", "1/4"]
    assert [each["openaiId"] for each in listed] == ["batch_1"]
    first, second = server.said("BatchJobs")
    assert (first.get("filter"), first["first"]) == (None, 20)
    assert second["filter"] == {"status": {"in": ["FAILED"]}, "model": {"eq": "chat"}}


def test_a_job_is_described(tmp_path: Path) -> None:
    job = a_job(
        done=3, reason="NO_HEALTHY_REPLICA", message="None answers.", errors=[WRONG], revisionNumber=2
    )  # fmt: skip
    with scripted(there(batchJob=job)) as server:
        shown = ok(run(server, "batch", "describe", "batch_1", cwd=tmp_path))
        said = json.loads(ok(run(server, "batch", "describe", "batch_1", "--json", cwd=tmp_path)))
    for words in ("IN_PROGRESS (NO_HEALTHY_REPLICA)", "None answers.", "DEPLOYMENT chat@2",
                  "It serves the model.", "12 in, 30 out", "file-in", "invalid_body"):  # fmt: skip
        assert words in shown
    assert said["counts"]["completed"] == 3
    assert server.said("DescribeBatchJob")[0] == {"id": "batch_1"}


def test_a_job_that_is_not_there_is_said(tmp_path: Path) -> None:
    with scripted({"batchJob": None}) as server:
        for verb in ("describe", "results"):
            ran = run(server, "batch", verb, "batch_9", cwd=tmp_path)
            assert (ran.returncode, ran.stdout) == (1, "")
            assert ran.stderr == "modelyard: There is no batch job 'batch_9' here.\n"


@pytest.mark.parametrize("verb", ["cancel", "pause", "resume", "retry"])
def test_a_decision_about_a_job_is_sent(tmp_path: Path, verb: str) -> None:
    changed = done(batchJob=a_job(status="CANCELLING", reason="DRAINING"))
    with scripted({f"{verb}BatchJob": changed}) as server:
        told = ok(run(server, "batch", verb, "batch_1", cwd=tmp_path))
        said = json.loads(ok(run(server, "batch", verb, "batch_1", "--json", cwd=tmp_path)))
    assert told == "batch_1 is CANCELLING (DRAINING).\n"
    assert said["openaiId"] == "batch_1"
    [first, _] = server.said(f"{verb.capitalize()}BatchJob")
    assert first == {"input": {"batchJobId": "batch_1"}}


def test_results_so_far_are_printed_page_by_page(tmp_path: Path) -> None:
    files = Files(pages=[b"1\n2\n", b"3\n"])
    with scripted(there(batchJob=a_job(done=3)), files) as server:
        assert ok(run(server, "batch", "results", "batch_1", cwd=tmp_path)) == "1\n2\n3\n"
    assert files.after == [None, "1", "2"]


def test_followed_results_are_printed_once_each_until_the_job_is_final(tmp_path: Path) -> None:
    files = Files(pages=[b"1\n", b"2\n"])
    progress: list[Any] = [[a_job(done=1), DROP], [a_job(done=2), a_job(done=2), a_final_job()]]
    with scripted(there(), files, batchJobProgress=progress) as server:
        ran = run(server, "batch", "results", "batch_1", "-f", cwd=tmp_path)
    assert ok(ran) == "1\n2\n"
    assert "COMPLETED: 4 of 4 lines have a result." in ran.stderr


def test_followed_results_of_a_job_with_errors_fail_the_command(tmp_path: Path) -> None:
    ended = a_final_job(status="EXPIRED", counts={"total": 4, "completed": 1, "failed": 3})
    with scripted(there(), Files(), batchJobProgress=[[ended]]) as server:
        ran = run(server, "batch", "results", "batch_1", "-f", cwd=tmp_path)
    assert ran.returncode == 1
    assert "EXPIRED: 1 of 4 lines have a result, 3 an error." in ran.stderr


def test_the_files_of_a_job_that_is_not_final_have_to_be_waited_for(tmp_path: Path) -> None:
    with scripted(there(), Files()) as server:
        ran = run(server, "batch", "results", "batch_1", "-o", "out", cwd=tmp_path)
    assert ran.returncode == 2
    assert "add -f to wait" in " ".join(ran.stderr.split())


def test_a_terminal_gets_a_bar_with_its_pace(tmp_path: Path) -> None:
    ours, theirs = os.openpty()
    progress = [[a_job(done=0), a_job(done=2, reason="ENGINE_BUSY"), a_final_job()]]
    name = a_file(tmp_path)
    with (
        scripted(there(), Files(), batchJobProgress=progress) as server,
        (tmp_path / "printed").open("w") as printed,
    ):
        env = environment({"MODELYARD_SERVER": server.url, "TERM": "xterm", "COLUMNS": "160"})
        process = forks().start(["batch", "run", name], env, tmp_path, printed.fileno(), theirs)
        os.close(theirs)
        seen = b""
        try:
            while read := os.read(ours, 65_536):
                seen += read
        except OSError:  # its other end is closed: Linux says so with an error
            os.close(ours)
        assert process.wait(START_SECONDS) == 0
    text = seen.decode()
    assert "COMPLETED: 4 of 4 lines have a result." in text
    assert "4/4" in text
