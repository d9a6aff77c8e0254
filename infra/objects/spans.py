"""Few requests for many ranges."""

from collections.abc import Mapping, Sequence

GAP = 256 * 1024  # bytes that are rather read in vain than asked around
WIDEST = 8 * 1024 * 1024  # bytes of one span, unless one range alone has more

Span = tuple[int, int]


def over(ranges: Sequence[Span]) -> Sequence[Span]:
    """Spans that together hold each range whole, in order; none for ranges of nothing."""
    spans: list[Span] = []
    for start, end in sorted(each for each in ranges if each[1] > each[0]):
        if (
            spans
            and start - spans[-1][1] <= GAP
            and max(end, spans[-1][1]) - spans[-1][0] <= WIDEST
        ):
            spans[-1] = (spans[-1][0], max(end, spans[-1][1]))
        else:
            spans.append((start, end))
    return spans


def cut(ranges: Sequence[Span], contents: Mapping[Span, bytes]) -> Sequence[bytes]:
    """Each range's bytes, of the spans' that hold them."""
    return [_within(start, end, contents) if end > start else b"" for start, end in ranges]


def _within(start: int, end: int, contents: Mapping[Span, bytes]) -> bytes:
    first, content = next(
        (span[0], content)
        for span, content in contents.items()
        if span[0] <= start and end <= span[1]
    )
    return content[start - first : end - first]
