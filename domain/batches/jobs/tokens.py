"""What a Kubernetes Job's workers show to the server: good for one batch, and not for long."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Malformed
from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.clock import Clock
from domain.errors import SealBroken, Unauthenticated
from domain.secrets.ports import Sealer

PREFIX = "mybw_"
CONTEXT = "token of a batch's workers"
LIFE = timedelta(minutes=15)
FRESH = timedelta(minutes=5)  # how old one may be before it is replaced


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """No row holds them: whoever has the key that they are sealed with knows them."""

    sealer: Sealer
    clock: Clock

    def new(self, batch_id: str) -> str:
        until = self.clock() + LIFE
        sealed = self.sealer.seal(f"{batch_id} {until.isoformat()}", CONTEXT)
        return PREFIX + urlsafe_b64encode(sealed).decode()

    def batch_of(self, token: str) -> str:
        """Raises Unauthenticated."""
        try:
            sealed = urlsafe_b64decode(token.removeprefix(PREFIX).encode())
            batch_id, _, until = self.sealer.open(sealed, CONTEXT).partition(" ")
            is_good = self.clock() < datetime.fromisoformat(until)
        except (SealBroken, Malformed, ValueError) as error:
            raise Unauthenticated() from error
        if not is_good:
            raise Unauthenticated()
        return batch_id

    def is_fresh(self, since: datetime | None) -> bool:
        """Whether the one of that moment need not be replaced yet; None: there is none."""
        return since is not None and self.clock() < since + FRESH
