"""A repeated mutation with the same key and input gets the first answer; nothing is done again."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from domain import checks
from domain.errors import IdempotencyKeyReused
from domain.work import Answered, Reads, Work

KEPT = timedelta(hours=24)


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeat:
    """One request that may be a repetition; without a key it never is."""

    project_id: str
    operation: str
    key: str | None
    fingerprint: str

    async def answered(self, reads: Reads, now: datetime) -> str | None:
        """The id that the first request made; raises IdempotencyKeyReused for another input."""
        if self.key is None:
            return None
        kept = await reads.answers.get(self.project_id, self.operation, self.key, now)
        return self._same(kept)

    async def claim(self, work: Work, result: str, now: datetime) -> str | None:
        """Keep `result` under the key; the id that a concurrent twin made meanwhile, if one did.

        Call it before anything else is written: a twin's answer means that nothing may be.
        """
        if self.key is None:
            return None
        mine = Answered(
            project_id=self.project_id,
            operation=self.operation,
            key=self.key,
            fingerprint=self.fingerprint,
            result=result,
            expires_at=now + KEPT,
        )
        return self._same(await work.answers.claim(mine, now))

    def _same(self, kept: Answered | None) -> str | None:
        if kept is None:
            return None
        if kept.fingerprint != self.fingerprint:
            raise IdempotencyKeyReused(key=kept.key, path=("idempotency_key",))
        return kept.result


def repeat(project_id: str, operation: str, key: str | None, said: Any) -> Repeat:
    """`said` is all of the input, a dataclass; it is kept as a SHA-256 alone, and only under a key."""
    fingerprint = ""
    if key is not None:
        checks.text(key, ("idempotency_key",), checks.KEY_LIMIT)
        fingerprint = _fingerprint(asdict(said))
    return Repeat(project_id=project_id, operation=operation, key=key, fingerprint=fingerprint)


def _fingerprint(said: Mapping[str, Any]) -> str:
    canonical = json.dumps(said, sort_keys=True, separators=(",", ":"), default=str)
    return sha256(canonical.encode(errors="surrogatepass")).hexdigest()
