import json as standard
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as some

from domain.batches.batch import Usage
from domain.batches.input import lines
from domain.batches.input.lines import Asked, Json
from domain.batches.ports import Reply, Seat

JSON = Json(loads=orjson.loads, dumps=orjson.dumps)
ID = lines.request_id("a", 0)
ASKED = Asked("first", {"model": "chat", "messages": []})
SEAT = Seat(id="echo", url="http://engine/v1/chat/completions")
OWN = Seat(id="r1", url="http://engine/v1/chat/completions", model="/models/llama", revision=3)

values = some.recursive(
    some.none() | some.booleans() | some.integers(-(2**53), 2**53) | some.text(),
    lambda inner: some.lists(inner) | some.dictionaries(some.text(), inner),
)


def answered(body: bytes, status: int = 200, seat: Seat = SEAT) -> lines.Answered:
    return lines.answered(ID, ASKED, seat, Reply(status=status, body=body), JSON)


def read(line: bytes) -> Any:
    return standard.loads(line)


def test_a_requests_id_is_the_same_at_every_attempt_and_no_other_requests() -> None:
    ids = {lines.request_id(batch, place) for batch in ("a", "b", "a:1") for place in range(100)}
    assert len(ids) == 300
    assert lines.request_id("a", 7) == lines.request_id("a", 7)
    assert all(each.startswith("batch_req_") for each in ids)


def test_a_result_line_has_all_that_a_client_looks_for() -> None:
    reply = Reply(status=200, body=b'{"id":"chatcmpl-1"}', request_id="req-9")
    done = lines.answered(ID, ASKED, OWN, reply, JSON)
    assert read(done.line) == {
        "id": ID,
        "custom_id": "first",
        "response": {
            "status_code": 200,
            "request_id": "req-9",
            "body": {"id": "chatcmpl-1"},
            "modelyard": {"revision": 3, "replica": "r1"},
        },
        "error": None,
    }
    assert not done.is_error


def test_a_request_that_the_engine_gave_no_name_has_its_lines() -> None:
    assert read(answered(b"{}").line)["response"]["request_id"] == ID


@given(body=some.dictionaries(some.text(), values), indent=some.sampled_from([None, 1, "\r\n"]))
def test_any_answer_stands_on_one_line_and_says_what_it_said(
    body: dict[str, Any], indent: int | str | None
) -> None:
    written = standard.dumps(body, indent=indent, ensure_ascii=False).encode()
    line = answered(written).line
    assert b"\n" not in line
    assert b"\r" not in line
    assert read(line)["response"]["body"] == body


def test_numbers_stay_as_the_engine_spelled_them() -> None:
    body = b'{"logprob": -1.50e-07, "big": 123456789012345678901234567890}'
    assert body in answered(body).line


@given(text=some.binary())
def test_whatever_an_engine_says_the_line_is_json(text: bytes) -> None:
    for status in (200, 400, 500):
        done = answered(text, status)
        assert read(done.line)["custom_id"] == "first"
        assert b"\n" not in done.line


def test_an_engines_refusal_is_an_error_with_its_own_words() -> None:
    body = b'{"error": {"message": "too long"}}'
    done = answered(body, 400)
    said = read(done.line)
    assert done.is_error
    assert said["response"]["body"] == {"error": {"message": "too long"}}
    assert said["response"]["status_code"] == 400
    assert said["error"] is None


def test_a_refusal_that_is_no_json_is_told_as_text() -> None:
    said = read(answered(b"<h1>Bad\nGateway</h1>\xff", 502).line)
    assert said["response"]["body"] == "<h1>Bad\nGateway</h1>�"


def test_a_good_answer_that_is_no_json_is_no_answer() -> None:
    done = answered(b"OK", 200)
    said = read(done.line)
    assert done.is_error
    assert said["response"] is None
    assert said["error"]["code"] == "invalid_response"


def test_a_request_without_an_answer_says_why() -> None:
    done = lines.unanswered(ID, 'a"b', lines.TIMEOUT, "No answer within 60 s.", JSON)
    assert done.is_error
    assert read(done.line) == {
        "id": ID,
        "custom_id": 'a"b',
        "response": None,
        "error": {"code": "request_timeout", "message": "No answer within 60 s."},
    }


def test_the_engine_is_asked_by_its_own_name_and_the_client_answered_by_its() -> None:
    assert orjson.loads(lines.sent(ASKED, OWN, JSON))["model"] == "/models/llama"
    assert ASKED.body["model"] == "chat"
    reply = b'{"id": 1, "model": "/models/llama", "choices": [{"model": "inner"}]}'
    body = read(answered(reply, seat=OWN).line)["response"]["body"]
    assert body == {"id": 1, "model": "chat", "choices": [{"model": "inner"}]}


def test_where_no_name_was_put_in_both_pass_untouched() -> None:
    assert orjson.loads(lines.sent(ASKED, SEAT, JSON)) == ASKED.body
    reply = b'{"model": "gpt-like-2026"}'
    assert read(answered(reply).line)["response"]["body"]["model"] == "gpt-like-2026"


def test_a_line_is_read_as_it_was_validated() -> None:
    line = b'{"custom_id": "7", "method": "POST", "url": "/v1/embeddings", "body": {"model": "m"}}'
    assert lines.asked(line, JSON) == Asked("7", {"model": "m"})


@pytest.mark.parametrize("line", [b"", b"{", b"[]", b'{"custom_id": "1"}'])
def test_what_was_never_validated_is_refused(line: bytes) -> None:
    with pytest.raises((ValueError, KeyError, TypeError)):
        lines.asked(line, JSON)


def test_the_usage_of_chat_is_read_with_its_details() -> None:
    said = {
        "prompt_tokens": 10,
        "completion_tokens": 5,
        "total_tokens": 15,
        "prompt_tokens_details": {"cached_tokens": 4},
        "completion_tokens_details": {"reasoning_tokens": 3},
    }
    used = Usage(
        input_tokens=10, cached_tokens=4, output_tokens=5, reasoning_tokens=3, total_tokens=15
    )
    assert lines.usage({"usage": said}) == used
    assert answered(orjson.dumps({"usage": said})).usage == used


def test_the_usage_of_responses_is_read_with_its_details() -> None:
    said = {
        "input_tokens": 10,
        "input_tokens_details": {"cached_tokens": 1},
        "output_tokens": 5,
        "output_tokens_details": {"reasoning_tokens": 2},
        "total_tokens": 15,
    }
    assert lines.usage({"usage": said}) == Usage(
        input_tokens=10, cached_tokens=1, output_tokens=5, reasoning_tokens=2, total_tokens=15
    )


def test_the_usage_of_embeddings_is_read() -> None:
    used = lines.usage({"usage": {"prompt_tokens": 8, "total_tokens": 8}})
    assert used == Usage(input_tokens=8, total_tokens=8)


def test_an_error_uses_nothing() -> None:
    assert answered(b'{"usage": {"prompt_tokens": 8}}', 500).usage == Usage()


@given(said=values)
def test_nonsense_for_usage_counts_as_far_as_it_can_be_counted(said: object) -> None:
    used = lines.usage({"usage": said})
    assert used.input_tokens >= 0
    assert lines.usage(said).total_tokens >= 0
