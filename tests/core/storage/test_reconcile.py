"""After a crash, index and files agree again, and only what was torn is lost (invariants 1, 2, 4 and 7)."""

from __future__ import annotations

import os
import shutil
import sqlite3
from dataclasses import replace

import pytest

from recorder_core.media import Fragment
from recorder_core.mp4.reader import read_segment
from recorder_core.storage.garbage_rows import GarbageFile
from recorder_core.storage.reconcile import END_REASON, Reconciled, coverage_ends, reconcile, salvage_left
from recorder_core.storage.records import Gap, GapReason, OpenFile, Run, Segment
from recorder_core.storage.segment_file import SegmentFile
from tests.core.roots import documented_root

from .store import FORMAT, T0, S, Store, fragment


def _dump(store: Store) -> list[str]:
    """All that the index holds."""
    with sqlite3.connect(store.index.path) as connection:
        return list(connection.iterdump())


def _check(store: Store, segment: Segment) -> None:
    """Invariant 1 for one row, and that the file says what the row says."""
    path = store.path(segment)
    assert (path.stat().st_size, documented_root(path)) == (segment.size, segment.root)
    layout = read_segment(store.path(segment))
    assert (layout.camera_id, layout.run_id, layout.segment_id) == (
        segment.camera_id,
        segment.run_id,
        segment.segment_id,
    )
    assert layout.whole_size == segment.size
    assert [(one.offset, one.size, one.duration, one.samples[0].sync) for one in layout.fragments] == [
        (span.offset, span.size, span.duration, span.sync) for span in segment.fragments
    ]


def _torn(store: Store, fragments: int) -> tuple[OpenFile, Run]:
    """A file that was being written when its recorder was killed."""
    run = store.run()
    file = store.file(run, T0)
    store.write(file, fragments)[0].release()
    return file, run


def test_nothing_to_do_changes_nothing(store: Store) -> None:
    """An empty store, and one whose recorder ended well."""
    assert reconcile(store.index, [store.handle]) == Reconciled()
    run = store.run()
    segment = store.record(run, T0)
    store.index.end_run(run.run_id, segment.end_us, "stopped")
    before = _dump(store)
    assert reconcile(store.index, [store.handle]) == Reconciled(ends={"entrance": segment.end_us})
    assert _dump(store) == before


def test_a_whole_open_file_becomes_the_segment_that_it_would_have_been(store: Store) -> None:
    """Killed between the last sync and the row: only the mark of salvage differs."""
    run = store.run()
    file = store.file(run, T0)
    wanted = store.close(file, *store.write(file, 4))
    found = reconcile(store.index, [store.handle])
    assert found.salvaged == [replace(wanted, salvaged=True)]
    assert store.index.segment(file.segment_id) == replace(wanted, salvaged=True)
    assert store.index.open_files() == []
    assert found.ends == {"entrance": T0 + 4 * S}
    assert store.index.run("run-1") == replace(run, end_us=T0 + 4 * S, end_reason=END_REASON)


def test_a_file_torn_at_any_byte_keeps_its_whole_fragments(store: Store) -> None:
    """Every length from the start of the last fragment to its end, and none changes at a second reconcile."""
    run = store.run()
    file = store.file(run, T0)
    written, _ = store.write(file, 2)
    written.append(Fragment(fragment(T0 + 2 * S, 2).samples[:2], T0 + 2 * S, T0 + 3 * S))
    written.release()
    path = store.path(file)
    data = path.read_bytes()
    third = read_segment(path).fragments[2].offset
    for length in range(third, len(data) + 1):
        path.write_bytes(data[:length])
        found = reconcile(store.index, [store.handle])
        whole = 3 if length == len(data) else 2
        (segment,) = found.salvaged
        assert len(segment.fragments) == whole
        assert segment.wall_duration_us == 2 * S + (whole - 2) * 2 * S // 5
        _check(store, segment)
        # Back to where it was, for the next length.
        with store.index._writing() as connection:
            connection.exec_driver_sql("DELETE FROM segment")
            connection.exec_driver_sql("UPDATE run SET end_us = NULL, end_reason = NULL")
        store.index.file_opened(file)
    assert store.index.unfinished_runs() == [(run, T0)]


