import asyncio
from collections.abc import Sequence
from time import perf_counter
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.batches.batch import InputError
from domain.batches.input import validation
from domain.batches.input.requests import Limits, quoted
from domain.batches.input.validation import Checked, Reading
from domain.batches.shard import BYTES_LIMIT, LINES_LIMIT
from domain.errors import ObjectMissing, StorageUnavailable
from tests.support.batch_yard import CHAT, BatchYard, a_line, a_request, requests

SMALL = Limits(requests=5, size=10_000, line=300)


async def checked(content: bytes, limits: Limits = SMALL) -> Checked:
    yard = BatchYard()
    file = await yard.file(content)
    return await validation.read(yard.objects, file, CHAT, limits=limits, loads=orjson.loads)


async def codes(content: bytes, limits: Limits = SMALL) -> Sequence[tuple[str, str | None]]:
    return [(error.code, error.param) for error in (await checked(content, limits)).errors]


def body(**said: Any) -> dict[str, Any]:
    return {"model": "m", **said}


MISSING, METHOD = "missing_required_parameter", "invalid_method"
WRONG: list[tuple[bytes, str, str | None]] = [
    (b"{", "invalid_json_line", None),
    (b'{"custom_id": NaN}', "invalid_json_line", None),
    (b"[1]", "invalid_json_line", None),
    (b'{"custom_id": "\xff"}', "invalid_encoding", None),
    (b"\xff\xfe{\x00}\x00", "invalid_encoding", None),
    (a_line(""), MISSING, "custom_id"),
    (a_line(7), MISSING, "custom_id"),
    (a_line(None), MISSING, "custom_id"),
    (a_line("x" * 513), "line_too_long", None),
    (a_line(method=None), MISSING, "method"),
    (a_line(method="GET"), METHOD, "method"),
    (a_line(method="post"), METHOD, "method"),
    (a_line(url=None), MISSING, "url"),
    (a_line(url="/v1/nothing"), "invalid_url", "url"),
    (a_line(url=CHAT + "/"), "invalid_url", "url"),
    (a_line(url="http://x" + CHAT), "invalid_url", "url"),
    (a_line(url=[CHAT]), "invalid_url", "url"),
    (a_line(url="/v1/embeddings"), "mismatched_endpoint", "url"),
    (a_line(body=None), MISSING, "body"),
    (a_line(body="text"), "invalid_body", "body"),
    (a_line(body={}), MISSING, "body.model"),
    (a_line(body={"model": 3}), "invalid_body", "body.model"),
    (a_line(body={"model": ""}), "invalid_body", "body.model"),
    (a_line(body={"model": "a\0b"}), "invalid_body", "body.model"),
    (a_line(body=body(stream=True)), "streaming_not_supported", "body.stream"),
    (a_line(body=body(stream=1)), "streaming_not_supported", "body.stream"),
]


def nested(levels: int) -> bytes:
    """A line with so many lists within each other in its body, which is within the line's object."""
    text = a_line(body=body(stop="here"))
    return text.replace(b'"here"', b"[" * (levels - 2) + b"]" * (levels - 2))


async def test_a_body_that_could_not_be_written_again_is_refused() -> None:
    assert await codes(nested(200), Limits()) == []
    assert await codes(nested(201), Limits()) == [("invalid_body", "body")]
    assert await codes(nested(900), Limits()) == [("invalid_body", "body")]


@pytest.mark.parametrize(("line", "code", "param"), WRONG)
async def test_a_line_that_is_no_request_is_told_why(
    line: bytes, code: str, param: str | None
) -> None:
    assert await codes(line) == [(code, param)]


async def test_a_custom_id_has_512_characters_at_most() -> None:
    assert await codes(a_line("é" * 512), Limits()) == []
    assert await codes(a_line("x" * 513), Limits()) == [(MISSING, "custom_id")]


async def test_all_that_is_wrong_with_a_line_is_told() -> None:
    found = await codes(orjson.dumps({"method": "PUT", "body": {}}))
    assert found == [
        (MISSING, "custom_id"),
        (METHOD, "method"),
        (MISSING, "url"),
        (MISSING, "body.model"),
    ]


async def test_what_need_not_be_refused_is_not() -> None:
    lines = [
        a_line("a", body=body(stream=False)),
        a_line("b", body=body(stream=None), unknown="x"),
        b" \t" + a_line("c") + b" ",
    ]
    good = await checked(b"\r\n".join(lines), Limits())
    assert (good.errors, good.total, good.model) == ((), 3, "m")


async def test_lines_are_counted_as_an_editor_does() -> None:
    found = await checked(b"\n\r\n" + a_line("a") + b"\r\n \n" + a_line("a") + b"\n\nx")
    assert [(e.code, e.line) for e in found.errors] == [
        ("duplicate_custom_id", 5),
        ("invalid_json_line", 7),
    ]
    assert "line 3" in found.errors[0].message


async def test_a_byte_order_mark_is_let_pass() -> None:
    assert await codes(b"\xef\xbb\xbf" + a_line()) == []


async def test_all_lines_are_for_one_model() -> None:
    found = await checked(a_line("a") + b"\n" + a_line("b", body={"model": "other"}))
    assert [(e.code, e.line) for e in found.errors] == [("mismatched_model", 2)]
    assert "'m'" in found.errors[0].message
    assert "'other'" in found.errors[0].message


