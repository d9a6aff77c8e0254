"""Where replicas are processes, nothing of a cluster is loaded: its client takes a second and 50 MB."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
SERVES = """
import asyncio, sys
from pathlib import Path
from infra import app, serving, wiring
from infra.settings import Settings

async def serve():
    async with wiring.running(Settings(data_dir=Path(sys.argv[1])), serves=True) as parts:
        app.build(parts)

asyncio.run(serve())
"""
LOADED = """
import sys
print(*(name for name in sys.modules if name.partition('.')[0] == 'kubernetes'))
"""


@pytest.mark.parametrize("code", ["import infra.cli", SERVES], ids=["command", "server"])
def test_no_cluster_client_is_loaded(code: str, tmp_path: Path) -> None:
    run = [sys.executable, "-c", f"{code}\n{LOADED}", str(tmp_path / "data")]
    done = subprocess.run(run, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.split()) == (0, []), done.stderr
