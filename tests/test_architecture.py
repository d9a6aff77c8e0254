"""The rules of the house that a linter has no word for; each is seen to catch what it forbids."""

import ast
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("domain", "schema", "resolvers", "infra")
LONGEST = 500
BANNED = {"manager", "handler", "helper", "util", "utils", "base", "common", "data", "info"}
BANNED |= {"processor", "impl"}
THEIRS = {"PageInfo", "Info", "result_processor"}  # names that Relay, Strawberry, SQLAlchemy fixed
THEIRS |= {"data_received"}  # and asyncio
THEIRS_ALONE = {".venv", "node_modules", "generated"}  # folders of what is installed or generated
PURE = {
    "plan",
    "rollout",
    "decide",
    "load",
    "merge",
    "planner",
    "readiness",
    "room",
    "wishes",
    "finalise",
    "manifests",
    "render",
    "drafts",
}
ROOMS = {
    "os.environ": ("infra/settings.py",),
    "os.getenv": ("infra/settings.py",),
    "select(": ("infra/db/",),
    "import strawberry": ("schema/", "resolvers/", "infra/http/"),
}


def sources(*folders: str) -> Iterator[Path]:
    for folder in folders or (*PACKAGES, "tests", "benchmarks", "examples"):
        found = sorted((ROOT / folder).rglob("*.py"))
        yield from (path for path in found if not THEIRS_ALONE & set(path.parts))


def place(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module


def strangers(tree: ast.AST, allowed: set[str]) -> set[str]:
    roots = {name.partition(".")[0] for name in imported(tree)}
    return roots - allowed - sys.stdlib_module_names


def banned_names(tree: ast.AST) -> list[str]:
    """Of classes and functions; a test's name is a sentence and may say anything."""
    kinds = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    names = [node.name for node in ast.walk(tree) if isinstance(node, kinds)]
    judged = [n for n in names if n not in THEIRS and not n.startswith("test_")]
    return [name for name in judged if BANNED & set(words(name))]


def words(name: str) -> list[str]:
    return [w.lower() for w in re.findall(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])", name)]


def awaits(tree: ast.AST) -> list[int]:
    kinds = (ast.Await, ast.AsyncFunctionDef, ast.AsyncFor, ast.AsyncWith)
    return [node.lineno for node in ast.walk(tree) if isinstance(node, kinds)]


def long_functions(tree: ast.AST, limit: int) -> list[str]:
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    found = [node for node in ast.walk(tree) if isinstance(node, kinds)]
    return [f.name for f in found if (f.end_lineno or f.lineno) - f.lineno >= limit]


@pytest.mark.parametrize("package", PACKAGES)
def test_the_packages_on_the_path_are_ours(package: str) -> None:
    module = import_module(package)
    assert module.__file__ is not None
    assert Path(module.__file__).is_relative_to(ROOT)
    assert set(packages_distributions().get(package, ())) <= {"modelyard"}


def test_the_domain_knows_the_standard_library_and_pydantic_alone() -> None:
    allowed = {"domain", "pydantic", "pydantic_core"}
    found = {place(p): strangers(ast.parse(p.read_text()), allowed) for p in sources("domain")}
    assert {p: names for p, names in found.items() if names} == {}
    assert strangers(ast.parse("import yaml, json"), allowed) == {"yaml"}


def test_what_decides_never_awaits() -> None:
    pure = [p for p in sources("domain", "infra") if {p.stem, p.parent.name} & PURE]
    assert len(pure) > len(PURE)
    assert {place(p): awaits(ast.parse(p.read_text())) for p in pure} == {
        place(p): [] for p in pure
    }
    assert awaits(ast.parse("async def f(): await g()"))


def test_no_file_is_longer_than_the_limit() -> None:
    lengths = {place(p): len(p.read_text().splitlines()) for p in sources()}
    assert {p: n for p, n in lengths.items() if n > LONGEST} == {}


def test_no_name_says_nothing() -> None:
    found = {place(p): banned_names(ast.parse(p.read_text())) for p in sources()}
    assert {p: names for p, names in found.items() if names} == {}
    assert banned_names(ast.parse("class RowManager: ...\ndef db_helper(): ...")) == [
        "RowManager",
        "db_helper",
    ]


def test_no_function_outgrows_a_screen() -> None:
    found = {place(p): long_functions(ast.parse(p.read_text()), 70) for p in sources(*PACKAGES)}
    assert {p: names for p, names in found.items() if names} == {}


@pytest.mark.parametrize("line", ROOMS)
def test_a_line_stands_in_its_room(line: str) -> None:
    pattern = re.compile(rf"(?<![\w.]){re.escape(line)}")
    found = [place(p) for p in sources(*PACKAGES) if pattern.search(p.read_text())]
    assert found != [] or line == "os.getenv"
    assert [p for p in found if not p.startswith(ROOMS[line])] == []


def test_the_top_level_is_what_it_has_to_be() -> None:
    folders = {p.parent.name for p in ROOT.glob("*/__init__.py")}
    assert folders - {"tests", "benchmarks"} == set(PACKAGES)


@pytest.mark.skipif(
    not (ROOT / ".git").exists() or shutil.which("git") is None, reason="this is no git checkout"
)
def test_nothing_that_is_made_is_kept_in_git() -> None:
    command = ["git", "ls-files", "--cached", "--ignored", "--exclude-standard"]
    made = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert made.stdout.splitlines() == []
