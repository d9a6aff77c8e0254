from collections.abc import AsyncIterator, Iterable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.k8s.lines import lines
from infra.k8s.pod_logs import readable


async def pieces_of(content: bytes, cuts: Iterable[int]) -> AsyncIterator[bytes]:
    ends = [0, *sorted(cuts), len(content)]
    for start, end in pairwise(ends):
        yield content[start:end]


@given(st.lists(st.binary(max_size=6).filter(lambda line: b"\n" not in line)), st.data())
async def test_lines_are_the_same_wherever_they_are_cut(
    written: list[bytes], data: st.DataObject
) -> None:
    content = b"".join(line + b"\n" for line in written)
    cuts = data.draw(st.lists(st.integers(0, len(content)), max_size=8))
    assert [line async for line in lines(pieces_of(content, cuts))] == written


async def test_the_last_one_needs_no_end() -> None:
    assert [line async for line in lines(pieces_of(b"a\nb", [1]))] == [b"a", b"b"]


@given(st.binary(max_size=40).filter(lambda line: b"\n" not in line), st.data())
async def test_what_is_too_long_comes_in_parts(line: bytes, data: st.DataObject) -> None:
    cuts = data.draw(st.lists(st.integers(0, len(line)), max_size=8))
    found = [part async for part in lines(pieces_of(line + b"\n", cuts), longest=5)]
    assert b"".join(found) == line
    assert all(len(part) <= 5 for part in found)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (b"as it is", "as it is"),
        (b"at its end\r", "at its end"),
        (b"10 %\r50 %\r100 %\r", "100 %"),
        (b"the end \0\0of a file", "the end of a file"),
        (b"\xff\xc3\xa9", "\N{REPLACEMENT CHARACTER}é"),
    ],
)
def test_a_logs_line_is_what_a_terminal_would_leave_and_can_be_stored(
    written: bytes, read: str
) -> None:
    assert readable(written) == read
