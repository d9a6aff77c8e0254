"""How a database that was restored is known, so that cursors of the lost log are unknown.

PostgreSQL: the head row keeps the server's system identifier, the database's oid and the timeline.
A dump read into another database, a server made from a backup, and a standby that was promoted all
differ. A file system snapshot put back under the same server does not.

SQLite: the head row and a file in the data dir keep a token that is drawn anew at each start, and
the file the head's position, at most a second old. A backup of an earlier run has another token, a
backup of this run a lower position. Database and file put back together are not noticed.

What is not noticed here needs `modelyard events restored`: Store.renew_epoch.
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import select, text, update
from sqlalchemy.exc import DBAPIError

from domain.errors import StorageUnavailable
from domain.ids import NewId
from infra.db.engine import Engines, Transaction
from infra.db.events import EVENT_HEAD, HEAD

POSTGRES_MARK = text(
    "SELECT system_identifier || ':' || oid || ':' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)"
    " FROM pg_control_system(), pg_database WHERE datname = current_database()"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Witness:
    """What the file beside a SQLite database remembers of it."""

    tokens: tuple[str | None, ...]
    epoch: str
    position: int

    def knows(self, head: Any) -> bool:
        same = head.epoch == self.epoch
        return head.mark in self.tokens and (not same or head.position >= self.position)


@dataclass(frozen=True, slots=True)
class Marks:
    engines: Engines
    data_dir: Path
    new_id: NewId

    async def check_in(self) -> bool:
        """Begin a new epoch where the database is not the one that it was; whether it did."""
        return await (self._check_in_sqlite() if self.engines.is_sqlite else self._check_in_pg())

    async def note(self) -> None:
        """Remember how far the log is. The file is written under the database's lock alone."""
        if self.engines.is_sqlite:
            async with self.engines.transaction() as transaction:
                head = await _head(transaction)
                self._write(Witness(tokens=(head.mark,), epoch=head.epoch, position=head.position))

    async def _check_in_pg(self) -> bool:
        mark = await self._postgres_mark()
        async with self.engines.transaction() as transaction:
            head = await _head(transaction)
            restored = mark is not None and head.mark is not None and head.mark != mark
            await self._put(transaction, mark or head.mark, head.epoch, restored)
        return restored

    async def _check_in_sqlite(self) -> bool:
        """The file knows both tokens while the database changes from one to the other."""
        async with self.engines.transaction() as transaction:
            head, witness, token = await _head(transaction), self._read(), self.new_id()
            restored = not witness.knows(head) if witness else head.mark is not None
            epoch = await self._put(transaction, token, head.epoch, restored)
            self._write(Witness(tokens=(head.mark, token), epoch=epoch, position=head.position))
        await self.note()
        return restored

    async def _put(
        self, transaction: Transaction, mark: str | None, epoch: str, restored: bool
    ) -> str:
        now = self.new_id() if restored else epoch
        await transaction.run(update(EVENT_HEAD).values(mark=mark, epoch=now))
        return now

    async def _postgres_mark(self) -> str | None:
        """None where the server does not tell: then restores are the operator's to report."""
        try:
            return str((await self.engines.rows(POSTGRES_MARK))[0][0])
        except StorageUnavailable:
            raise
        except DBAPIError:
            return None

    def _read(self) -> Witness | None:
        try:
            kept = json.loads(self._file.read_text())
        except (FileNotFoundError, ValueError):
            return None
        return Witness(tokens=tuple(kept["tokens"]), epoch=kept["epoch"], position=kept["position"])

    def _write(self, witness: Witness) -> None:
        kept = {"tokens": witness.tokens, "epoch": witness.epoch, "position": witness.position}
        draft = self._file.with_suffix(".new")
        try:
            with draft.open("w") as file:
                file.write(json.dumps(kept))
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self._file)
        except OSError as error:
            problem = error.strerror or str(error)
            raise StorageUnavailable(where=str(self._file), problem=problem) from error

    @property
    def _file(self) -> Path:
        return self.data_dir / "event-log.json"


async def _head(transaction: Transaction) -> Any:
    row = select(HEAD.mark, HEAD.epoch, HEAD.position).with_for_update()
    return (await transaction.run(row)).one()
