"""How long something takes, as clients write it."""

import re

from domain.errors import InvalidType, InvalidValue, Path

MINUTE, HOUR, DAY = 60.0, 3_600.0, 86_400.0
UNITS = {"s": 1.0, "m": MINUTE, "h": HOUR, "d": DAY}
SHORTEST_WINDOW, LONGEST_WINDOW = MINUTE, 30 * DAY
_DURATION = re.compile(r"([0-9]{1,9})([smhd])")
_WINDOW = re.compile(r"([0-9]{1,9})([mhd])")


def seconds(written: object, path: Path) -> float:
    """Of a number of seconds, or of text as 30s, 10m, 2h, 7d; raises InvalidType, InvalidValue."""
    if isinstance(written, bool) or not isinstance(written, int | float | str):
        wanted = "a number of seconds, or text as 30s, 10m, 2h or 7d"
        raise InvalidType(path=path, wanted=wanted)
    if isinstance(written, str):
        return _read(_DURATION, written, path, "30s, 10m, 2h or 7d")
    return within(written, path, 0, LONGEST_WINDOW)


def window(written: str, path: Path) -> float:
    """A completion window's seconds; raises InvalidValue."""
    duration = _read(_WINDOW, written, path, "30m, 24h or 7d")
    if not SHORTEST_WINDOW <= duration <= LONGEST_WINDOW:
        raise InvalidValue(path=path, problem=f"{written!r} is not between 1m and 30d.")
    return duration


def within(value: float, path: Path, least: float, most: float) -> float:
    """`value`, which may also be no number at all; raises InvalidValue."""
    if not least <= value <= most:
        problem = f"{shown(value)} is not between {shown(least)} and {shown(most)}."
        raise InvalidValue(path=path, problem=problem)
    return float(value)


def written(seconds: float) -> str:
    """In the largest unit that divides it: 90m, 7d."""
    for unit, length in reversed(UNITS.items()):
        if seconds % length == 0:
            return f"{seconds / length:.0f}{unit}"
    return f"{seconds:g}s"


def shown(value: float) -> str:
    """Short, also of integers that no float can be."""
    if not -1e15 < value < 1e15:
        return f"A number like {str(value)[:20]}"
    return f"{value:.0f}" if value == int(value) else f"{value:g}"


def _read(pattern: re.Pattern[str], written: str, path: Path, examples: str) -> float:
    found = pattern.fullmatch(written)
    if found is None:
        said = repr(written if len(written) <= 40 else written[:40] + "…")
        raise InvalidValue(path=path, problem=f"{said} is no duration: write it as {examples}.")
    return int(found[1]) * UNITS[found[2]]
