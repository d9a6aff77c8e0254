"""The real command, on a server that executes nothing but the documents of its manifests."""

import json
from pathlib import Path

import httpx

from tests.support.server import modelyard, running

WAIT = 60.0


def test_the_command_line_works_where_its_documents_are_trusted_and_others_are_not(
    tmp_path: Path,
) -> None:
    listed = modelyard("documents", cwd=tmp_path)
    assert listed.returncode == 0, listed.stderr
    manifests = tmp_path / "trusted"
    manifests.mkdir()
    (manifests / "modelyard.json").write_text(listed.stdout)
    env = {
        "MODELYARD_TRUSTED_DOCUMENTS": str(manifests),
        "MODELYARD_QUERY_COST_LIMIT": "2000",
        "MODELYARD_INTROSPECTION": "nobody",
    }
    with running(tmp_path / "data", env=env) as server:
        dear = modelyard("batch", "ls", "--json", "--server", server.url, cwd=tmp_path)
        assert dear.returncode == 1
        assert "QUERY_TOO_COSTLY" in dear.stderr
        assert "at most 2000" in dear.stderr
        served = modelyard("events", "--json", "--server", server.url, cwd=tmp_path)
        assert served.returncode == 0, served.stderr
        for query in ("{apiVersion}", "{__schema {queryType {name}}}"):
            answer = httpx.post(f"{server.url}/graphql", json={"query": query}, timeout=WAIT)
            code = answer.json()["errors"][0]["extensions"]["code"]
            assert (answer.status_code, code) == (403, "DOCUMENT_NOT_TRUSTED")
        (name, text), *_ = json.loads(listed.stdout).items()
        said = {"documentId": f"sha256:{name}"}
        answer = httpx.post(f"{server.url}/graphql", json=said, timeout=WAIT)
        assert "errors" not in answer.json(), text
    (manifests / "modelyard.json").write_text('{"0": "{apiVersion}"}')
    refused = modelyard("serve", "--port", "0", cwd=tmp_path, env=env)
    assert refused.returncode == 1
    assert "modelyard.json" in refused.stderr