@pytest.mark.parametrize("length", ["nothing", "half an init segment", "an init segment", "half a fragment"])
def test_a_file_without_a_whole_fragment_is_garbage(store: Store, length: str) -> None:
    """It is unlinked, and the run it belonged to ends where it began."""
    file, run = _torn(store, 1)
    path = store.path(file)
    first = read_segment(path).fragments[0].offset
    sizes = {"nothing": 0, "half an init segment": first // 2, "an init segment": first, "half a fragment": first + 99}
    os.truncate(path, sizes[length])
    assert reconcile(store.index, [store.handle]) == Reconciled(discarded=1)
    assert not path.exists()
    assert store.index.open_files() == []
    assert store.index.garbage(store.volume_id) == []
    assert store.index.run("run-1") == replace(run, end_us=T0, end_reason=END_REASON)


def test_a_row_whose_file_was_never_made_is_forgotten(store: Store) -> None:
    """Killed between the row and the file."""
    store.index.file_opened(store.file(store.run(), T0))
    assert reconcile(store.index, [store.handle]) == Reconciled(discarded=1)
    assert store.index.open_files() == []


def test_media_data_that_never_reached_the_disk_is_cut_off(store: Store) -> None:
    """After a power cut a fragment's boxes can be there and its samples not; the digests beside them tell."""
    file, _ = _torn(store, 3)
    path = store.path(file)
    sample = read_segment(path).fragments[1].samples[-1]
    with path.open("r+b") as written:
        os.pwrite(written.fileno(), bytes(sample.size), sample.offset)
    (segment,) = reconcile(store.index, [store.handle]).salvaged
    assert len(segment.fragments) == 1
    _check(store, segment)


def test_a_volume_that_is_away_keeps_its_open_files(store: Store) -> None:
    """Neither file nor run is given up; when the disk is back, all is found (invariant 6)."""
    file, _ = _torn(store, 2)
    assert reconcile(store.index, []).waiting == [file]
    store.handle.volume.path.rename(store.root / "away")
    assert reconcile(store.index, [store.handle]).waiting == [file]
    assert [run.run_id for run, _ in store.index.unfinished_runs()] == ["run-1"]
    (store.root / "away").rename(store.handle.volume.path)
    (segment,) = reconcile(store.index, [store.handle]).salvaged
    _check(store, segment)
    assert store.index.unfinished_runs() == []


def test_a_volume_that_goes_away_meanwhile_keeps_its_open_files(store: Store) -> None:
    """The file is not found, but neither is the marker, so that means nothing."""
    file, _ = _torn(store, 2)

    def unmount(_done: int, _total: int) -> None:
        if store.handle.volume.path.exists():
            store.handle.volume.path.rename(store.root / "away")

    assert reconcile(store.index, [store.handle], unmount).waiting == [file]
    assert store.index.open_files() == [file]


def test_a_file_that_cannot_be_read_waits(store: Store) -> None:
    """Something in its way that is no file: the row stays for a later start."""
    file = store.file(store.run(), T0)
    store.index.file_opened(file)
    store.path(file).mkdir(parents=True)
    assert reconcile(store.index, [store.handle]).waiting == [file]
    assert store.index.open_files() == [file]


def test_another_file_in_its_place_is_left_alone(store: Store) -> None:
    """What a row points to must name itself as the row does."""
    file, _ = _torn(store, 2)
    other = store.file(store.run(run_id="run-2"), T0 + 60 * S)
    store.write(other, 2, row=False)[0].release()
    shutil.copy(store.path(other), store.path(file))
    found = reconcile(store.index, [store.handle])
    assert (found.foreign, found.salvaged, found.discarded) == (1, [], 0)
    assert store.path(file).read_bytes() == store.path(other).read_bytes()
    assert store.index.open_files() == []


def test_a_file_whose_beginning_is_torn_anywhere_is_given_up(store: Store) -> None:
    """As a power cut leaves it: the right size, and zeros from somewhere in the beginning on; also in its own ids."""
    run = store.run()
    file = store.file(run, T0)
    written, _ = store.write(file, 1)
    written.release()
    whole = store.path(file).read_bytes()
    (first,) = read_segment(store.path(file)).fragments
    store.path(file).unlink()
    store.index.file_discarded(file.segment_id)
    for torn in range(0, first.offset, 11):
        store.index.file_opened(file)
        store.path(file).write_bytes(whole[:torn].ljust(len(whole), b"\0"))
        found = reconcile(store.index, [store.handle])
        assert (found.foreign, found.discarded) == (0, 1)
        assert not store.path(file).exists()


def test_garbage_of_the_last_recorder_is_emptied(store: Store) -> None:
    """Killed between the transaction and the unlink."""
    run = store.run()
    file = store.file(run, T0)
    store.write(file, 1)[0].release()
    store.index.condemn(GarbageFile(file.segment_id, file.volume_id, file.path, 10, "nothing_whole"))
    reconcile(store.index, [store.handle])
    assert not store.path(file).exists()
    assert store.index.garbage(store.volume_id) == []


def test_garbage_that_cannot_be_unlinked_does_not_stop_the_start(store: Store) -> None:
    """It stays garbage."""
    file = store.file(store.run(), T0)
    store.path(file).mkdir(parents=True)
    store.index.condemn(GarbageFile(file.segment_id, file.volume_id, file.path, 10, "nothing_whole"))
    reconcile(store.index, [store.handle])
    assert store.index.pending_bytes(store.volume_id) == 10


def test_open_gaps_end_at_the_last_heartbeat(store: Store) -> None:
    """From there on the recorder was down; a gap that began after it leaves no row."""
    for camera_id in ("a", "b", "c"):
        store.index.put_camera(camera_id, camera_id)
    store.index.add_gap("b", T0, T0 + 5 * S, GapReason.CONNECTING)
    store.index.open_gap("a", T0, GapReason.CONNECT_FAILED)
    store.index.heartbeat(T0 + 10 * S)
    store.index.open_gap("b", T0 + 12 * S, GapReason.STALLED)
    assert reconcile(store.index, [store.handle]).ends == {"a": T0 + 10 * S, "b": T0 + 5 * S}
    assert store.index.open_gaps() == []
    assert store.index.gaps("a", 0, 2 * T0) == [Gap(2, "a", T0, T0 + 10 * S, GapReason.CONNECT_FAILED)]


def test_an_open_gap_without_a_heartbeat_leaves_no_row(store: Store) -> None:
    """Killed within the first seconds of its life."""
    store.index.put_camera("a", "A")
    store.index.open_gap("a", T0, GapReason.CONNECTING)
    assert reconcile(store.index, [store.handle]).ends == {}
    assert store.index.gaps("a", 0, 2 * T0) == []


def test_a_second_reconcile_changes_nothing(store: Store) -> None:
    """Everything at once, then again."""
    run = store.run()
    store.record(run, T0)
    torn = store.file(run, T0 + 60 * S)
    store.write(torn, 2)[0].release()
    os.truncate(store.path(torn), store.path(torn).stat().st_size - 1)
    empty = store.file(store.run(camera_id="stairs", run_id="run-2"), T0)
    store.write(empty, 0)[0].release()
    store.index.put_camera("c", "C")
    store.index.open_gap("c", T0, GapReason.STALLED)
    store.index.heartbeat(T0 + 90 * S)
    first = reconcile(store.index, [store.handle])
    after = _dump(store)
    files = sorted(store.handle.volume.path.rglob("*.mp4"))
    assert reconcile(store.index, [store.handle]) == Reconciled(ends=first.ends)
    assert _dump(store) == after
    assert sorted(store.handle.volume.path.rglob("*.mp4")) == files
    assert coverage_ends(store.index) == first.ends == {"entrance": T0 + 61 * S, "c": T0 + 90 * S}


def test_progress_runs_from_nothing_to_all(store: Store) -> None:
    """In bytes of the open files."""
    file, run = _torn(store, 2)
    other = store.file(run, T0 + 60 * S)
    store.write(other, 2)[0].release()
    sizes = [store.path(one).stat().st_size for one in (file, other)]
    steps: list[tuple[int, int]] = []
    reconcile(store.index, [store.handle], lambda done, total: steps.append((done, total)))
    assert steps == [(0, sum(sizes)), (sizes[0], sum(sizes)), (sum(sizes), sum(sizes))]


def test_pictures_that_are_decoded_early_do_not_shift_the_end(store: Store) -> None:
    """A fragment may begin with a picture that is shown later; the segment still lasts as long as its media."""
    file = store.file(store.run(), T0)
    written, _ = store.write(file, 1)
    early = fragment(T0 + S, 1)
    written.append(replace(early, samples=tuple(replace(one, pts=one.pts + 9000) for one in early.samples)))
    written.release()
    assert read_segment(store.path(file)).fragments[1].start_us == T0 + S + 100_000
    (segment,) = reconcile(store.index, [store.handle]).salvaged
    assert (segment.start_us, segment.wall_duration_us) == (T0, 2 * S)


def test_an_interrupted_salvage_is_done_again(store: Store) -> None:
    """Cut and synced, but killed before the row: the next start finds the same."""
    file, _ = _torn(store, 2)
    os.truncate(store.path(file), read_segment(store.path(file)).fragments[1].offset)
    (segment,) = reconcile(store.index, [store.handle]).salvaged
    _check(store, segment)


def test_salvage_keeps_the_start_that_the_writer_had_settled_on(store: Store) -> None:
    """A segment starts where the one before it ended, though its first fragment's own clock says a little else."""
    run = store.run()
    file = store.file(run, T0)
    store.index.file_opened(file)
    written = SegmentFile(store.handle.volume.path, file, FORMAT)
    written.create()
    written.append(fragment(T0 + 700, 0))
    written.release()
    (segment,) = reconcile(store.index, [store.handle]).salvaged
    assert (segment.start_us, segment.end_us) == (T0, T0 + S + 700)


def test_a_disk_that_is_back_gives_up_what_nobody_writes(store: Store) -> None:
    """Recording goes on meanwhile: what is being written, and what is closed between the two looks, is left alone."""
    run = store.run()
    left, live, closing = (store.file(run, T0 + at * 60 * S) for at in range(3))
    store.write(left, 2)[0].release()
    written, _ = store.write(live, 2)
    last = store.write(closing, 2)

    def being_written() -> set[int]:
        store.index.file_closed(store.close(closing, *last))
        return {live.segment_id, closing.segment_id}

    salvaged = salvage_left(store.index, store.handle, being_written)
    assert [segment.segment_id for segment in salvaged] == [left.segment_id]
    _check(store, salvaged[0])
    assert [file.segment_id for file in store.index.open_files()] == [live.segment_id]
    assert salvage_left(store.index, store.handle, lambda: {live.segment_id}) == []
    written.release()
