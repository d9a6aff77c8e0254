"""The wheel has what the pages load, and there is no wheel without it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.support.references import write_built

ROOT = Path(__file__).parents[3]
TOLD = ("pyproject.toml", "README.md", "LICENSE", ".gitignore")
ASSETS = "infra/http/pages/assets"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """What a wheel is made of, without what is built."""
    root = tmp_path / "checkout"
    ignored = shutil.ignore_patterns("__pycache__", "assets", "node_modules")
    for package in ("schema", "resolvers", "domain", "infra", "console"):
        shutil.copytree(ROOT / package, root / package, ignore=ignored)
    for name in TOLD:
        shutil.copy(ROOT / name, root / name)
    return root


def build(checkout: Path, target: Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(target)]
    return subprocess.run(
        command, cwd=checkout, capture_output=True, text=True, env=dict(os.environ)
    )


def test_a_wheel_has_the_built_files_and_our_own(checkout: Path, tmp_path: Path) -> None:
    assets = checkout / ASSETS
    assets.mkdir()
    write_built(assets)
    done = build(checkout, tmp_path)
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    with ZipFile(wheel) as packed:
        names = set(packed.namelist())
    built = {f"{ASSETS}/{each.name}" for each in assets.iterdir()}
    assert len(built) == 4
    assert built <= names
    assert "infra/http/pages/own/reference.css" in names
    assert not any(name.startswith("console/") for name in names)


def test_a_wheel_without_the_built_files_is_refused(checkout: Path, tmp_path: Path) -> None:
    done = build(checkout, tmp_path)
    assert done.returncode != 0
    assert "run `make pages` first" in done.stderr
    assert not list(tmp_path.glob("*.whl"))
