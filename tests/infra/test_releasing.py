"""`modelyard schema release` on copies of this checkout."""

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from shutil import copy2

import pytest

from infra.commands.releasing import Write, checkout, planned, put, release, snapshot_with
from schema.contract.terms import Code
from schema.versions import NEXT, Declaration, order
from schema.versions.releases import releases
from tests.support.contracts import HERE, the_contract

DAY = date(2027, 1, 31)
LAST = releases()[-1].version
COMING = f"{order(LAST)[0]}.{order(LAST)[1] + 1}.0"
NOTE = "Thanks for all the fish.\n"
NEW = '''
    @versions.method(added=versions.NEXT)
    def fish(self) -> str:
        """Thanks for it."""
        return "all"
'''
SUFFIXES = {".py", ".graphql", ".toml", ".md"}


def a_checkout(folder: Path) -> Path:
    """With something new in it, so that there is always something to release."""
    for top in ("schema", "resolvers", "domain", "infra", "docs", "changes"):
        for file in (HERE / top).rglob("*"):
            if file.is_file() and file.suffix in SUFFIXES:
                target = folder / file.relative_to(HERE)
                target.parent.mkdir(parents=True, exist_ok=True)
                copy2(file, target)
    for name in ("pyproject.toml", "schema.graphql", "CHANGELOG.md"):
        copy2(HERE / name, folder / name)
    queries = folder / "resolvers" / "changes.py"
    queries.write_text(
        queries.read_text().replace("class ChangeQueries:\n", f"class ChangeQueries:{NEW}\n", 1)
    )
    (folder / "changes").mkdir(exist_ok=True)
    (folder / "changes" / "fish.md").write_text(NOTE)
    (folder / "schema.graphql").write_text(run(folder, "print").stdout)
    return folder


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "infra.cli", "schema", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )


def files(folder: Path) -> dict[str, str]:
    return {
        str(file.relative_to(folder)): file.read_text()
        for file in folder.rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }


def test_a_release_is_made_whole_and_once(tmp_path: Path) -> None:
    tree = a_checkout(tmp_path)
    done = run(tree, "release", COMING)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"{COMING} is released: ")
    found = files(tree)
    declaring = (text for name, text in found.items() if name.startswith("resolvers/"))
    assert not any(f"added=versions.{NEXT}" in text for text in declaring)
    assert f'    @versions.method(added="{COMING}")\n    def fish(' in found["resolvers/changes.py"]
    printed = found["schema.graphql"]
    assert f'fish: String! @added(version: "{COMING}")' in printed
    assert NEXT not in printed
    assert found[f"schema/releases/{COMING}.graphql"] == printed
    assert f'version = "{COMING}"\nreleased_at = ' in found["schema/releases/releases.toml"]
    assert not any(name.startswith("changes/") for name in found)
    assert f"## {COMING}, " in found["CHANGELOG.md"]
    assert f"- {NOTE}" in found["CHANGELOG.md"]
    assert "- `Query.fish`: the field is new.\n" in found["docs/schema-changes.md"]
    assert "## To come" not in found["docs/schema-changes.md"]
    ruff = [sys.executable, "-m", "ruff"]
    for command in (["check", "--no-cache", "."], ["format", "--no-cache", "--check", "."]):
        assert subprocess.run([*ruff, *command], cwd=tree, check=False).returncode == 0
    checked = run(tree, "check")
    assert (checked.returncode, checked.stderr) == (0, "")
    assert (
        run(tree, "changes", "--since", "0.0.0", "--markdown").stdout
        == (found["docs/schema-changes.md"])
    )
    again = run(tree, "release", COMING)
    assert (again.returncode, again.stdout) == (0, f"{COMING} is released already.\n")
    assert files(tree) == found


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """To be copied, not changed."""
    return a_checkout(tmp_path_factory.mktemp("checkout"))


@pytest.fixture(scope="module")
def told(tree: Path) -> Code:
    """What its code says of itself with the version, from one run of it."""
    kept: list[Code] = []

    def asked(tree: Path, sources: Sequence[Write]) -> Code:
        kept.append(snapshot_with(tree, sources))
        return kept[0]

    planned(tree, COMING, DAY, asked)
    return kept[0]


def a_copy(folder: Path, tree: Path) -> Path:
    """Of what a release writes, not of what only runs."""
    for name, text in files(tree).items():
        if not name.startswith(("domain/", "infra/")):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text)
    return folder


