"""Each import contract is broken once, on a copy of the tree, to see that it is caught."""

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("domain", "schema", "resolvers", "infra")

BREACHES = {
    "Imports go down: infra's entry points, resolvers, schema, domain": (
        "resolvers/errors.py",
        "import infra.app",
    ),
    "Resolvers know services and types, not what runs them": (
        "resolvers/errors.py",
        "import sqlalchemy",
    ),
    "The schema knows the domain's values, not its services or ports": (
        "schema/folders.py",
        "import domain.folders.service",
    ),
    "Adapters know the domain alone, not each other": ("infra/files/yaml.py", "import infra.db"),
    "The domain knows no other package of ours and no framework": (
        "domain/clock.py",
        "import starlette",
    ),
    "SQL stays in infra.db": ("infra/app.py", "import sqlalchemy"),
    "PostgreSQL's driver is known where rows are kept and notifications heard": (
        "infra/app.py",
        "import asyncpg",
    ),
    "What the system tells of processes is asked where replicas are processes": (
        "infra/app.py",
        "import psutil",
    ),
    "A cluster is spoken to where replicas are pods": ("infra/app.py", "import kubernetes"),
    "HTTP to engines is spoken where inference is": ("infra/app.py", "import aiohttp"),
}


def contracts() -> list[str]:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    return [contract["name"] for contract in settings["tool"]["importlinter"]["contracts"]]


def copy_of_the_tree(place: Path) -> Path:
    for package in PACKAGES:
        shutil.copytree(
            ROOT / package, place / package, ignore=shutil.ignore_patterns("__pycache__")
        )
    shutil.copy(ROOT / "pyproject.toml", place)
    return place


def broken(tree: Path) -> list[str]:
    """The names of the contracts that the tree breaks."""
    code = "from importlinter.cli import lint_imports_command as lint; lint(['--no-cache'])"
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, '.'); {code}"],
        cwd=tree,
        capture_output=True,
        text=True,
        check=False,
    )
    lines = done.stdout.splitlines()
    assert any("contracts" in line.lower() for line in lines), done.stdout + done.stderr
    return [line.removesuffix("BROKEN").strip() for line in lines if line.endswith("BROKEN")]


def test_every_contract_has_its_breach() -> None:
    assert sorted(contracts()) == sorted(BREACHES)


def test_the_tree_as_it_stands_breaks_none(tmp_path: Path) -> None:
    assert broken(copy_of_the_tree(tmp_path)) == []


@pytest.mark.parametrize("contract", BREACHES)
def test_a_breach_is_caught(tmp_path: Path, contract: str) -> None:
    tree = copy_of_the_tree(tmp_path)
    file, line = BREACHES[contract]
    source = tree / file
    source.write_text(f"{line}\n{source.read_text()}")
    assert contract in broken(tree)
