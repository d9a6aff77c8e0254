"""The environment that a replica's processes get, and nothing else of the server's."""

import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from infra.process.processes import MARK
from infra.process.settings import ProcessSettings

INHERITED = ("HOME", "LANG", "TMPDIR")
INHERITED_PREFIX = "CUDA_"
OURS = "MODELYARD_"
PLAIN_PATH = "/usr/local/bin:/usr/bin:/bin"


def environment(
    settings: ProcessSettings, own: Mapping[str, str], place: Mapping[str, str], mark: str
) -> dict[str, str]:
    """`own` is the revision's, `place` what the driver decided (PORT, HOST, MODEL_PATH) and what wins."""
    return {**dict(inherited(settings)), **own, **place, MARK: mark}


def inherited(settings: ProcessSettings) -> Iterator[tuple[str, str]]:
    """What the server passes on; none of its own settings, whatever the operator names."""
    own_bin = str(Path(sys.executable).parent)
    path = settings.environ.get("PATH", PLAIN_PATH)
    yield "PATH", os.pathsep.join([own_bin, path])
    names = {*INHERITED, *settings.inherit} - {"PATH"}
    for name, value in settings.environ.items():
        wanted = name in names or name.startswith(INHERITED_PREFIX)
        if wanted and not name.startswith(OURS):
            yield name, value
