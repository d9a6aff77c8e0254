"""docs/clients.md names the versions that are tested: those of the lock files."""

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
VERSION = re.compile(r"\d+\.\d+\.\d+")
TOOLS = {
    "graphql-codegen (`typescript`)": ("@graphql-codegen/cli", "@graphql-codegen/typescript"),
    "graphql-codegen (`typescript-operations`, `typed-document-node`)": (
        "@graphql-codegen/typescript-operations",
        "@graphql-codegen/typed-document-node",
    ),
    "ariadne-codegen": ("ariadne-codegen",),
    "gql": ("gql",),
    "graphql-ws": ("graphql-ws",),
    "relay-compiler": ("relay-compiler",),
    "graphql-inspector": ("@graphql-inspector/core", "@graphql-inspector/cli"),
    "schemathesis": ("schemathesis",),
}


def locked() -> dict[str, str]:
    found: dict[str, str] = {}
    for file in ("requirements-dev.lock", "examples/clients/python/requirements.lock"):
        found |= re.findall(r"^([\w-]+)==([\w.]+)", (ROOT / file).read_text(), re.MULTILINE)
    for folder in ("tests/clients/node", "examples/clients/typescript"):
        packages = json.loads((ROOT / folder / "package-lock.json").read_text())["packages"]
        found |= {
            name.removeprefix("node_modules/"): said["version"]
            for name, said in packages.items()
            if name.count("node_modules/") == 1
        }
    return found


@pytest.mark.parametrize("tool", TOOLS)
def test_the_table_names_the_version_that_is_tested(tool: str) -> None:
    table = (ROOT / "docs/clients.md").read_text()
    rows = [line.split(" | ") for line in table.splitlines() if line.startswith(f"| {tool} |")]
    [(_, said, *_)] = rows
    versions = locked()
    assert VERSION.findall(said) == [versions[name] for name in TOOLS[tool]]
