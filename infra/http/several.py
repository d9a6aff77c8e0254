"""Several operations in one request, as clients that gather theirs send them: a JSON list.

They are done in its order, one after the other, each with a context of its own; their answers are a list,
too. All of them together may cost and take what one operation may.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from domain.errors import ModelyardError
from infra.http import payloads
from infra.http.metrics import Metrics
from infra.http.payloads import too_slow
from infra.http.ports import Operation, Payload
from infra.http.refusals import RequestRefused, masked, shown
from infra.http.requests import Said


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    said: Said
    found: Operation | RequestRefused
    context: object

    @property
    def cost(self) -> int:
        return 0 if isinstance(self.found, RequestRefused) else self.found.cost or 0


async def answers(
    operations: Sequence[Asked], metrics: Metrics, version: str, seconds: float
) -> Sequence[Payload]:
    """What goes wrong with one is its own answer: the others may have been done."""
    ends = asyncio.get_running_loop().time() + seconds
    found: list[Payload] = []
    for asked in operations:
        try:
            found.append(await _answer(asked, metrics, version, ends, seconds))
        except ModelyardError as error:
            found.append({"errors": [shown(error)]})
        except Exception as error:  # noqa: BLE001 - the operation's edge; `masked` logs it
            found.append({"errors": [masked(error)]})
    return found


async def _answer(
    asked: Asked, metrics: Metrics, version: str, ends: float, seconds: float
) -> Payload:
    if isinstance(asked.found, RequestRefused):
        raise asked.found
    left = ends - asyncio.get_running_loop().time()
    if left <= 0:
        raise too_slow(seconds)
    with metrics.timed(asked.found.kind, version):
        return await payloads.whole(asked.found, asked.said, asked.context, left)
