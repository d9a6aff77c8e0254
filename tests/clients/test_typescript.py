"""graphql-codegen makes types and typed documents; `tsc --strict` takes them"""

import json
from pathlib import Path

from tests.support.others import run

WHOLE = {"generated/schema.ts": {"plugins": ["typescript"]}}
WRONG = """import { Modelyard } from "./client.js";
import { EventCursorDocument } from "../generated/graphql.js";

const said = await new Modelyard("http://127.0.0.1:8400").ask(EventCursorDocument, {});
const wrong: number = said.eventCursor;
"""


def generate(example: Path, *, fails: bool = False) -> str:
    return run("npm", "run", "--silent", "generate", cwd=example, fails=fails)


def test_types_of_the_whole_schema_and_of_all_documents_compile_strictly(typescript: Path) -> None:
    config = json.loads((typescript / "codegen.json").read_text())
    config["documents"] = ["../documents.graphql", "documents.graphql"]
    scalars = config["generates"]["generated/graphql.ts"]["config"]
    config["generates"] |= {to: {**what, "config": scalars} for to, what in WHOLE.items()}
    (typescript / "codegen.json").write_text(json.dumps(config))
    documents = Path(__file__).with_name("documents.graphql").read_text()
    (typescript / "documents.graphql").write_text(documents)
    generate(typescript)
    whole = (typescript / "generated/schema.ts").read_text()
    assert "export type ModelDeployment = " in whole
    assert "ExplainRevisionDocument" in (typescript / "generated/graphql.ts").read_text()
    run("node_modules/.bin/tsc", "--strict", "--noEmit", cwd=typescript)


def test_a_wrong_use_of_a_typed_document_does_not_compile(typescript: Path) -> None:
    generate(typescript)
    (typescript / "src/main.ts").write_text(WRONG)
    said = run("node_modules/.bin/tsc", "--noEmit", cwd=typescript, fails=True)
    assert "Type 'string' is not assignable to type 'number'" in said


def test_a_document_that_asks_for_what_is_not_there_makes_no_client(typescript: Path) -> None:
    (typescript.parent / "documents.graphql").write_text("query Nothing { nothing }")
    assert 'Cannot query field "nothing"' in generate(typescript, fails=True)
