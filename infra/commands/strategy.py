"""The options of `modelyard deploy` that say how to get from one revision to the next."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import typer

from infra.commands.options import seconds


class Kind(StrEnum):
    ROLLING = "rolling"
    BLUE_GREEN = "blue-green"
    CANARY = "canary"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the options say; None and () where they say nothing."""

    kind: Kind | None = None
    max_surge: str | None = None
    max_unavailable: str | None = None
    auto_promote: bool | None = None
    promote_delay: float | None = None
    steps: Sequence[str] = ()


OPTIONS = {
    "max_surge": (Kind.ROLLING, "--max-surge"),
    "max_unavailable": (Kind.ROLLING, "--max-unavailable"),
    "auto_promote": (Kind.BLUE_GREEN, "--auto-promote"),
    "promote_delay": (Kind.BLUE_GREEN, "--promote-delay"),
    "steps": (Kind.CANARY, "--step"),
}


def said(asked: Asked) -> dict[str, Any] | None:
    """The input's `strategy`; None where nothing is said. Raises BadParameter for what doesn't fit."""
    given = {name for name in OPTIONS if getattr(asked, name) not in (None, (), [])}
    meant = {OPTIONS[name][0] for name in given}
    kind = asked.kind or (next(iter(meant)) if len(meant) == 1 else None)
    for name in given:
        owner, option = OPTIONS[name]
        if owner is not kind:
            raise typer.BadParameter(f"It goes with --strategy {owner}.", param_hint=option)
    match kind:
        case None:
            return None
        case Kind.ROLLING:
            amounts = {"maxSurge": asked.max_surge, "maxUnavailable": asked.max_unavailable}
            return {"rolling": {name: _amount(each) for name, each in amounts.items() if each}}
        case Kind.BLUE_GREEN:
            spoken = {"autoPromote": asked.auto_promote, "promoteDelay": asked.promote_delay}
            return {"blueGreen": {name: each for name, each in spoken.items() if each is not None}}
        case Kind.CANARY:
            if not asked.steps:
                raise typer.BadParameter("A canary needs at least one.", param_hint="--step")
            return {"canary": {"steps": [_step(each) for each in asked.steps]}}


def _amount(written: str) -> int | str:
    return int(written) if written.isascii() and written.isdigit() else written


def _step(written: str) -> dict[str, Any]:
    """`25` or `25%` waits for a promotion or resume; `25:10m` goes on by itself."""
    weight, _, pause = written.partition(":")
    if not weight.rstrip("%").isdecimal():
        problem = f"{written!r} is not PERCENT or PERCENT:PAUSE, e.g. 25:10m."
        raise typer.BadParameter(problem, param_hint="--step")
    step: dict[str, Any] = {"weight": int(weight.rstrip("%"))}
    return {**step, "pause": seconds(pause)} if pause else step
