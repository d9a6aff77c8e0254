import os
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from domain.errors import SealBroken
from infra.secrets.sealer import (
    FILE,
    AesSealer,
    SealingKeyRefused,
    key_from_folder,
    key_from_text,
)

KEY, OTHER = bytes(range(32)), bytes(32)


def test_a_sealed_value_opens_in_its_context() -> None:
    sealer = AesSealer(KEY)
    assert sealer.open(sealer.seal("pässword", "p/token"), "p/token") == "pässword"


def test_the_same_value_is_never_sealed_alike() -> None:
    sealer = AesSealer(KEY)
    assert sealer.seal("x", "p/token") != sealer.seal("x", "p/token")


def test_a_sealed_value_does_not_hold_the_value() -> None:
    assert b"swordfish" not in AesSealer(KEY).seal("swordfish", "p/token")


def test_a_value_moved_to_another_row_does_not_open() -> None:
    sealer = AesSealer(KEY)
    with pytest.raises(SealBroken, match="changed or moved"):
        sealer.open(sealer.seal("x", "p/token"), "q/token")


@pytest.mark.parametrize("at", [6, 20, -1])
def test_a_changed_value_does_not_open(at: int) -> None:
    sealed = bytearray(AesSealer(KEY).seal("value", "p/token"))
    sealed[at] ^= 1
    with pytest.raises(SealBroken, match="changed or moved"):
        AesSealer(KEY).open(bytes(sealed), "p/token")


def test_another_key_is_named_as_the_reason() -> None:
    sealed = AesSealer(KEY).seal("x", "p/token")
    with pytest.raises(SealBroken) as broken:
        AesSealer(OTHER).open(sealed, "p/token")
    assert AesSealer(KEY).key_id.hex() in str(broken.value)
    assert AesSealer(OTHER).key_id.hex() in str(broken.value)


@pytest.mark.parametrize("sealed", [b"", b"\x01", b"\x02" + bytes(40), b"\x01abcd123"])
def test_what_was_never_sealed_does_not_open(sealed: bytes) -> None:
    with pytest.raises(SealBroken):
        AesSealer(KEY).open(sealed, "p/token")


def test_a_key_is_not_shown() -> None:
    assert repr(KEY) not in repr(AesSealer(KEY))


def test_a_key_is_32_bytes_in_base64() -> None:
    assert key_from_text(b64encode(KEY).decode() + "\n", "MODELYARD_SECRET_KEY") == KEY


@pytest.mark.parametrize("text", ["", "swordfish!", b64encode(KEY[:16]).decode(), "ü"])
def test_a_key_of_another_form_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(SealingKeyRefused, match="MODELYARD_SECRET_KEY") as refused:
        key_from_text(text, "MODELYARD_SECRET_KEY")
    assert not text or text not in str(refused.value)


def test_the_folders_key_is_made_once_and_kept_for_its_owner_alone(tmp_path: Path) -> None:
    first = key_from_folder(tmp_path)
    assert key_from_folder(tmp_path) == first
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600
    assert os.listdir(tmp_path) == [FILE]


def test_servers_that_start_at_once_get_the_same_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(32) as servers:
        keys = set(servers.map(key_from_folder, [tmp_path] * 32))
    assert len(keys) == 1


def test_a_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    key_from_folder(tmp_path)
    (tmp_path / FILE).chmod(0o644)
    with pytest.raises(SealingKeyRefused, match="chmod 600"):
        key_from_folder(tmp_path)


def test_a_damaged_key_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("half")
    (tmp_path / FILE).chmod(0o600)
    with pytest.raises(SealingKeyRefused, match=r"secret\.key"):
        key_from_folder(tmp_path)
