"""Who may ask: read from the database once in a while, not for each request."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from domain.access.access import Caller
from domain.clock import Timer
from domain.ids import NewId
from infra.http.gate import Credentials, Gate

KEPT_SECONDS = 2.0  # a revoked key is refused within 5 s
MOST = 10_000


@dataclass(frozen=True, slots=True)
class _Kept:
    caller: Caller
    until: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """Whom the gate admitted a moment ago is admitted again. Refusals are not kept, and neither is
    anything in open mode: the first key closes it at once."""

    gate: Gate
    timer: Timer
    new_id: NewId
    most: int = MOST
    _kept: dict[Credentials, _Kept] = field(default_factory=dict)

    async def admit(self, headers: Mapping[str, str]) -> Caller:
        """As Gate.admit."""
        said = Credentials.of(headers)
        if await self.gate.is_open():
            return await self.gate.admit(headers, said)
        now = self.timer.now()
        kept = self._kept.get(said)
        if kept is not None and now < kept.until:
            return replace(kept.caller, request_id=self.new_id())
        self._kept.pop(said, None)
        caller = await self.gate.admit(headers, said)
        if len(self._kept) >= self.most:
            self._kept.clear()
        self._kept[said] = _Kept(caller, now + KEPT_SECONDS)
        return caller