@pytest.mark.parametrize("content", [b"", b"\n\r\n \t\n", b"\xef\xbb\xbf\n"])
async def test_a_file_without_requests_is_refused(content: bytes) -> None:
    assert await codes(content) == [("empty_file", None)]


async def test_more_requests_than_there_may_be_are_refused() -> None:
    found = await checked(requests(7))
    assert [(e.code, e.line) for e in found.errors] == [("too_many_requests", 6)]
    assert (await checked(requests(5))).errors == ()


async def test_a_line_that_is_too_long_is_refused_and_the_next_is_read() -> None:
    long = a_line("a", padding="x" * 300)
    found = await checked(long + b"\n" + a_line("b") + b"\nx")
    assert [(e.code, e.line) for e in found.errors] == [
        ("line_too_long", 1),
        ("invalid_json_line", 3),
    ]


async def test_a_file_that_is_too_large_is_not_read() -> None:
    assert await codes(b"x" * 10_001) == [("file_too_large", None)]


async def test_a_hundred_errors_are_enough() -> None:
    found = await checked(b"x\n" * 1_000, Limits())
    assert [error.line for error in found.errors] == list(range(1, 101))


async def test_a_store_that_breaks_off_is_no_verdict() -> None:
    yard = BatchYard()
    file = await yard.file(requests(3))
    yard.objects.unavailable = True
    with pytest.raises(StorageUnavailable):
        await validation.read(yard.objects, file, CHAT, limits=SMALL, loads=orjson.loads)


async def test_a_file_that_lost_its_end_is_missing() -> None:
    yard = BatchYard()
    file = await yard.file(requests(3))
    content, kept = yard.objects.kept[file.key]
    cut = content[:-30]
    yard.objects.kept.pop(file.key)
    await yard.objects.put_bytes(file.key, cut)
    with pytest.raises(ObjectMissing):
        await validation.read(yard.objects, file, CHAT, limits=SMALL, loads=orjson.loads)
    assert kept.size == file.size


def test_what_is_quoted_is_short_and_can_be_stored() -> None:
    assert quoted("a\0b\ud800\n") == "'a\\x00b\\ud800\\n'"
    assert len(quoted("x" * 1_000)) == 83
    assert quoted({"a": 1}) == "'{'a': 1}'"


async def cut(content: bytes) -> tuple[Checked, bytes]:
    yard = BatchYard()
    file = await yard.file(content)
    reading = Reading(
        objects=yard.objects,
        file=file,
        endpoint=CHAT,
        limits=Limits(),
        loads=orjson.loads,
        dumps=orjson.dumps,
        batch_id="b",
    )
    index = b"".join([entry async for entry in reading.index()])
    return reading.checked, index


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 40)), min_size=1, max_size=30))
def test_the_index_says_where_each_line_is(shape: list[tuple[int, int]]) -> None:
    lines = [
        b"\n" * blanks + a_line(f"é{n}", padding="x" * 1_000 * size)
        for n, (blanks, size) in enumerate(shape)
    ]
    content = b"\r\n".join(lines)
    found, index = asyncio.run(cut(content))
    assert found.total == len(shape) == sum(shard.lines for shard in found.shards)
    place = 0
    for number, shard in enumerate(found.shards):
        entry = orjson.loads(index[shard.index_start : shard.index_end])
        assert (shard.number, shard.first, shard.lines) == (number, place, len(entry))
        assert len(shard.done) == len(shard.failed) == (shard.lines + 7) // 8
        for custom_id, start, length in entry:
            assert shard.start <= start < start + length <= shard.end
            assert orjson.loads(content[start : start + length])["custom_id"] == custom_id
            assert custom_id == f"é{place}"
            place += 1


async def test_shards_have_a_thousand_lines_at_most() -> None:
    found, index = await cut(requests(2_001))
    assert [shard.lines for shard in found.shards] == [LINES_LIMIT, LINES_LIMIT, 1]
    assert found.shards[-1].index_end == len(index)


async def test_shards_have_four_mebibytes_at_most() -> None:
    lines = [a_line(f"r{n}", padding="x" * 700_000) for n in range(14)]
    found, _ = await cut((b"\n" * 1_000_000).join(lines))
    assert all(shard.end - shard.start <= BYTES_LIMIT for shard in found.shards)
    assert [shard.lines for shard in found.shards] == [3, 3, 3, 3, 2]


async def test_reading_never_holds_the_event_loop_for_long() -> None:
    content = b"\n".join(a_line(f"r{n}", padding="x" * (n % 7 * 1_000)) for n in range(4_000))
    stops: list[float] = []
    done = asyncio.Event()

    async def watch() -> None:
        last = perf_counter()
        while not done.is_set():
            await asyncio.sleep(0)
            stops.append(perf_counter() - last)
            last = perf_counter()

    watching = asyncio.create_task(watch())
    assert (await checked(content, Limits())).total == 4_000
    done.set()
    await watching
    assert len(stops) > len(content) / 1_000_000 * 3


def test_an_input_error_names_its_line() -> None:
    assert InputError(code="x", message="y").line is None
    assert a_request("a")["custom_id"] == "a"
