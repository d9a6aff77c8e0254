"""NEXT becomes a number in declarations, and nowhere else."""

import subprocess
import sys
from textwrap import dedent

import pytest

from schema.contract.rewriting import numbered

VERSIONS = "from schema import versions\n"


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        (
            VERSIONS + "x = versions.field(added=versions.NEXT)\n",
            VERSIONS + 'x = versions.field(added="0.3.0")\n',
        ),
        (
            VERSIONS + 'x = versions.field(added="NEXT", description="NEXT, é")\n',
            VERSIONS + 'x = versions.field(added="0.3.0", description="NEXT, é")\n',
        ),
        (
            "from schema.versions import NEXT, enum\n\nenum(A, added=NEXT)\n",
            'from schema.versions import enum\n\nenum(A, added="0.3.0")\n',
        ),
        (
            "from schema.versions.marks import NEXT as COMING\n\nsince(A, added=COMING)\n",
            '\nsince(A, added="0.3.0")\n',
        ),
        (
            "import schema.versions\n\nx = f(deprecated=schema.versions.NEXT)\n",
            'import schema.versions\n\nx = f(deprecated="0.3.0")\n',
        ),
        (
            VERSIONS + 'f("ümlaut", deprecated=versions.NEXT, removal=versions.NEXT, use="A.b")\n',
            VERSIONS + 'f("ümlaut", deprecated="0.3.0", removal="0.3.0", use="A.b")\n',
        ),
        (
            VERSIONS + 'versions.type(added="0.1.0", joins={"A": versions.NEXT, "B": "0.2.0"})\n',
            VERSIONS + 'versions.type(added="0.1.0", joins={"A": "0.3.0", "B": "0.2.0"})\n',
        ),
        (
            VERSIONS + "x = versions.field(\n    added=(\n        versions.NEXT\n    ),\n)\n",
            VERSIONS + 'x = versions.field(\n    added=(\n        "0.3.0"\n    ),\n)\n',
        ),
        (
            VERSIONS + "LATE = versions.NEXT\nx = versions.field(added=LATE)\n",
            VERSIONS + 'LATE = "0.3.0"\nx = versions.field(added=LATE)\n',
        ),
        (
            VERSIONS + "\x0c\nx = versions.field(added=versions.NEXT)\n",
            VERSIONS + '\x0c\nx = versions.field(added="0.3.0")\n',
        ),
        (
            VERSIONS + 'x = versions.field("\u2028 \x85", added=versions.NEXT)  # no end of line',
            VERSIONS + 'x = versions.field("\u2028 \x85", added="0.3.0")  # no end of line',
        ),
    ],
)
def test_a_declaration_gets_the_number(source: str, wanted: str) -> None:
    rewritten = numbered(source, "0.3.0")
    if "versions." not in wanted.removeprefix(VERSIONS):
        wanted = wanted.removeprefix(VERSIONS)  # nothing else needed it
    assert rewritten == wanted
    assert numbered(rewritten, "0.3.0") == rewritten


@pytest.mark.parametrize(
    "source",
    [
        "from schema.versions import NEXT\n\n\ndef f(said: str) -> bool:\n    return said == NEXT\n",
        "from schema.versions import NEXT\n\n\nclass Context:\n    version: str = NEXT\n",
        '"""NEXT."""\n\nx = f(description="NEXT", added="0.1.0")\n',
        "from elsewhere import NEXT\n\nf(added=NEXT)\n",
    ],
)
def test_what_declares_nothing_stays(source: str) -> None:
    assert numbered(source, "0.3.0") == source


def test_an_import_goes_with_its_last_use_alone() -> None:
    source = dedent(
        """\
        from typing import TYPE_CHECKING

        from schema.versions import (
            NEXT,
            order,
            value,
        )

        if TYPE_CHECKING:
            from schema.versions.marks import NEXT as SOON

        __all__ = ["order"]
        a = value(added=NEXT)
        b = value(added=SOON)
        c: "TYPE_CHECKING"
        """
    )
    assert numbered(source, "0.3.0") == dedent(
        """\
        from typing import TYPE_CHECKING

        from schema.versions import (
            order,
            value,
        )

        if TYPE_CHECKING:
            pass

        __all__ = ["order"]
        a = value(added="0.3.0")
        b = value(added="0.3.0")
        c: "TYPE_CHECKING"
        """
    )


def test_an_import_stays_where_next_is_compared_with_too() -> None:
    source = "from schema.versions import NEXT, value\n\na = value(added=NEXT)\nb = NEXT == a\n"
    assert numbered(source, "0.3.0").startswith("from schema.versions import NEXT, value\n")


def test_what_is_rewritten_leaves_nothing_for_ruff() -> None:
    source = "from schema.versions import NEXT, value\n\na = value(added=NEXT)\n"
    done = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--isolated", "--select", "F,I", "-"],
        input=numbered(source, "0.3.0"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
