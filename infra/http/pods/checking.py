"""What a pod says is believed as far as its own batch goes, and no further."""

import re
from collections.abc import Mapping
from dataclasses import replace

from domain.batches.batch import Batch
from domain.batches.shard import Progress, Shard
from domain.errors import ModelyardError
from domain.files import keys
from infra.http.openai.errors import refused

NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,98}[a-z0-9])?")
SEGMENT = re.compile(r"segments/[a-z0-9]{8,64}")


def name_of(batch: Batch, written: object) -> str:
    """The name of a worker, which nobody else's can be. Raises RequestRefused."""
    if not isinstance(written, str) or not NAME.fullmatch(written):
        raise refused("A worker is called as its pod is.", "invalid_worker")
    return f"pods/{batch.id}/{written}"


def is_segment(batch: Batch, key: str) -> bool:
    area = keys.area(batch.id)
    return key.startswith(area) and SEGMENT.fullmatch(key.removeprefix(area)) is not None


def checked(batch: Batch, known: Mapping[int, Shard], said: Progress) -> Progress:
    """With the shard as it is stored, but for what its worker may change. Raises RequestRefused.

    Of a token that is no longer good nothing is stored, so that what was done meanwhile need not be
    looked at here."""
    shard = known.get(said.shard.number)
    if shard is None or said.shard.batch_id != batch.id or not is_segment(batch, said.key):
        raise _wrong("it is of no shard of the batch")
    if type(said.shard.token) is not int:
        raise _wrong("its token is none")
    size = (shard.lines + 7) // 8
    if len(said.shard.done) != size or len(said.shard.failed) != size:
        raise _wrong("it has other lines than the shard")
    done, failed = int.from_bytes(said.shard.done, "little"), said.shard.failed
    errors = int.from_bytes(failed, "little")
    own = [entry.line for entry in said.entries]
    is_told = all(0 <= line < shard.lines and done >> line & 1 for line in own)
    if not is_told or len(set(own)) != len(own) or done >> shard.lines or errors & ~done:
        raise _wrong("its lines are not the shard's")
    if shard.token == said.shard.token and not _adds_up(shard, done, own):
        raise _wrong("it says more than it brings")
    if any(not 0 <= entry.start <= entry.end for entry in said.entries):
        raise _wrong("its answers are nowhere")
    kept = replace(
        shard,
        done=said.shard.done,
        failed=failed,
        usage=said.shard.usage,
        token=said.shard.token,
    )
    return replace(said, shard=kept)


def _adds_up(shard: Shard, done: int, own: list[int]) -> bool:
    """What is done is what was, and what was brought now; or all of it was stored before."""
    before = int.from_bytes(shard.done, "little")
    brought = sum(1 << line for line in own)
    is_new, is_stored = not before & brought, not brought & ~before
    return done == before | brought and (is_new or is_stored)


def _wrong(problem: str) -> ModelyardError:
    return refused(f"The results are refused: {problem}.", "invalid_results")