def test_a_release_that_was_killed_anywhere_goes_on_when_it_is_run_again(
    tree: Path, told: Code, tmp_path: Path
) -> None:
    whole = planned(tree, COMING, DAY, lambda *_: told)
    done = a_copy(tmp_path / "done", tree)
    for each in whole:
        put(done, each)
    wanted = files(done)
    names = [str(each.path) for each in whole]
    assert names[-1] == "schema/releases/releases.toml"
    assert len([name for name in names if name.startswith("changes/")]) >= 1
    stored = names.index(f"schema/releases/{COMING}.graphql")
    changelog = names.index("CHANGELOG.md")
    for number in sorted({1, stored + 1, changelog + 2, len(names) - 1}):
        other = a_copy(tmp_path / str(number), tree)
        for each in whole[:number]:
            put(other, each)
        for each in planned(other, COMING, DAY, lambda *_: told):
            put(other, each)
        assert files(other) == wanted, f"killed after {names[number - 1]}"


def test_a_file_is_put_whole_over_what_a_killed_one_left(tmp_path: Path) -> None:
    (tmp_path / ".a.md.coming").write_text("ha")
    put(tmp_path, Write(Path("a.md"), "half"))
    assert files(tmp_path) == {"a.md": "half"}
    put(tmp_path, Write(Path("a.md"), None))
    put(tmp_path, Write(Path("a.md"), None))
    assert files(tmp_path) == {}


def refusal(
    tree: Path, code: Code, capsys: pytest.CaptureFixture[str], version: str = COMING
) -> str:
    before = files(tree)
    with pytest.raises(SystemExit) as ended:
        release(version, tree, DAY, lambda *_: code)
    assert ended.value.code == 1
    assert files(tree) == before
    said = capsys.readouterr()
    return said.out + said.err


def test_nothing_is_released_while_the_gate_finds_something(
    tree: Path, told: Code, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = a_copy(tmp_path, tree)
    file = other / "schema.graphql"
    file.write_text(file.read_text().replace("fish: String!", "fish: Int", 1))
    said = refusal(other, told, capsys)
    assert "(i) Query.fish: schema.graphql says `" in said
    assert "modelyard: Nothing is released: violations of the schema's contract: 1." in said
    file.write_text("type Query {")
    assert "(i) Query: schema.graphql is no SDL" in refusal(other, told, capsys)


def test_nothing_is_released_while_something_stays_next(
    tree: Path, told: Code, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hidden = {**told.declarations, "Query.fish": Declaration(added=NEXT)}
    said = refusal(a_copy(tmp_path, tree), replace(told, declarations=hidden), capsys)
    assert said == (
        "modelyard: Nothing in the sources says added=versions.NEXT of Query.fish: write it so.\n"
    )


def test_nothing_is_released_that_nothing_tells_of(
    tree: Path, told: Code, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = a_copy(tmp_path, tree)
    for file in (other / "changes").glob("*.md"):
        file.unlink()
    assert f"changes/ tells nothing of {COMING}" in refusal(other, told, capsys)


def test_nothing_is_released_where_nothing_is_new(
    tree: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = a_copy(tmp_path, tree)
    last = the_contract().releases[-1]
    (other / "schema.graphql").write_text(last.sdl)
    known = {
        name: each for name, each in the_contract().declarations.items() if name in last.elements
    }
    old = {
        name: replace(each, deprecated=last.deprecated.get(name)) for name, each in known.items()
    }
    code = replace(the_contract().code, printed=last.sdl, declarations=old)
    assert refusal(other, code, capsys) == f"modelyard: Nothing is new since {LAST}.\n"


@pytest.mark.parametrize(
    ("version", "wanted"),
    [
        ("0.0.9", f"0.0.9 is older than {LAST}, the last release."),
        ("v9.0.0", "v9.0.0 is no version: write three numbers, such as 0.3.0."),
        ("9.0", "9.0 is no version: write three numbers, such as 0.3.0."),
        ("NEXT", "NEXT is no version: write three numbers, such as 0.3.0."),
    ],
)
def test_a_version_has_to_be_one_that_comes(
    version: str,
    wanted: str,
    tree: Path,
    told: Code,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert refusal(tree, told, capsys, version) == f"modelyard: {wanted}\n"


def test_a_release_is_made_in_a_checkout_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert checkout(HERE) == HERE
    with pytest.raises(SystemExit):
        checkout(tmp_path)
    assert "is no checkout of Modelyard's sources" in capsys.readouterr().err


def test_code_that_can_not_be_used_with_the_version_is_not_released(
    tree: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = a_copy(tmp_path, tree)
    for package in ("domain", "infra"):
        (other / package).mkdir()
    (other / "schema" / "__init__.py").write_text("raise RuntimeError('no')\n")
    with pytest.raises(SystemExit):
        planned(other, COMING, DAY, snapshot_with)
    assert "With the version the code can't be used: " in capsys.readouterr().err
