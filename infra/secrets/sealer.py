"""Secrets sealed with AES-256-GCM.

A sealed value is: one byte of format, four of the key's id, twelve of nonce, the ciphertext with
its tag. The context is associated data: a value moved to another row does not open.
"""

import os
from base64 import b64decode, b64encode
from binascii import Error as Malformed
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from domain.errors import ModelyardError, SealBroken

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

FORMAT = b"\x01"
KEY_BYTES, ID_BYTES, NONCE_BYTES = 32, 4, 12
FILE = "secret.key"


@dataclass(eq=False, kw_only=True)
class SealingKeyRefused(ModelyardError):
    """The key that seals secrets can't be used: {problem}."""

    problem: str


@dataclass(frozen=True, slots=True)
class AesSealer:
    key: bytes = field(repr=False)

    @property
    def key_id(self) -> bytes:
        return sha256(b"modelyard sealing key" + self.key).digest()[:ID_BYTES]

    def seal(self, value: str, context: str) -> bytes:
        nonce = os.urandom(NONCE_BYTES)
        head = FORMAT + self.key_id
        return head + nonce + self._cipher().encrypt(nonce, value.encode(), context.encode())

    def open(self, sealed: bytes, context: str) -> str:
        from cryptography.exceptions import InvalidTag

        key_id, rest = sealed[1 : 1 + ID_BYTES], sealed[1 + ID_BYTES :]
        if sealed[:1] != FORMAT or len(rest) < NONCE_BYTES:
            raise SealBroken(problem="it is no sealed value")
        if key_id != self.key_id:
            used, present = key_id.hex(), self.key_id.hex()
            raise SealBroken(problem=f"it was sealed with key {used}, the server has {present}")
        nonce, ciphertext = rest[:NONCE_BYTES], rest[NONCE_BYTES:]
        try:
            return self._cipher().decrypt(nonce, ciphertext, context.encode()).decode()
        except InvalidTag as error:
            raise SealBroken(problem="it was changed or moved since it was sealed") from error

    def _cipher(self) -> "AESGCM":
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        return AESGCM(self.key)


def key_from_text(text: str, source: str) -> bytes:
    """The key that a setting or a file holds in base64 (`openssl rand -base64 32`)."""
    try:
        key = b64decode(text.strip(), validate=True)
    except (Malformed, ValueError) as error:
        raise SealingKeyRefused(problem=f"{source} is not base64") from error
    if len(key) != KEY_BYTES:
        raise SealingKeyRefused(problem=f"{source} has {len(key)} bytes, it needs {KEY_BYTES}")
    return key


def key_from_folder(data_dir: Path) -> bytes:
    """The key kept in the data folder; made there once, however many servers start at once.

    The file appears complete under its name or not at all: it is written under another name and
    linked, which fails where a twin was faster; the twin's is read then.
    """
    file = data_dir / FILE
    if not file.exists():
        draft = data_dir / f".{FILE}.{os.urandom(8).hex()}"
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as written:
                written.write(b64encode(os.urandom(KEY_BYTES)) + b"\n")
                written.flush()
                os.fsync(written.fileno())
            _link(draft, file)
        finally:
            draft.unlink()
    if file.stat().st_mode & 0o077:
        raise SealingKeyRefused(problem=f"{file} is open to others; run `chmod 600 {file}`")
    return key_from_text(file.read_text(errors="replace"), str(file))


def _link(draft: Path, file: Path) -> None:
    try:
        os.link(draft, file)
    except FileExistsError:
        return
