"""Results of batch jobs, in the order in which they became durable."""

from functools import partial
from typing import Any, cast

import orjson
import strawberry

from domain.batches.result_page import ResultLine, ResultPage
from schema import versions
from schema.relay import PageEnds, page_ends
from schema.scalars import JSON


@versions.type(added="0.2.0")
class BatchResponse:
    """What the engine answered."""

    status_code: int
    request_id: str | None = versions.field(description="As the engine named the request.")
    body: JSON | None = versions.field(description="As the engine wrote it.")
    revision: int | None = versions.field(
        description="The number of the revision that answered; null where none of ours did."
    )
    replica: str | None = versions.field(description="What of that revision answered.")


@versions.type(added="0.2.0")
class BatchResultError:
    """Why there is no answer of the engine."""

    code: str = versions.field(description="E.g. request_timeout or batch_cancelled.")
    message: str


@versions.type(added="0.2.0")
class BatchResult:
    """One line of the output file or, where it is an error, of the error file."""

    id: str = versions.field(description="batch_req_…; the same for the same line, always.")
    custom_id: str = versions.field(description="As the input line has it.")
    is_error: bool = versions.field(description="Whether it stands in the error file.")
    response: BatchResponse | None = versions.field(
        description="The engine's answer, also one that is an error; null where it gave none."
    )
    error: BatchResultError | None = versions.field(
        description="Null where the engine answered, whatever it said."
    )

    @classmethod
    def of(cls, value: ResultLine) -> "BatchResult":
        line = orjson.loads(value.line)
        return cls(
            id=line["id"],
            custom_id=line["custom_id"],
            is_error=value.is_error,
            response=_response(line.get("response")),
            error=_error(line.get("error")),
        )


@versions.type(added="0.2.0")
class BatchResultEdge:
    """A result, and its place among those that are committed."""

    node: BatchResult
    held: strawberry.Private[ResultLine]

    @versions.field
    def cursor(self) -> str:
        return self.held.cursor


@versions.type(added="0.2.0")
class BatchResultConnection:
    """A part of what is committed so far. Until the job is final more may come: its end cursor goes on
    behind it, also where there is no next page yet."""

    edges: list[BatchResultEdge]
    nodes: list[BatchResult] = versions.field(description="The edges' nodes.")
    page_info: PageEnds

    @classmethod
    def of(cls, page: ResultPage, after: str | None) -> "BatchResultConnection":
        has_next = page.next is not None and bool(page.lines)
        edges = [BatchResultEdge(node=BatchResult.of(line), held=line) for line in page.lines]
        cursors = [partial(str, line.cursor) for line in (*page.lines[:1], *page.lines[-1:])]
        return cls(
            edges=edges,
            nodes=[edge.node for edge in edges],
            page_info=page_ends(cursors, after, has_next=has_next),
        )


def _response(said: dict[str, Any] | None) -> BatchResponse | None:
    if said is None:
        return None
    ours = said.get("modelyard") or {}
    return BatchResponse(
        status_code=said["status_code"],
        request_id=said.get("request_id"),
        body=cast("JSON | None", said.get("body")),
        revision=ours.get("revision"),
        replica=ours.get("replica"),
    )


def _error(said: dict[str, Any] | None) -> BatchResultError | None:
    return None if said is None else BatchResultError(code=said["code"], message=said["message"])
