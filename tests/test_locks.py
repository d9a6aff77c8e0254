"""What is installed is named to its hash, and comes from whichever registry the machine uses."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
NPM = ("console/graphiql", "examples/clients/typescript", "tests/clients/node")
PYPI = (*sorted(file.name for file in ROOT.glob("*.lock") if file.name != "uv.lock"),
        "examples/clients/python/requirements.lock")  # fmt: skip
PINNED = re.compile(r"[\w.\[\],-]+==\S+( ; [^#]+?)?( --hash=sha256:[0-9a-f]{64})+")


def loose(lock: dict[str, Any]) -> list[str]:
    """The packages of a lock of npm's that have no hash, or say where they come from."""
    packages = lock["packages"].items()
    return [
        name for name, said in packages if name and not ("integrity" in said) > ("resolved" in said)
    ]


def unpinned(lock: str) -> list[str]:
    """The lines of a lock of pip's that name no version with its hashes."""
    lines = (line.split("#")[0].strip() for line in lock.replace("\\\n", "").splitlines())
    return [line for line in lines if line and not PINNED.fullmatch(re.sub(r"\s+", " ", line))]


@pytest.mark.parametrize("folder", NPM)
def test_each_package_of_npm_has_its_hash_and_no_host(folder: str) -> None:
    lock = json.loads((ROOT / folder / "package-lock.json").read_text())
    assert len(lock["packages"]) > 100
    assert loose(lock) == []


@pytest.mark.parametrize("file", PYPI)
def test_each_package_of_pypi_has_its_hash_and_no_host(file: str) -> None:
    lock = (ROOT / file).read_text()
    assert "==" in lock
    assert unpinned(lock) == []


def test_a_host_and_a_missing_hash_are_found() -> None:
    sound = {"version": "1.0.0", "integrity": "sha512-a"}
    found = {
        "": {},
        "a": sound,
        "b": {"version": "1.0.0"},
        "c": {**sound, "resolved": "https://a.example"},
    }
    assert loose({"packages": found}) == ["b", "c"]
    digest = f"--hash=sha256:{'0' * 64}"
    assert unpinned(f"a[b]==1 ; python_version < '3.12' \\\n    {digest}\n    # via b\n") == []
    assert unpinned("--index-url https://a.example\na==1\n") == [
        "--index-url https://a.example", "a==1",
    ]  # fmt: skip
