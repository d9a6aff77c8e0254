"""What a scripted server answers about batch jobs, and the files that it keeps.

files = Files(outputs={"file-out": b"..."})
with scripted(answers(...), files=files) as server: ...
"""

from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

COUNTS = {"total": 4, "completed": 0, "failed": 0}


def a_job(**said: Any) -> dict[str, Any]:
    """IN_PROGRESS with four lines to do unless said."""
    done = said.pop("done", 0)
    return {
        "__typename": "BatchJob",
        "id": "job-1",
        "openaiId": "batch_1",
        "status": "IN_PROGRESS",
        "statusSince": "2026-01-01T12:00:00Z",
        "reason": None,
        "message": "",
        "endpoint": "/v1/chat/completions",
        "model": "chat",
        "completionWindow": "24h",
        "expiresAt": "2026-01-02T12:00:00Z",
        "createdAt": "2026-01-01T12:00:00Z",
        "createdBy": "open",
        "target": "DEPLOYMENT",
        "targetReason": "It serves the model.",
        "revisionNumber": None,
        "deployment": {"name": "chat"},
        "externalEndpoint": None,
        "counts": {**COUNTS, "completed": done},
        "outputFile": None,
        "errorFile": None,
        "errors": [],
        "metadata": [],
        "priority": 5,
        "maxConcurrency": None,
        "requestTimeout": "PT10M",
        "replicas": None,
        "keepAlive": "PT0S",
        "retry": {"attempts": 5, "first": "PT0.5S", "longest": "PT30S"},
        "usage": {
            "inputTokens": 12,
            "cachedTokens": 0,
            "outputTokens": 30,
            "reasoningTokens": 0,
            "totalTokens": 42,
        },
        "inputFile": {"id": "in", "openaiId": "file-in", "filename": "requests.jsonl"},
        "template": None,
        "profile": None,
        "retryOf": None,
        **said,
    }


def a_final_job(**said: Any) -> dict[str, Any]:
    """COMPLETED, every line with a result."""
    own = {"status": "COMPLETED", "done": 4, "completedAt": "2026-01-01T12:10:00Z"}
    own["outputFile"] = {"id": "out", "openaiId": "file-out"}
    return a_job(**{**own, **said})


@dataclass
class Files:
    """`contents` by id, `pages` of results in their order, `refusals` of uploads that come first;
    `uploads` and `deleted` are what was done. `hang_ups` requests get no answer first."""

    contents: dict[str, bytes] = field(default_factory=dict)
    pages: list[bytes] = field(default_factory=list)
    refusals: list[tuple[int, str, str]] = field(default_factory=list)
    hang_ups: int = 0
    uploads: list[dict[str, Any]] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    after: list[str | None] = field(default_factory=list)

    def routes(self, app: web.Application) -> None:
        app.router.add_post("/v1/files", self.upload)
        app.router.add_delete("/v1/files/{id}", self.delete)
        app.router.add_get("/v1/files/{id}/content", self.content)
        app.router.add_get("/v1/batches/{id}/results", self.results)

    async def upload(self, request: web.Request) -> web.Response:
        if self.refusals:
            status, code, message = self.refusals.pop(0)
            error = {"message": message, "type": "invalid_request_error", "code": code}
            return web.json_response({"error": error}, status=status)
        said: dict[str, Any] = {"length": request.headers.get("Content-Length")}
        async for part in await request.multipart():
            said[str(part.name)] = bytes(await part.read())  # type: ignore[union-attr]  # no nested forms here
            if part.name == "file":
                said["filename"] = part.filename  # type: ignore[union-attr]  # no nested forms here
        self.uploads.append(said)
        self._hang_up(request)
        return web.json_response({"id": f"file-{len(self.uploads)}", "object": "file"})

    async def delete(self, request: web.Request) -> web.Response:
        self.deleted.append(request.match_info["id"])
        return web.json_response({"id": self.deleted[-1], "deleted": True})

    async def content(self, request: web.Request) -> web.Response:
        self._hang_up(request)
        return web.Response(body=self.contents[request.match_info["id"]])

    async def results(self, request: web.Request) -> web.Response:
        """The page behind the cursor, which counts pages; nothing where it is yet to come."""
        after = request.query.get("after")
        self.after.append(after)
        place = 0 if after is None else int(after)
        if place >= len(self.pages):
            return web.Response(body=b"", headers={} if after is None else {"X-Next-Cursor": after})
        return web.Response(body=self.pages[place], headers={"X-Next-Cursor": str(place + 1)})

    def _hang_up(self, request: web.Request) -> None:
        if self.hang_ups:
            self.hang_ups -= 1
            assert request.transport is not None
            request.transport.abort()
