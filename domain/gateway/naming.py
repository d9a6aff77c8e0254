"""What a request's `model` says: a deployment, and perhaps one of its revisions and models."""

import re
from dataclasses import dataclass

NAME = re.compile(
    r"([a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?)(?:@([1-9][0-9]{0,8}))?(?:/(.+))?", re.DOTALL
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """`revision` is a number; without one the active revision is wanted, or what takes its place.
    `model` is a model's name in the definition; without one its first model."""

    deployment: str
    revision: int | None = None
    model: str | None = None


def parse(written: str) -> Wanted | None:
    """`deployment`, `deployment/model`, `deployment@N` or `deployment@N/model`; None for all else.

    A deployment's name has neither `@` nor `/`; a model's may have both.
    """
    found = NAME.fullmatch(written)
    if found is None:
        return None
    deployment, revision, model = found.groups()
    return Wanted(deployment, int(revision) if revision else None, model)
