import itertools

from hypothesis import given
from hypothesis import strategies as st

from domain.batches.input.jsonl import BOM, Line, Lines

LIMIT = 8
PARTS = st.sampled_from(
    [b"\n", b"\r\n", b"\n\n", b" ", b"\t", b"a", b"{}", b"12345678", b"123456789", b"\xff", BOM]
)


def pieces_of(content: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({0, len(content), *(cut % (len(content) + 1) for cut in cuts)})
    return [content[a:b] for a, b in itertools.pairwise(places)]


def lines_of(*pieces: bytes, limit: int = LIMIT) -> list[Line]:
    lines = Lines(limit)
    found = [line for piece in pieces for line in lines.feed(piece)]
    return [*found, *lines.rest()]


@given(st.lists(PARTS).map(b"".join), st.lists(st.integers(0, 200)))
def test_lines_are_the_same_whatever_the_pieces(content: bytes, cuts: list[int]) -> None:
    assert lines_of(*pieces_of(content, cuts)) == lines_of(content)


@given(st.lists(PARTS).map(b"".join), st.lists(st.integers(0, 200)))
def test_lines_are_those_that_are_not_blank(content: bytes, cuts: list[int]) -> None:
    found = lines_of(*pieces_of(content, cuts), limit=1_000)
    whole = content.removeprefix(BOM) if content.startswith(BOM) else content
    wanted = [(n, text) for n, raw in enumerate(whole.split(b"\n"), 1) if (text := raw.strip())]
    assert [(line.number, line.text) for line in found] == wanted
    for line in found:
        assert line.text is not None
        assert content[line.start :].startswith(line.text)


def test_nothing_is_held_of_a_line_that_is_too_long() -> None:
    lines = Lines(LIMIT)
    assert list(lines.feed(b"x" * 100)) == []
    assert list(lines.feed(b"y" * 100)) == []
    assert len(lines._held) == 0
    assert list(lines.feed(b"\na\n")) == [Line(1, 0, None), Line(2, 201, b"a")]


def test_a_carriage_return_does_not_make_a_line_too_long() -> None:
    assert lines_of(b"12345678\r\n", b"1234", b"5678\r", b"\n") == [
        Line(1, 0, b"12345678"),
        Line(2, 10, b"12345678"),
    ]


def test_blank_lines_are_counted_however_many_there_are() -> None:
    assert lines_of(b"\n" * 1_000, b" \n" * 1_000, b"a") == [Line(2_001, 3_000, b"a")]
