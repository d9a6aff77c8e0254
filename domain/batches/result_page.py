"""Answers of a batch, a page of them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ResultLine:
    """`line` has no newline at its end."""

    line: bytes
    is_error: bool
    cursor: str


@dataclass(frozen=True, slots=True)
class ResultPage:
    """`next` is where to go on, for as long as there is or may be more; None also where there was
    nothing yet: begin again then."""

    lines: tuple[ResultLine, ...]
    next: str | None
