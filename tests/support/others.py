"""Programs of others that judge the API: generators, compilers, and the clients they make.

example = a_copy(tmp_path, TYPESCRIPT)        # the folder with all that is installed for it
run("./run", server.url, cwd=example)
"""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.node import SCRIPTS, environment

ROOT = Path(__file__).parents[2]
SECONDS = 120.0
LEFT = shutil.ignore_patterns(
    "node_modules", ".venv", "generated", "dist", "build.log", ".mypy_cache"
)


@dataclass(frozen=True, slots=True)
class Folder:
    """`installed` is what `make clients` makes in it; `program` is there when that is whole."""

    path: str
    installed: str
    program: str


PYTHON = Folder("examples/clients/python", ".venv", "bin/ariadne-codegen")
TYPESCRIPT = Folder("examples/clients/typescript", "node_modules", ".bin/tsc")
NODE = Folder("tests/clients/node", "node_modules", ".bin/relay-compiler")


def a_copy(place: Path, folder: Folder) -> Path:
    """The folder below `place` as it lies below the repository, with the schema and the documents."""
    installed = _installed(folder)
    copy = place / folder.path
    shutil.copytree(ROOT / folder.path, copy, ignore=LEFT, dirs_exist_ok=True)
    shutil.copy(ROOT / "schema.graphql", place)
    documents = place / "examples/clients/documents.graphql"
    documents.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(ROOT / "examples/clients/documents.graphql", documents)
    (copy / folder.installed).symlink_to(installed)
    return copy


def run(*command: str, cwd: Path, fails: bool = False) -> str:
    """What it wrote, to both of its streams."""
    done = subprocess.run(
        command,
        cwd=cwd,
        env=_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert (done.returncode != 0) is fails, f"{command} ended with {done.returncode}: {done.stdout}"
    return done.stdout


def _installed(folder: Folder) -> Path:
    found = ROOT / folder.path / folder.installed
    if not (found / folder.program).exists():
        problem = f"{folder.path}/{folder.installed} is not there; `make clients` makes it"
        if os.environ.get("CI"):
            pytest.fail(problem)
        pytest.skip(problem)
    return found


def _environment() -> dict[str, str]:
    """Without our own packages: what runs is somebody else's. `npm` is the one beside Python."""
    said = environment()
    path = os.pathsep.join((str(SCRIPTS), said["PATH"]))
    own = {k: v for k, v in said.items() if k != "PYTHONPATH" and not k.startswith("MODELYARD_")}
    return {**own, "PATH": path, "PYTHONUNBUFFERED": "1"}  # so that lines come in their order
