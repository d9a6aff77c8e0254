"""The contract as this code has it, and as a copy of the code tells it of itself."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from infra.output import fail
from resolvers import root
from schema.contract.past import pasts, stored
from schema.contract.terms import Code, Contract
from schema.versions import Declaration


def judged(committed: str) -> Contract:
    releases = pasts(stored())
    code = root.code(each.version for each in releases)
    return Contract.of(code, committed=committed, releases=releases)


def committed(file: Path) -> str:
    try:
        return file.read_text("utf-8")
    except OSError as error:
        fail(f"{file} can't be read: {error.strerror}")
    except UnicodeDecodeError as error:
        fail(f"{file} is no schema: {error}")


def snapshot() -> Mapping[str, Any]:
    return asdict(root.code(version for version, _ in stored()))


def of_snapshot(taken: Mapping[str, Any]) -> Code:
    declarations = {name: Declaration(**each) for name, each in taken["declarations"].items()}
    return Code(**{**taken, "declarations": declarations})
