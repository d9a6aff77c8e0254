"""ariadne-codegen makes a client, and mypy takes it and what uses it."""

import sys
from pathlib import Path

from tests.support.others import run


def mypy(example: Path, *, fails: bool = False) -> str:
    command = (sys.executable, "-m", "mypy", "--python-executable", ".venv/bin/python", ".")
    return run(*command, cwd=example, fails=fails)


def test_the_generated_client_and_its_use_are_typed(python: Path) -> None:
    run(".venv/bin/ariadne-codegen", cwd=python)
    assert "Success: no issues found" in mypy(python)
    program = python / "main.py"
    program.write_text(program.read_text().replace("desired_replicas=1", "desired_replicas='one'"))
    assert '"desired_replicas" to "CreateModelDeploymentInput"' in mypy(python, fails=True)


def test_all_documents_make_a_client(python: Path) -> None:
    documents = Path(__file__).with_name("documents.graphql").read_text()
    (python / "documents.graphql").write_text(documents)
    config = python / "pyproject.toml"
    config.write_text(config.read_text().replace("../documents.graphql", "documents.graphql"))
    run(".venv/bin/ariadne-codegen", cwd=python)
    program = "import generated; print(generated.ExplainRevision.model_json_schema()['title'])"
    assert run(".venv/bin/python", "-c", program, cwd=python) == "ExplainRevision\n"
