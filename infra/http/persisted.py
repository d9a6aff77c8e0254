"""Documents that are named by the SHA-256 of their text.

`Kept` keeps what clients send with its hash, as Apollo's automatic persisted queries have it: a hash
that is not known here is PERSISTED_QUERY_NOT_FOUND, and the client sends the text again. `Trusted` has
what its operator listed, and nothing else is executed.
"""

from collections import Counter, OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Protocol

from infra.http.refusals import RequestRefused
from infra.http.requests import Said

DOCUMENTS_KEPT = 1_000
BYTES_KEPT = 8 * 1024 * 1024
LONGEST = 64 * 1024  # bytes of a document that is kept


class Documents(Protocol):
    def text(self, said: Said, owner: str | None) -> str:
        """The document that is asked for; `owner` is who asks. Raises RequestRefused."""


class Kept:
    """Each owner has documents of its own: nobody learns what another one sent. Where there is no more
    room, the owner who has most gives up what it used least lately."""

    def __init__(self, documents: int = DOCUMENTS_KEPT, size: int = BYTES_KEPT) -> None:
        self._most_documents = documents
        self._most_bytes = size
        self._owned: dict[str | None, OrderedDict[str, str]] = {}
        self._documents: Counter[str | None] = Counter()
        self._bytes: Counter[str | None] = Counter()

    def text(self, said: Said, owner: str | None) -> str:
        if said.query is None:
            return self._found(said.sha256 or "", owner)
        if said.sha256 is not None:
            _check(said.query, said.sha256)
            self._keep(said.sha256, said.query, owner)
        return said.query

    def _found(self, wanted: str, owner: str | None) -> str:
        owned = self._owned.get(owner, OrderedDict())
        if wanted not in owned:
            raise RequestRefused(
                kind="PERSISTED_QUERY_NOT_FOUND",
                status=200,  # clients that read no errors of other answers would not send the text
                problem="PersistedQueryNotFound",
            )
        owned.move_to_end(wanted)
        return owned[wanted]

    def _keep(self, name: str, text: str, owner: str | None) -> None:
        size = len(text.encode())
        if size > min(LONGEST, self._most_bytes):
            return
        owned = self._owned.setdefault(owner, OrderedDict())
        if name in owned:
            owned.move_to_end(name)
            return
        owned[name] = text
        self._documents[owner] += 1
        self._bytes[owner] += size
        while self._documents.total() > self._most_documents:
            self._forget(self._documents)
        while self._bytes.total() > self._most_bytes:
            self._forget(self._bytes)

    def _forget(self, by: "Counter[str | None]") -> None:
        """One document of who has most."""
        [(owner, _)] = by.most_common(1)
        _, text = self._owned[owner].popitem(last=False)
        self._documents[owner] -= 1
        self._bytes[owner] -= len(text.encode())
        if not self._owned[owner]:
            del self._owned[owner], self._documents[owner], self._bytes[owner]


@dataclass(frozen=True, slots=True)
class Trusted:
    """`texts` by their hashes. A text that is one of these may be sent whole, too."""

    texts: Mapping[str, str]

    def text(self, said: Said, owner: str | None) -> str:
        if said.query is not None and said.sha256 is not None:
            _check(said.query, said.sha256)
        wanted = said.sha256 if said.query is None else digest(said.query)
        found = self.texts.get(wanted or "")
        if found is None:
            raise RequestRefused(
                kind="DOCUMENT_NOT_TRUSTED",
                status=403,
                problem="This server executes the documents that its operator listed, and no others.",
            )
        return found


def digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def _check(text: str, said: str) -> None:
    if digest(text) != said:
        raise RequestRefused(
            kind="PERSISTED_QUERY_HASH_MISMATCH",
            status=400,
            problem="The hash is not the SHA-256 of the document.",
        )
