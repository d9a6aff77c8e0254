"""`modelyard schema`, but for `release`."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from infra.cli import cli
from resolvers.root import print_schema
from schema.versions.releases import releases, sdl
from tests.support.contracts import HERE

OLD = "type Query { toy(size: Int): Int  old: Int }"
NEW = "type Query { toy(size: Int): Int  new: Int }"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["schema", *arguments])


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str]:
    (tmp_path / "old.graphql").write_text(OLD)
    (tmp_path / "new.graphql").write_text(NEW)
    return str(tmp_path / "old.graphql"), str(tmp_path / "new.graphql")


def test_the_schema_is_printed_as_the_code_and_as_a_release_has_it() -> None:
    assert run("print").stdout == (HERE / "schema.graphql").read_text()
    assert run("print", "--as-of", "0.1.0").stdout == print_schema("0.1.0")
    refused = run("print", "--as-of", "0.1.7")
    assert refused.exit_code == 1
    assert refused.stderr.startswith(
        "modelyard: There is no version 0.1.7; there are 0.1.0, 0.2.0,"
    )


def test_a_difference_is_shown_by_coordinate(files: tuple[str, str]) -> None:
    told = run("diff", *files, "--json")
    assert told.exit_code == 0
    assert json.loads(told.stdout) == [
        {
            "coordinate": "Query.new",
            "kind": "ADDED",
            "version": files[1],
            "criticality": "SAFE",
            "description": "The field is new.",
            "replacement": None,
        },
        {
            "coordinate": "Query.old",
            "kind": "REMOVED",
            "version": files[1],
            "criticality": "BREAKING",
            "description": "The field is gone.",
            "replacement": None,
        },
    ]
    table = run("diff", *files).stdout.splitlines()
    assert [line.split()[0] for line in table] == ["coordinate", "Query.new", "Query.old"]


def test_what_breaks_fails_a_diff_that_is_to(files: tuple[str, str]) -> None:
    assert run("diff", *files, "--fail-on-breaking").exit_code == 1
    assert run("diff", files[0], files[0], "--fail-on-breaking").exit_code == 0
    assert run("diff", "0.1.0", "code", "--fail-on-breaking").exit_code == 0


def test_releases_and_files_are_compared_with_the_code(tmp_path: Path) -> None:
    last = releases()[-1].version
    (tmp_path / "last.graphql").write_text(sdl(last))
    told = [run("diff", each, "--json").stdout for each in (last, str(tmp_path / "last.graphql"))]
    assert told[0] == told[1]
    assert json.loads(run("diff", last, last, "--json").stdout) == []
    assert "Nothing changed." in run("diff", last, last).stderr


@pytest.mark.parametrize(
    ("said", "text", "wanted"),
    [
        ("no.graphql", None, "is no release, and as a file it can't be read: No such file"),
        ("x.graphql", "type Query {", "is no schema: Syntax Error"),
        ("x.graphql", "type Query { a: Missing }", "is no schema: Unknown type"),
        ("x.graphql", b"\xff\xfe", "is no schema: 'utf-8' codec can't decode byte 0xff"),
    ],
)
def test_what_is_no_schema_is_refused_in_a_line(
    said: str, text: str | bytes | None, wanted: str, tmp_path: Path
) -> None:
    if text is not None:
        (tmp_path / said).write_bytes(text.encode() if isinstance(text, str) else text)
    refused = run("diff", str(tmp_path / said), "0.1.0")
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert wanted in refused.stderr
    assert len(refused.stderr.splitlines()) == 1


def test_the_committed_file_is_judged(tmp_path: Path) -> None:
    assert run("check", str(HERE / "schema.graphql")).exit_code == 0
    other = tmp_path / "schema.graphql"
    text = (HERE / "schema.graphql").read_text()
    other.write_text(text.replace("serverAdmin: Boolean!", "serverAdmin: Int", 1))
    refused = run("check", str(other))
    assert refused.exit_code == 1
    assert refused.stdout.startswith("(i) Viewer.serverAdmin: schema.graphql says `")
    assert refused.stderr == "modelyard: Violations of the schema's contract: 1.\n"
    missing = run("check", str(tmp_path / "none.graphql"))
    assert "can't be read: No such file" in missing.stderr
    other.write_bytes(b"\xff\xfe")
    binary = run("check", str(other))
    assert f"{other} is no schema: 'utf-8' codec" in binary.stderr


def test_changes_are_listed_by_release() -> None:
    rows = json.loads(run("changes", "--since", "0.1.0", "--until", "0.2.0", "--json").stdout)
    assert {row["version"] for row in rows} == {"0.2.0"}
    assert {"coordinate", "kind", "version", "criticality", "description", "replacement"} == set(
        rows[0]
    )
    page = run("changes", "--since", "0.0.0", "--markdown").stdout
    assert page == (HERE / "docs" / "schema-changes.md").read_text()
    later = run("changes", "--since", "0.1.0", "--until", "0.2.0", "--markdown").stdout
    assert later[later.index("## ") :] == (page[page.index("## 0.2.0") : page.index("\n## 0.1.0")])
    assert run("changes", "--since", "1.2").exit_code == 1
