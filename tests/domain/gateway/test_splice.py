import itertools
import json
from time import process_time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.gateway import splice
from domain.gateway.splice import (
    EventStream,
    TooIntricate,
    answered_by,
    own_models,
    with_models,
)

texts = st.text(max_size=8)
keys = st.sampled_from(["model", "messages", 'a"model', "response", ""])
values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.integers() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=6,
)
objects = st.dictionaries(keys, values, max_size=4)
indents = st.none() | st.integers(0, 3)


def with_model(document: bytes, name: str) -> bytes:
    return with_models(document, own_models(document), name)


@given(objects, texts, texts, indents, st.booleans())
def test_the_model_of_a_request_is_another_and_nothing_else(
    said: dict[str, Any], model: str, name: str, indent: int | None, plain: bool
) -> None:
    said = {**said, "model": model}
    document = json.dumps(said, indent=indent, ensure_ascii=plain).encode(errors="surrogatepass")
    assert json.loads(with_model(document, name)) == {**said, "model": name}


@given(objects, indents)
def test_a_document_without_a_model_stays_as_it_is(
    said: dict[str, Any], indent: int | None
) -> None:
    said.pop("model", None)
    said.pop("response", None)
    document = json.dumps(said, indent=indent).encode()
    assert with_model(document, "x") == answered_by(document, "x") == document


def test_numbers_and_texts_keep_their_spelling() -> None:
    document = rb'{ "a": 1.10, "b":123456789012345678901234567890, "m":"\u00e9\/", "model" : "x" }'
    assert with_model(document, "y") == document.replace(b'"x"', b'"y"')


def test_a_model_that_stands_twice_is_replaced_twice() -> None:
    assert with_model(b'{"model":"a","model":"b"}', "c") == b'{"model":"c","model":"c"}'


@pytest.mark.parametrize(
    "document",
    [
        b'{"model": null, "x": "model"}',
        b'{"model": 5, "a": "b"}',
        b'{"x": {"model": "inner"}}',
        b'{"choices": [{"model": "inner"}]}',
        b'["model", "a"]',
        b'"model"',
        b'{"\\"model": "a"}',
        b"\xff\x00 no json {",
        b'{"model": "unfinished',
        b"",
    ],
)
def test_what_is_not_the_answers_model_stays(document: bytes) -> None:
    assert answered_by(document, "chat") == document


def test_the_model_of_a_response_is_replaced_in_its_events() -> None:
    event = b'{"type":"response.created","response":{"id":"r","tools":[{"model":"t"}],"model":"m"}}'
    assert answered_by(event, "chat") == event.replace(b'"m"', b'"chat"')


EVENTS = (
    b'event: a\ndata: {"model":"m","x":1}\n\n'
    b': {"model":"m"}\r\ndata:{"model":"m"}\r\n\r\n'
    b'data: {"model":"m"}\rdata: [DONE]\n\ndata: {"model":"m"}'
)
MEANT = EVENTS.replace(b'"m"', b'"chat@2"').replace(
    b': {"model":"chat@2"}\r\n', b': {"model":"m"}\r\n'
)


@given(st.lists(st.integers(0, len(EVENTS))))
def test_events_are_the_same_however_they_are_cut(cuts: list[int]) -> None:
    places = [0, *sorted(cuts), len(EVENTS)]
    stream = EventStream("chat@2")
    pieces = [stream.feed(EVENTS[a:b]) for a, b in itertools.pairwise(places)]
    assert b"".join([*pieces, stream.finish()]) == MEANT


def test_a_whole_event_goes_on_at_once() -> None:
    stream = EventStream("chat")
    assert stream.feed(b'data: {"model":"m"}\n\ndata: {"mo') == b'data: {"model":"chat"}\n\n'
    assert stream.feed(b'del":"m"}') == b""
    assert stream.feed(b"\n\n") == b'data: {"model":"chat"}\n\n'


def test_a_line_too_long_to_wait_for_goes_on_as_it_is() -> None:
    stream = EventStream("chat")
    begin = b'data: {"x":"' + b"x" * splice.LONGEST_LINE
    assert stream.feed(begin) == begin
    assert stream.feed(b"more") == b"more"
    assert stream.feed(b'","model":"m"}\ndata: {"model":"m"}\n') == (
        b'","model":"m"}\ndata: {"model":"chat"}\n'
    )


def test_a_key_is_the_same_however_it_is_spelled() -> None:
    document = rb'{"mod\u0065l":"x","\m":1,"model":"y","a":{"mod\u0065l":"z"}}'
    assert with_model(document, "m") == (
        rb'{"mod\u0065l":"m","\m":1,"model":"m","a":{"mod\u0065l":"z"}}'
    )


def test_a_text_without_an_end_is_looked_through_once() -> None:
    document = b'{"text":"' + rb"\"" * 100_000
    began = process_time()
    assert answered_by(document, "m") == document
    assert process_time() - began < 1.0  # from each of its quotes anew it takes a minute


def test_a_document_of_many_values_is_looked_through_quickly() -> None:
    document = b'{"input":[' + b"[]," * 5_000_000 + b'[1]],"model":"x"}'
    began = process_time()
    assert with_model(document, "m") == document.replace(b"x", b"m")
    assert process_time() - began < 1.0  # one by one they take several


def test_a_document_of_too_many_texts_is_none_to_look_through() -> None:
    document = b'{"input":[' + b'"",' * splice.MOST_TOKENS + b'""],"model":"x"}'
    with pytest.raises(TooIntricate):
        own_models(document)
    assert answered_by(document, "m") == document
