"""Batch jobs as a client of the HTTP API makes them, and what has to be true of them at their end."""

import json
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import httpx

from tests.support.fleet import Blow
from tests.support.marking import MODEL, Visit

ENDPOINT = "/v1/chat/completions"
BOUNDARY = "a-boundary-of-the-tests-own"
PIECE = 256 * 1024
UNDER_WAY = 0.3  # seconds in which the engine may hear what was sent right before a process died
CODES = {"batch_cancelled", "batch_expired"}  # the only reasons for a line to have no answer here


@dataclass
class Job:
    """`marks` are the custom ids, in the order of the input."""

    marks: Sequence[str]
    model: str = MODEL
    padding: int = 0  # bytes a line
    window: str = "24h"
    options: Mapping[str, Any] = field(default_factory=dict)
    id: str = ""

    @property
    def key(self) -> str:
        """Its id in the database."""
        return self.id.removeprefix("batch_")

    def content(self) -> bytes:
        lines = []
        for mark in self.marks:
            message = {"role": "user", "content": f"{mark} {'x' * self.padding}"}
            body = {"model": self.model, "messages": [message]}
            line = {"custom_id": mark, "method": "POST", "url": ENDPOINT, "body": body}
            lines.append(json.dumps(line) + "\n")
        return "".join(lines).encode()

    async def create(self, http: httpx.AsyncClient) -> None:
        file_id = await upload(http, self.content())
        said = {
            "input_file_id": file_id,
            "endpoint": ENDPOINT,
            "completion_window": self.window,
            "modelyard": self.options,
        }
        answer = await http.post("/v1/batches", json=said)
        assert answer.status_code == 200, answer.text
        self.id = answer.json()["id"]


async def upload(
    http: httpx.AsyncClient, content: bytes, meanwhile: Callable[[int], None] = lambda sent: None
) -> str:
    """The file's id. `meanwhile` is called after each piece, with the bytes that were handed over."""
    head = (
        f'--{BOUNDARY}\r\ncontent-disposition: form-data; name="purpose"\r\n\r\nbatch\r\n'
        f'--{BOUNDARY}\r\ncontent-disposition: form-data; name="file"; filename="input.jsonl"\r\n'
        "content-type: application/jsonl\r\n\r\n"
    ).encode()
    tail = f"\r\n--{BOUNDARY}--\r\n".encode()

    async def pieces() -> AsyncIterator[bytes]:
        yield head
        for start in range(0, len(content), PIECE):
            yield content[start : start + PIECE]
            meanwhile(start + PIECE)
        yield tail

    headers = {
        "content-type": f"multipart/form-data; boundary={BOUNDARY}",
        "content-length": str(len(head) + len(content) + len(tail)),
    }
    answer = await http.post("/v1/files", content=pieces(), headers=headers)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["id"])


@dataclass(frozen=True)
class Ended:
    """A final batch as the API shows it, with the lines of its two files."""

    shown: Mapping[str, Any]
    output: Sequence[Any]
    errors: Sequence[Any]


async def ended(http: httpx.AsyncClient, job: Job) -> Ended:
    shown = (await http.get(f"/v1/batches/{job.id}")).json()
    return Ended(
        shown=shown,
        output=await _lines(http, shown["output_file_id"]),
        errors=await _lines(http, shown["error_file_id"]),
    )


async def _lines(http: httpx.AsyncClient, file_id: str | None) -> list[Any]:
    if file_id is None:
        return []
    answer = await http.get(f"/v1/files/{file_id}/content")
    assert answer.status_code == 200, answer.text
    assert answer.content.endswith(b"\n")
    return [json.loads(line) for line in answer.content.splitlines()]


def check(job: Job, end: Ended) -> None:
    """That everything is accounted for, once, in the order of the input."""
    counts = end.shown["request_counts"]
    assert counts["total"] == len(job.marks)
    assert counts["total"] == counts["completed"] + counts["failed"]
    assert (counts["completed"], counts["failed"]) == (len(end.output), len(end.errors))
    assert (end.shown["output_file_id"] is None) == (not end.output)
    assert (end.shown["error_file_id"] is None) == (not end.errors)
    places = {mark: place for place, mark in enumerate(job.marks)}
    for lines in (end.output, end.errors):
        order = [places[line["custom_id"]] for line in lines]
        assert order == sorted(order)
    told = Counter(line["custom_id"] for line in (*end.output, *end.errors))
    assert told == Counter(job.marks)
    assert len({line["id"] for line in (*end.output, *end.errors)}) == len(job.marks)
    for line in end.output:
        _check_answer(line)
    for line in end.errors:
        _check_error(line)
    if end.shown["usage"] is not None and job.model == MODEL:
        assert end.shown["usage"]["total_tokens"] == 7 * len(end.output)


def _check_answer(line: Any) -> None:
    assert line["error"] is None
    assert line["response"]["status_code"] == 200
    said = line["response"]["body"]["choices"][0]["message"]["content"]
    assert line["custom_id"] in said


def _check_error(line: Any) -> None:
    if line["response"] is None:
        assert line["error"]["code"] in CODES
        return
    assert line["error"] is None
    assert line["response"]["status_code"] == 400
    assert line["response"]["body"]["error"]["message"] == f"no: {line['custom_id']}"


def unexplained(
    visits: Mapping[str, Sequence[Visit]],
    blows: Sequence[Blow],
    starts: Sequence[tuple[float, float]],
    commit: float,
    joining: float,
) -> list[str]:
    """The marks that were sent again without need. Needed is what a process had when it was killed or
    stopped and that was not durable: in flight, or answered less than `commit` seconds before; after it
    stood still, it also still sends what it was about to. When a process comes (back), within `joining`
    seconds, others also cut what they have in flight beyond their new share of a limit."""

    def explains(mark: str, blow: Blow, before: Visit, again: Visit) -> bool:
        if again.began < blow.at:
            return False
        is_at_once = again.began <= blow.until + UNDER_WAY
        was_open = mark in (blow.undone if is_at_once else blow.still)
        was_under_way = before.began <= blow.until + UNDER_WAY
        return was_open and was_under_way and before.ended > blow.at - commit

    coming = [*starts, *((blow.at, blow.until) for blow in blows)]

    def is_shared_anew(before: Visit, again: Visit) -> bool:
        joins = any(begun <= again.began < ready + joining for begun, ready in coming)
        return before.is_cut and joins

    return [
        f"{mark} again at {again.began:.3f}, after {before.began:.3f}–{before.ended:.3f}"
        for mark, all_visits in visits.items()
        for before, again in pairwise(all_visits)
        if not is_shared_anew(before, again)
        and not any(explains(mark, blow, before, again) for blow in blows)
    ]
