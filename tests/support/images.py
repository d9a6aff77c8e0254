"""Modelyard's own image for a test's cluster, made without an image builder.

name = modelyard_image()      # localhost/modelyard:t-<digest of what is in it>

What it installs comes from this environment, by the names in requirements.lock; so the environment's
Python has to be the one of the kit's base image.
"""

import fcntl
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest

from tests.support import clusters

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("schema", "resolvers", "domain", "infra")
LOCK = ROOT / "requirements.lock"
PINNED = re.compile(r"^([A-Za-z0-9._-]+)==", re.MULTILINE)
BASE_PYTHON = (3, 11)
RUN = '#!/bin/sh\nexec python3 -m infra.cli "$@"\n'
SHELL = '#!/bin/sh\nexec /bin/sh "$@"\n'  # the base has no bash


def modelyard_image() -> str:
    """The name of the image with this source, in the cluster that tests share; built where it is not
    there yet."""
    kit = clusters.kit()
    if sys.version_info[:2] != BASE_PYTHON:
        pytest.fail(f"the cluster's image has Python 3.11, this environment {sys.version}")
    name = f"localhost/modelyard:t-{digest()}"
    with alone():
        if name not in run(kit, "list").split():
            with tempfile.TemporaryDirectory(prefix="modelyard-image-") as folder:
                build(kit, name, Path(folder))
    return name


def digest() -> str:
    said = sha256(LOCK.read_bytes())
    for file in sources():
        said.update(str(file.relative_to(ROOT)).encode() + b"\0" + file.read_bytes())
    return said.hexdigest()[:16]


def sources() -> list[Path]:
    found = (file for each in PACKAGES for file in (ROOT / each).rglob("*") if file.is_file())
    return sorted(file for file in found if "__pycache__" not in file.parts)


def build(kit: Path, name: str, folder: Path) -> None:
    for file in sources():
        put(file, folder / "app" / file.relative_to(ROOT))
    for package in PINNED.findall(LOCK.read_text()):
        install(package, folder / "deps")
    script(folder / "bin" / "modelyard", RUN)
    script(folder / "shells" / "bash", SHELL)
    places = {"deps": "/deps", "app": "/app", "bin": "/usr/bin", "shells": "/bin"}
    added = [word for each, at in places.items() for word in ("--add", f"{folder / each}:{at}")]
    env = ["--env", "PYTHONPATH=/app:/deps"]
    command = ["--cmd", "modelyard", "serve"]
    run(kit, "build", name, "--base", "python", *added, *env, "--workdir", "/app", *command)


def install(package: str, folder: Path) -> None:
    """As this environment has it, with what was compiled of it; what it lacks is for other systems."""
    try:
        found = distribution(package)
    except PackageNotFoundError:
        return
    for each in found.files or ():
        source = Path(str(found.locate_file(each)))
        if ".." in each.parts or "__pycache__" in each.parts or not source.is_file():
            continue  # a command, beside the packages
        put(source, folder / str(each))
        for compiled in source.parent.glob(f"__pycache__/{source.stem}.cpython-*.pyc"):
            put(compiled, folder / each.parent / "__pycache__" / compiled.name)


def put(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if not target.exists():
        shutil.copy2(source, target)


def script(file: Path, text: str) -> None:
    file.parent.mkdir()
    file.write_text(text)
    file.chmod(0o755)


def run(kit: Path, *arguments: str) -> str:
    done = subprocess.run(
        [str(kit / "image"), *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@contextmanager
def alone() -> Iterator[None]:
    """Of all test processes on this machine."""
    file = Path(tempfile.gettempdir()) / f"modelyard-image-{os.getuid()}.lock"
    with file.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield
