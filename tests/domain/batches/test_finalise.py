from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.access.access import Project
from domain.batches.batch import BatchStatus
from domain.batches.shard import Entry, Segment, Shard
from domain.batches.tending import finalise
from domain.batches.tending.finalise import GROUP, Kept, Moves, ResultsIncomplete, Undone
from domain.files.ports import Written
from tests.support.batches import a_running_batch, a_shard, bits
from tests.support.builders import NOON

PROJECT = Project(id="p", name="p", created_at=NOON)
BATCH = a_running_batch(PROJECT)
S = BatchStatus
LINES = 12


def shard_with(done: set[int], failed: set[int]) -> Shard:
    return a_shard(BATCH, lines=LINES, done=bits(LINES, *done), failed=bits(LINES, *failed))


def a_segment(sequence: int, *entries: Entry) -> Segment:
    key = f"batches/b/segments/{sequence}"
    return Segment(batch_id=BATCH.id, sequence=sequence, shard=0, key=key, entries=entries)


@st.composite
def stored(draw: st.DrawFn) -> tuple[set[int], set[int], list[Segment]]:
    """Lines that are done, those of them that failed, and segments in which they lie in any order."""
    done = draw(st.sets(st.integers(0, LINES - 1)))
    failed = draw(st.sets(st.sampled_from(sorted(done)))) if done else set()
    order = draw(st.permutations(sorted(done)))
    cut = draw(st.integers(0, len(order)))
    segments = []
    for sequence, some in enumerate((order[:cut], order[cut:]), 1):
        entries = [Entry(line, line in failed, n * 10, n * 10 + 9) for n, line in enumerate(some)]
        segments.append(a_segment(sequence, *entries))
    return done, failed, segments


@given(stored())
def test_each_line_is_in_one_of_the_files_and_in_order(
    kept: tuple[set[int], set[int], list[Segment]],
) -> None:
    done, failed, segments = kept
    shard = shard_with(done, failed)
    output = [s.line for s in finalise.sources(shard, segments, errors=False)]
    errors = [s.line for s in finalise.sources(shard, segments, errors=True)]
    assert output == sorted(done - failed)
    assert errors == sorted(set(range(LINES)) - (done - failed))
    assert len(output) == finalise.results(shard)


@given(stored())
def test_answers_are_found_again_where_they_went(
    kept: tuple[set[int], set[int], list[Segment]],
) -> None:
    done, failed, segments = kept
    shard, moves = shard_with(done, failed), Moves()
    for errors in (False, True):
        at = 0
        for source in finalise.sources(shard, segments, errors=errors):
            if isinstance(source, Kept):
                moves.add(source, at)
            at += 100
    found = {segment.sequence: segment for segment in moves.segments("out", "err")}
    assert set(found) == {segment.sequence for segment in segments if segment.entries}
    for before in (segment for segment in segments if segment.entries):
        after = found[before.sequence]
        assert (after.key, after.error_key) == ("out", "err")
        assert [e.line for e in after.entries] == [e.line for e in before.entries]
        for entry in after.entries:
            mine = sorted(failed) if entry.is_error else sorted(done - failed)
            undone = set(range(LINES)) - done
            ahead = [line for line in mine if line < entry.line]
            ahead += [line for line in undone if entry.is_error and line < entry.line]
            assert (entry.start, entry.end) == (len(ahead) * 100, len(ahead) * 100 + 9)


def test_segments_are_in_the_one_file_there_is() -> None:
    moves = Moves()
    entry = Entry(0, True, 5, 9)
    moves.add(Kept(0, a_segment(1, entry), entry), 0)
    [moved] = moves.segments(None, "err")
    assert (moved.key, moved.error_key, moved.entries) == ("err", "err", (Entry(0, True, 0, 4),))


@pytest.mark.parametrize(
    ("done", "failed", "segments"),
    [
        ({1}, set(), []),
        (set(), set(), [a_segment(1, Entry(1, False, 0, 9))]),
        ({1}, set(), [a_segment(1, Entry(1, True, 0, 9))]),
        ({1}, {1}, [a_segment(1, Entry(1, False, 0, 9))]),
        ({1}, set(), [a_segment(1, Entry(1, False, 0, 9)), a_segment(2, Entry(1, False, 0, 9))]),
    ],
)
def test_rows_that_disagree_are_a_fault(
    done: set[int], failed: set[int], segments: list[Segment]
) -> None:
    with pytest.raises(ResultsIncomplete):
        finalise.sources(shard_with(done, failed), segments, errors=False)


def test_what_is_read_at_once_is_bounded() -> None:
    segment = a_segment(1)
    size = GROUP // 3 + 1
    kept = [Kept(line, segment, Entry(line, False, 0, size)) for line in range(5)]
    giant = Kept(9, segment, Entry(9, False, 0, GROUP * 5))
    groups = list(finalise.groups([*kept, giant, Undone(10)]))
    assert [[source.line for source in group] for group in groups] == [
        [0, 1],
        [2, 3],
        [4],
        [9],
        [10],
    ]
    assert [s for group in groups for s in group] == [*kept, giant, Undone(10)]


@pytest.mark.parametrize(
    ("status", "ending", "outcome", "code"),
    [
        (S.FINALIZING, S.COMPLETED, S.COMPLETED, "inference_unreachable"),
        (S.FINALIZING, S.EXPIRED, S.EXPIRED, "batch_expired"),
        (S.CANCELLING, S.CANCELLED, S.CANCELLED, "batch_cancelled"),
        (S.CANCELLING, S.EXPIRED, S.CANCELLED, "batch_cancelled"),
    ],
)
def test_a_batch_becomes_what_ended_it(
    status: BatchStatus, ending: BatchStatus, outcome: BatchStatus, code: str
) -> None:
    batch = replace(BATCH, status=status, ending=ending)
    over = finalise.finished(batch, 4, None, None, NOON)
    assert (over.status, over.completed, over.failed) == (outcome, 4, 6)
    assert finalise.reason_undone(batch)[0] == code


def test_a_result_file_is_the_batch_s() -> None:
    batch = replace(BATCH, output_expires_after=7200.0)
    file = finalise.file(batch, "batches/b/error-3", Written(5, "s"), "f", NOON, errors=True)
    assert (file.name, file.batch_id) == (f"batch_{batch.id}_error.jsonl", batch.id)
    assert file.expires_at == NOON + timedelta(hours=2)
