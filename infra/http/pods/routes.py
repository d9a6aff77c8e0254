"""/v1/batch-workers: what the workers of a Kubernetes Job do to their batch, and to nothing else.

Each says by its token which batch that is. Worker names are kept apart by it, so are shards and objects;
what is stored is fenced in the database as any worker's is.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import orjson
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from domain.batches.batch import Batch, runs_in_pods
from domain.batches.jobs.tokens import Tokens
from domain.batches.ports import Records, ShardClaims, Workers
from domain.batches.shard import Shard
from domain.batches.worker import sharing
from domain.clock import Clock
from domain.errors import ModelyardError, NotFound, ObjectMissing, Unauthenticated
from domain.files import keys
from domain.files.ports import Objects
from domain.work import Reads
from infra import pods_wire as wire
from infra.http.openai import body, errors
from infra.http.openai.errors import Shape, refused
from infra.http.openai.resource import Resource
from infra.http.pods.checking import checked, is_segment, name_of
from infra.http.refusals import JSON

COMMIT_LIMIT = 16 * 1024 * 1024  # bytes of JSON about results: some 25 a line
LARGEST = 2**40  # bytes of any object
UPLOAD_SECONDS = 120.0
MALFORMED = (KeyError, TypeError, ValueError)

Said = dict[str, Any]
Answer = Callable[[Batch, Said], Awaitable[object]]
LASTING = frozenset({"leave", "release"})  # what may be asked of a batch that is over


@dataclass(frozen=True, slots=True, kw_only=True)
class PodRoutes:
    """`lease` is how long a worker has what it holds."""

    tokens: Tokens
    reads: Reads
    records: Records
    workers: Workers
    claims: ShardClaims
    objects: Objects
    clock: Clock
    lease: timedelta

    @property
    def routes(self) -> Sequence[Route]:
        one = f"{wire.ROOT}/{{batch_id}}"
        answers: dict[str, Answer] = {
            "begin": self._begin,
            "renew": self._renew,
            "leave": self._leave,
            "take": self._take,
            "keep": self._keep,
            "release": self._release,
            "store": self._store,
            "tell": self._tell,
            "look": self._look,
        }
        posts = [
            Route(f"{one}/{name}", Resource({"POST": self._asked(name, answer)}, shape))
            for name, answer in answers.items()
        ]
        found = Resource({"GET": self._get, "PUT": self._put}, shape)
        return [
            Route(one, Resource({"GET": self._seen}, shape)),
            *posts,
            Route(f"{one}/objects/{{key:path}}", found),
        ]

    async def _begin(self, batch: Batch, said: Said) -> object:
        """What a dead worker of that name had is free again."""
        await self.workers.leave(name_of(batch, said["worker"]))
        return {"lease": self.lease.total_seconds(), "now": self.clock().isoformat()}

    async def _renew(self, batch: Batch, said: Said) -> object:
        now, worker = self.clock(), name_of(batch, said["worker"])
        living = await self.workers.renew(worker, now, now + self.lease)
        crew = sharing.beside(worker, living)
        return {
            "workers": wire.WORKERS.dump_python(list(crew), mode="json"),
            "token": self.tokens.new(batch.id),
            "now": now.isoformat(),
        }

    async def _leave(self, batch: Batch, said: Said) -> object:
        await self.workers.leave(name_of(batch, said["worker"]))
        return {}

    async def _take(self, batch: Batch, said: Said) -> object:
        now, worker = self.clock(), name_of(batch, said["worker"])
        limit, held = int(said["limit"]), [int(number) for number in said["held"]]
        until = now + self.lease
        taken = await self.claims.take(batch.id, worker, now, until, limit, held)
        return {"shards": [wire.of_shard(shard) for shard in taken]}

    async def _keep(self, batch: Batch, said: Said) -> object:
        held = await self._held(batch, said)
        until = self.clock() + self.lease
        kept = await self.claims.renew(name_of(batch, said["worker"]), held, until)
        return {"numbers": [number for _, number in kept]}

    async def _release(self, batch: Batch, said: Said) -> object:
        held = await self._held(batch, said)
        await self.claims.release(name_of(batch, said["worker"]), held)
        return {}

    async def _held(self, batch: Batch, said: Said) -> list[Shard]:
        """As the worker has them, with its tokens."""
        mine = {int(number): int(token) for number, token in said["shards"]}
        return [_with_token(batch, number, token) for number, token in mine.items()]

    async def _store(self, batch: Batch, said: Said) -> object:
        """Whatever the worker thinks: something between may have said it twice."""
        parts = [wire.progress(each) for each in said["parts"]]
        known = {shard.number: shard for shard in await self.reads.batches.shards(batch.id)}
        right = [checked(batch, known, each) for each in parts]
        recorded = await self.records.store(batch.id, right, is_doubtful=True)
        return {"batch": wire.of_batch(recorded.batch), "places": recorded.places}

    async def _tell(self, batch: Batch, said: Said) -> object:
        seen = wire.standstill(said["seen"])
        return {"batch": wire.of_batch(await self.records.tell(batch.id, seen))}

    async def _look(self, batch: Batch, said: Said) -> object:
        await self.records.look(batch.id)
        return {}

    async def _seen(self, request: Request) -> Response:
        """`is_runnable`: some line of it is to do that nobody has."""
        batch = await self._admitted(request)
        is_runnable = await self.reads.batches.is_runnable(batch.id, self.clock())
        return _json(
            {
                "batch": wire.of_batch(batch),
                "key": await self._input_key(batch),
                "is_runnable": is_runnable,
            }
        )

    async def _get(self, request: Request) -> Response:
        batch, key = await self._running(request), request.path_params["key"]
        if key not in (await self._input_key(batch), batch.index_key):
            raise NotFound(kind="object", id=key[:80])
        try:
            start, end = (int(request.query_params[name]) for name in ("start", "end"))
        except MALFORMED as error:
            raise refused("Say from where and to where.", "invalid_range") from error
        if not 0 <= start <= end <= LARGEST or end - start > wire.OBJECT_LIMIT:
            raise refused("That is too much at once.", "invalid_range")
        content = await self.objects.get(key, start, end)
        return Response(content, media_type="application/octet-stream")

    async def _put(self, request: Request) -> Response:
        batch, key = await self._running(request), request.path_params["key"]
        if not is_segment(batch, key):
            raise refused(f"{key[:80]!r} is no segment of this batch.", "invalid_key")
        try:
            async with asyncio.timeout(UPLOAD_SECONDS):
                written = await self.objects.put(key, _pieces(request))
        except TimeoutError as error:
            raise refused("The content took too long.", "too_slow", status=408) from error
        return _json({"size": written.size})

    async def _input_key(self, batch: Batch) -> str:
        file = (await self.reads.files.by_ids([batch.input_file_id])).get(batch.input_file_id)
        return keys.upload(batch.input_file_id) if file is None else file.key

    def _asked(self, name: str, answer: Answer) -> Callable[[Request], Awaitable[Response]]:
        admitted = self._admitted if name in LASTING else self._running

        async def asked(request: Request) -> Response:
            batch = await admitted(request)
            said = await body.read(request, COMMIT_LIMIT)
            if not isinstance(said, dict):
                raise refused("The body is no JSON object.", "invalid_json")
            try:
                return _json(await answer(batch, said))
            except MALFORMED as error:
                raise refused(f"The body is not understood: {error!r}", "invalid_body") from error

        return asked

    async def _running(self, request: Request) -> Batch:
        """As admitted, and not over: then no token is made any more, and nothing read or kept."""
        batch = await self._admitted(request)
        if batch.is_final:
            raise refused("The batch is over.", "batch_over", status=409)
        return batch

    async def _admitted(self, request: Request) -> Batch:
        """The batch of the path, if the token is for that one and it runs in pods."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            raise Unauthenticated()
        wanted = self.tokens.batch_of(token.strip())
        if wanted != request.path_params["batch_id"]:
            raise Unauthenticated()
        batch = (await self.reads.batches.by_ids([wanted])).get(wanted)
        if batch is None or not runs_in_pods(batch):
            raise NotFound(kind="batch job", id=wanted)
        return batch


def shape(error: ModelyardError) -> Shape:
    if isinstance(error, ObjectMissing):
        return Shape(status=404, type=errors.INVALID, code=wire.OBJECT_MISSING)
    return errors.shape(error)


async def _pieces(request: Request) -> AsyncIterator[bytes]:
    size = 0
    try:
        async for piece in request.stream():
            size += len(piece)
            if size > wire.OBJECT_LIMIT:
                problem = f"A segment has at most {wire.OBJECT_LIMIT} bytes."
                raise refused(problem, "body_too_large", status=413)
            yield piece
    except ClientDisconnect as error:
        raise refused("The content ended too early.", "incomplete") from error


def _with_token(batch: Batch, number: int, token: int) -> Shard:
    """Of which nothing else matters."""
    return Shard(
        batch_id=batch.id,
        number=number,
        first=0,
        lines=0,
        start=0,
        end=0,
        index_start=0,
        index_end=0,
        done=b"",
        failed=b"",
        token=token,
    )


def _json(said: object) -> Response:
    return Response(orjson.dumps(said), media_type=JSON)
