"""Few requests for many ranges."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence

GAP = 256 * 1024  # bytes that are rather read in vain than asked around
WIDEST = 8 * 1024 * 1024  # bytes of one span, unless one range alone has more

Span = tuple[int, int]


def over(ranges: Sequence[Span], *, gap: int = GAP, widest: int = WIDEST) -> Sequence[Span]:
    """Spans that together hold each range whole, in order; none for ranges of nothing."""
    spans: list[Span] = []
    for start, end in sorted(each for each in ranges if each[1] > each[0]):
        if (
            spans
            and start - spans[-1][1] <= gap
            and max(end, spans[-1][1]) - spans[-1][0] <= widest
        ):
            spans[-1] = (spans[-1][0], max(end, spans[-1][1]))
        else:
            spans.append((start, end))
    return spans


def cut(ranges: Sequence[Span], contents: Mapping[Span, bytes]) -> Sequence[bytes]:
    """Each range's bytes, of the spans' that hold them."""
    held = sorted(contents)
    starts = [start for start, _ in held]
    found = []
    for start, end in ranges:
        if end > start:
            span = held[bisect_right(starts, start) - 1]
            found.append(contents[span][start - span[0] : end - span[0]])
        else:
            found.append(b"")
    return found
