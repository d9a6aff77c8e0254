"""Lists as OpenAI's clients page through them: `limit`, `after`, and a list with `has_more`."""

from collections.abc import Mapping, Sequence
from typing import Any

from infra.http.openai.errors import refused


def shown(items: Sequence[Mapping[str, Any]], *, has_more: bool) -> Mapping[str, Any]:
    """`items` have an `id` each."""
    return {
        "object": "list",
        "data": items,
        "first_id": items[0]["id"] if items else None,
        "last_id": items[-1]["id"] if items else None,
        "has_more": has_more,
    }


def limit(said: Mapping[str, str], *, default: int, most: int) -> int:
    """Of the query's parameters; raises RequestRefused."""
    written = said.get("limit", "")
    if not written:
        return default
    if not (written.isascii() and written.isdecimal()) or not 1 <= int(written[:9]) <= most:
        problem = f"'limit' must be a number from 1 to {most}."
        raise refused(problem, "invalid_limit", param="limit")
    return int(written)


def is_descending(said: Mapping[str, str]) -> bool:
    """The newest first, unless `order` is `asc`; raises RequestRefused."""
    order = said.get("order") or "desc"
    if order not in ("asc", "desc"):
        raise refused("'order' must be 'asc' or 'desc'.", "invalid_order", param="order")
    return order == "desc"
