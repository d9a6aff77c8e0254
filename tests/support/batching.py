"""Batch jobs in a house, and what workers would do with them.

jobs = Jobs(graph.house)
job = await jobs.running(model="chat")
job = await jobs.progress(job, completed=5)
job = await jobs.become(job, BatchStatus.FINALIZING)
"""

import json
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass, replace
from typing import Any

from domain.batches.admission.options import NewBatch
from domain.batches.batch import Batch, BatchStatus, Place
from domain.batches.facts import BatchJobProgressed, BatchJobStatusChanged, Fact
from domain.batches.shard import Shard
from domain.files.file import File
from domain.files.incoming import Incoming
from tests.support.batches import a_batch, a_completed_batch, a_progress, a_running_batch, a_shard
from tests.support.house import House

CHAT = "/v1/chat/completions"


def incoming() -> Incoming:
    """A form's file; its content comes once."""

    async def pieces() -> AsyncGenerator[bytes, None]:
        yield b"{}\n"

    return Incoming("requests.jsonl", pieces())


def line(number: int, **said: Any) -> dict[str, Any]:
    body = {"model": "chat", "messages": [{"role": "user", "content": f"{number}"}]}
    return {"custom_id": f"r{number}", "method": "POST", "url": CHAT, "body": body, **said}


def answered(number: int, **said: Any) -> bytes:
    """A line of an output file."""
    response = {
        "status_code": 200,
        "request_id": f"q{number}",
        "body": {"choices": [{"message": {"content": f"answer {number}"}}]},
        "modelyard": {"revision": 3, "replica": "abc"},
    }
    whole = {"id": f"batch_req_{number:x}", "custom_id": f"r{number}", "response": response}
    return json.dumps({**whole, "error": None, **said}).encode()


@dataclass(frozen=True, slots=True)
class Jobs:
    house: House

    async def uploaded(self, *lines: object, name: str = "requests.jsonl") -> File:
        """Two good lines for model chat unless said."""
        said = lines or (line(1), line(2))
        texts = [each if isinstance(each, str) else json.dumps(each) for each in said]

        async def pieces() -> AsyncIterator[bytes]:
            yield "".join(f"{text}\n" for text in texts).encode()

        return await self.house.uploads.upload(self.house.caller, name, "batch", pieces())

    async def made(self, *lines: object) -> Batch:
        """As a user does it: VALIDATING."""
        file = await self.uploaded(*lines)
        new = NewBatch(input_file_id=file.id, endpoint=CHAT)
        return await self.house.batches.create(self.house.caller, new)

    async def running(self, **said: Any) -> Batch:
        """With ten lines to do."""
        return await self.put(a_running_batch(self.house.store.default, **said))

    async def completed(self, **said: Any) -> Batch:
        """All of its ten lines have a result."""
        return await self.put(a_completed_batch(self.house.store.default, **said))

    async def ended(self, file: File) -> Batch:
        """Expired with both lines of the file undone."""
        now, own = self.house.clock(), {"status": BatchStatus.EXPIRED, "total": 2, "failed": 2}
        own |= {"ending": BatchStatus.EXPIRED, "finalizing_at": now, "expired_at": now}
        job = await self.running(input_file_id=file.id, **own)
        content, _ = self.house.objects.kept[file.key]
        shard = a_shard(job, lines=2, start=0, end=len(content), done=b"\x03", failed=b"\x03")
        async with self.house.store.start_work("worker", "sweep") as work:
            await work.batch_shards.add([shard])
        return job

    async def kept(self, **said: Any) -> Batch:
        return await self.put(a_batch(self.house.store.default, **said))

    async def put(self, batch: Batch, *facts: Fact) -> Batch:
        async with self.house.store.start_work("worker", "sweep") as work:
            if await work.batches.get(batch.id) is None:
                await work.batches.add(batch)
            else:
                await work.batches.put(batch)
            for fact in facts:
                work.record(batch.project_id, fact)
        return batch

    async def progress(self, batch: Batch, completed: int, failed: int = 0) -> Batch:
        changed = replace(batch, completed=completed, failed=failed)
        counts = {"total": batch.total, "completed": completed, "failed": failed}
        return await self.put(changed, BatchJobProgressed(batch_job_id=batch.id, **counts))

    async def become(self, batch: Batch, status: BatchStatus, **said: Any) -> Batch:
        now = self.house.clock()
        stamp: dict[str, Any] = (
            {f"{status.value}_at": now} if status is not BatchStatus.VALIDATING else {}
        )
        changed = replace(batch, status=status, status_since=now, **stamp, **said)
        fact = BatchJobStatusChanged(
            batch_job_id=batch.id,
            job_status_before=batch.status,
            job_status_after=status,
            job_reason=changed.reason,
            message=changed.message,
        )
        return await self.put(changed, fact)

    async def committed(self, batch: Batch, *lines: bytes) -> None:
        """One segment, of the batch's first shard."""
        store, objects = self.house.store, self.house.objects
        shards = await store.reads.batches.shards(batch.id)
        async with store.start_work("worker", "sweep") as work:
            if not shards:
                await work.batch_shards.add([a_shard(batch)])
        [shard] = await store.reads.batches.shards(batch.id)
        progress = a_progress(shard, *_free(shard, len(lines)))
        entries, start = [], 0
        for entry, text in zip(progress.entries, lines, strict=True):
            is_error = json.loads(text)["error"] is not None
            entries.append(replace(entry, is_error=is_error, start=start, end=start + len(text)))
            start += len(text) + 1
        await objects.put_bytes(progress.key, b"".join(text + b"\n" for text in lines))
        async with store.start_work("worker", "sweep") as work:
            await work.batches.lock(batch.id)
            assert await work.batch_shards.store(replace(progress, entries=tuple(entries)))

    async def placed(self, place: Place, **said: Any) -> Batch:
        return await self.running(place=place, **said)


def _free(shard: Shard, count: int) -> list[int]:
    return [n for n in range(shard.lines) if not shard.done[n // 8] >> n % 8 & 1][:count]
