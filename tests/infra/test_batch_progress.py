"""How fast a job goes, told from what is seen of it; and files on their way to a server."""

import json
from pathlib import Path

import pytest

from infra.commands import batch_file
from infra.commands.batch_file import FileUnreadable
from infra.commands.batch_progress import Pace

CHAT = "/v1/chat/completions"


def test_a_pace_is_of_the_last_seconds() -> None:
    now = 0.0
    pace = Pace(clock=lambda: now)
    pace.note(0)
    assert (pace.rate, pace.left(100)) == (None, None)
    for step in range(1, 41):
        now = step * 0.5
        pace.note(step * 10 if step <= 20 else 200 + (step - 20) * 5)
    assert pace.rate == 10.0
    assert pace.left(30) == 3.0


def test_a_job_that_stands_still_has_no_pace() -> None:
    now = 0.0
    pace = Pace(clock=lambda: now)
    pace.note(5)
    now = 3.0
    pace.note(5)
    assert pace.rate is None


def sent(path: Path, endpoint: str | None = None, model: str | None = None) -> bytes:
    return b"".join(batch_file.read(path, endpoint, model).pieces())


def test_a_file_that_nothing_changes_goes_up_byte_by_byte(tmp_path: Path) -> None:
    path = tmp_path / "in.jsonl"
    path.write_bytes(b' {"custom_id": "a", "url": "/v1/x"} \r\n\n\xff')
    requests = batch_file.read(path, None, None)
    assert (requests.endpoint, requests.size) == ("/v1/x", path.stat().st_size)
    assert sent(path) == path.read_bytes()


def test_a_line_that_is_too_long_to_read_goes_up_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "in.jsonl"
    long = b'{"custom_id": "a", "body": {"x": "' + b"y" * batch_file.LONGEST + b'"}}\n'
    short = b'{"custom_id": "b", "body": {}}\n'
    path.write_bytes(long + short)
    said = sent(path, CHAT, "m")
    assert said.startswith(long)
    assert json.loads(said[len(long) :])["body"] == {"model": "m"}


@pytest.mark.parametrize(
    ("first", "endpoint"),
    [
        ({"messages": []}, CHAT),
        ({"prompt": "x"}, "/v1/completions"),
        ({"input": "x"}, None),
        ({"custom_id": "a", "url": "/v1/rerank", "body": {}}, "/v1/rerank"),
        ({"custom_id": "a", "body": {}}, None),
        ([], None),
    ],
)
def test_a_first_line_tells_what_a_file_is_for(
    tmp_path: Path, first: object, endpoint: str | None
) -> None:
    path = tmp_path / "in.jsonl"
    path.write_text(f"\n{json.dumps(first)}\n")
    assert batch_file.read(path, None, None).endpoint == endpoint
    assert batch_file.read(path, "/v1/embeddings", None).endpoint == "/v1/embeddings"


def test_a_file_that_is_gone_meanwhile_is_said(tmp_path: Path) -> None:
    path = tmp_path / "in.jsonl"
    path.write_text("{}")
    requests = batch_file.read(path, CHAT, None)
    path.unlink()
    with pytest.raises(FileUnreadable, match="No such file"):
        list(requests.pieces())
