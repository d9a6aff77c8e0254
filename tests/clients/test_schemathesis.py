"""schemathesis asks for all that the schema has, with values of every kind, and the same ones each time."""

import asyncio
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.core.result import Ok
from schemathesis.graphql import nodes
from schemathesis.schemas import APIOperation

from tests.support.api import a_client
from tests.support.server import Running, modelyard, running

OPEN, KEYED = 6, 2  # examples of each operation
TEXTS = {
    "DateTime": ["2026-01-01T00:00:00Z", "9999-12-31T23:59:59+14:00", "yesterday", ""],
    "Duration": ["PT1H", "24h", "PT-1S", "P99999999D", "1e400", ""],
    "JSONPointer": ["", "/models/0/name", "/~2", "models"],
    "Command": ["sleep 1", "", "\0"],
    "Upload": ["a file"],
}
TEXT = r'"(?:[^"\\]|\\.)*"'
ID = re.compile(rf"\b(id|ids|\w+Id): (\[?){TEXT}")
MEANT = {  # what else a client does not make up; else it gets no further
    re.compile(r"\bfirst: -?\d+"): "first: 3",
    re.compile(rf"\b(after|until): {TEXT}"): r"\1: null",
    re.compile(rf"\bsince: {TEXT}"): 'since: "0.0.0"',
    re.compile(rf"\bcoordinate: {TEXT}"): 'coordinate: "Query.node"',
}
FORMS = {"uploadFile"}  # a file is in no document
RUNS = ("addModelRevision", "createDeploymentTemplate", "updateDeploymentTemplate")


def teach() -> None:
    for scalar, texts in TEXTS.items():
        schemathesis.graphql.scalar(scalar, st.sampled_from(texts).map(nodes.String))
    numbers = st.integers(-(2**60), 2**60).map(nodes.Int)
    schemathesis.graphql.scalar("SafeInt", numbers)
    for scalar in ("JSON", "IntOrString"):
        schemathesis.graphql.scalar(scalar, numbers | st.text().map(nodes.String))


@dataclass
class Judge:
    """Asks, and keeps what no client should ever see; `ids` are of what is there, by kind.

    `answered` are those of `asked` that had an answer: what is refused each time was not tried.
    """

    http: httpx.Client
    ids: Mapping[str, str]
    codes: Counter[str] = field(default_factory=Counter)
    asked: set[str] = field(default_factory=set)
    answered: set[str] = field(default_factory=set)
    faults: dict[tuple[str, str], str] = field(default_factory=dict)

    def judge(self, operation: str, query: str) -> None:
        self._ask(operation, query)
        if operation not in RUNS:  # else somebody's text would be a command here
            meant = ID.sub(lambda found: self._real(operation, found), query)
            for made_up, said in MEANT.items():
                meant = made_up.sub(said, meant)
            self._ask(operation, meant)

    def _real(self, operation: str, found: re.Match[str]) -> str:
        name, bracket = found.groups()
        kind = operation if name in ("id", "ids") else name.removesuffix("Id")
        return f'{name}: {bracket}"{self.ids.get(kind, self.ids["modelDeployment"])}"'

    def _ask(self, operation: str, query: str) -> None:
        response = self.http.post("/graphql", json={"query": query})
        if response.status_code >= 500:
            self._fault(operation, f"{response.status_code}", query, response.text)
            return
        answer = response.json()
        if answer.get("data") is not None:
            self.codes["data"] += 1
            self.answered.add(operation)
        for error in answer.get("errors", []):
            code = error.get("extensions", {}).get("code")
            self.codes[str(code)] += 1
            if not code or "INTERNAL" in code or "Traceback" in response.text:
                self._fault(operation, str(code), query, str(error))

    def _fault(self, operation: str, kind: str, query: str, said: str) -> None:
        self.faults.setdefault((operation, kind), f"{query}\n{said}")


async def furnish(server: Running) -> dict[str, str]:
    """Something of the kinds that most ids are of; nothing of it runs."""
    async with a_client(server.url) as api:
        deployment = await api.deployment("judged", replicas=0)
        revision = (await api.revision(deployment))["id"]
        file = await api.file(b'{"custom_id": "a"}\n')
        wanted = {"inputFileId": file, "endpoint": "/v1/chat/completions", "target": "ECHO"}
        job = await api.change("createBatchJob", wanted, "batchJob { id inputFile { id } }")
    file = job["batchJob"]["inputFile"]["id"]
    ids = {"file": file, "inputFile": file, "batchJob": job["batchJob"]["id"]}
    kinds = {"revision": revision, "modelRevision": revision, "toRevision": revision}
    return {**ids, **kinds, "deployment": deployment, "modelDeployment": deployment}


def judged(server: Running, ids: Mapping[str, str], headers: dict[str, str], count: int) -> Judge:
    """After `count` examples of each query and mutation."""
    teach()
    schema = schemathesis.graphql.from_url(f"{server.url}/graphql", headers=headers)
    with httpx.Client(base_url=server.url, headers=headers, timeout=60.0) as http:
        judge = Judge(http, ids)
        for found in schema.get_all_operations():
            assert isinstance(found, Ok), found.err()
            judge.asked.add(_ask_for(found.ok(), judge, count))
    return judge


def _ask_for(operation: APIOperation[Any, Any, Any, Any], judge: Judge, count: int) -> str:
    name = operation.label.rpartition(".")[2]

    @settings(
        max_examples=count,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(operation.as_strategy())
    def ask(case: Any) -> None:
        judge.judge(name, case.body)

    ask()
    return name


@pytest.mark.parametrize(
    ("status", "answer", "kind"),
    [
        (500, {"errors": [{"message": "a fault", "extensions": {"code": "ANY"}}]}, "500"),
        (200, {"errors": [{"message": "a fault that nobody masked"}]}, "None"),
        (200, {"data": None, "errors": [{"extensions": {"code": "INTERNAL"}}]}, "INTERNAL"),
        (200, {"data": None, "errors": [{"extensions": {"code": "NOT_FOUND"}}]}, None),
        (200, {"data": {"node": None}}, None),
    ],
)
def test_the_judge_finds_each_kind_of_fault(
    status: int, answer: Mapping[str, object], kind: str | None
) -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(status, json=answer))
    with httpx.Client(base_url="http://judged", transport=transport) as http:
        judge = Judge(http, {"modelDeployment": "a"})
        judge.judge("node", '{ node(id: "b") { id } }')
    assert [found for _, found in judge.faults] == ([kind] if kind else [])


def test_nothing_that_is_asked_in_open_mode_is_a_fault(tmp_path: Path) -> None:
    with running(tmp_path / "data", "--stop-replicas") as server:
        judge = judged(server, asyncio.run(furnish(server)), {}, OPEN)
    assert judge.faults == {}
    assert judge.asked - judge.answered == FORMS
    assert judge.codes["INVALID_VALUE"] > 0


def test_nothing_that_is_asked_with_a_viewers_key_is_a_fault(tmp_path: Path) -> None:
    with running(tmp_path / "data") as server:
        ids = asyncio.run(furnish(server))
        said = ("key", "create", "eyes", "--project", "default:viewer")
        made = modelyard(*said, "--data-dir", str(tmp_path / "data"), cwd=tmp_path)
        token = next(word for word in made.stdout.split() if word.startswith("my_"))
        judge = judged(server, ids, {"Authorization": f"Bearer {token}"}, KEYED)
    assert judge.faults == {}
    assert judge.codes["FORBIDDEN"] > 30
