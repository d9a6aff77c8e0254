"""What the pages are tested with."""

from pathlib import Path

import pytest

from tests.support.references import write_built


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """A folder as `make pages` fills it."""
    write_built(tmp_path)
    return tmp_path
