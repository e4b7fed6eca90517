"""The files alone suffice to rebuild the index, and a whole index is compared with them (invariants 1, 4 and 7)."""

from __future__ import annotations

import os
import shutil
import sqlite3
from dataclasses import replace
from typing import TYPE_CHECKING, BinaryIO

import pytest

from recorder_core.errors import ErrorCode, StorageError
from recorder_core.models import DeletionRule, VolumeConfig
from recorder_core.mp4.reader import read_segment
from recorder_core.storage import rebuild as rebuild_module, rebuild_rows
from recorder_core.storage.garbage_rows import GarbageFile
from recorder_core.storage.ids import segment_path
from recorder_core.storage.rebuild import SNAP_US, Rebuilt, rebuild
from recorder_core.storage.rebuild_rows import REBUILT, Finding
from recorder_core.storage.reconcile import reconcile
from recorder_core.storage.records import GapReason, Run, Segment
from recorder_core.storage.volumes import open_volume

from .store import T0, S, Store

if TYPE_CHECKING:
    from recorder_core.storage.segment_file import SegmentFile


def _dump(store: Store) -> list[str]:
    with sqlite3.connect(store.index.path) as connection:
        return list(connection.iterdump())


def _recorded(store: Store) -> list[Segment]:
    """Two cameras, three runs, five segments, a minute between the runs of one camera."""
    first, second = store.run(), store.run(start_us=T0 + 60 * S, run_id="run-2")
    other = store.run(camera_id="stairs", run_id="run-3")
    return [
        store.record(first, T0),
        store.record(first, T0 + 3 * S),
        store.record(second, T0 + 60 * S),
        store.record(second, T0 + 63 * S, fragments=1),
        store.record(other, T0 + 10 * S),
    ]


def test_the_files_give_every_segment_back(store: Store) -> None:
    """Each row equals the one that was lost; runs are regrouped, and the time between them is a gap."""
    wanted = _recorded(store)
    store.lose_index()
    assert rebuild(store.index, [store.handle]) == Rebuilt(adopted=5, gaps=1)
    assert sorted(store.index.all_segments(store.volume_id), key=lambda one: one.segment_id) == sorted(
        wanted, key=lambda one: one.segment_id
    )
    assert store.index.cameras() == {"entrance": "entrance", "stairs": "stairs"}
    assert store.index.runs("entrance", 0, 2 * T0) == [
        Run("run-1", "entrance", T0, "unknown", "h264", 256, 144, end_us=T0 + 6 * S, end_reason=REBUILT),
        Run("run-2", "entrance", T0 + 60 * S, "unknown", "h264", 256, 144, end_us=T0 + 64 * S, end_reason=REBUILT),
    ]
    (gap,) = store.index.gaps("entrance", 0, 2 * T0)
    assert (gap.start_us, gap.end_us, gap.reason, gap.detail) == (
        T0 + 6 * S,
        T0 + 60 * S,
        GapReason.RECORDER_DOWN,
        REBUILT,
    )
    assert store.index.gaps("stairs", 0, 2 * T0) == []
    assert store.index.bytes_on_volume(store.volume_id) == sum(segment.size for segment in wanted)


def test_a_second_rebuild_changes_nothing(store: Store) -> None:
    """Whatever the first one met: whole files, torn ones, empty ones, strangers."""
    wanted = _recorded(store)
    torn = store.path(wanted[1])
    os.truncate(torn, torn.stat().st_size - 1)
    empty = store.path(wanted[4])
    os.truncate(empty, read_segment(empty).fragments[0].offset)
    store.path(wanted[3]).write_bytes(b"not a segment at all, though it is named like one")
    (torn.parent / "notes.txt").write_text("left here by somebody")
    (torn.parent / "link.mp4").symlink_to(torn)
    store.lose_index()
    first = rebuild(store.index, [store.handle])
    assert first == Rebuilt(adopted=3, discarded=1, unreadable=1, foreign=1, gaps=1)
    assert not empty.exists()
    assert store.index.cameras() == {"entrance": "entrance"}
    salvaged = store.index.segment(wanted[1].segment_id)
    assert salvaged is not None
    assert (salvaged.salvaged, len(salvaged.fragments), salvaged.size) == (True, 2, torn.stat().st_size)
    before = _dump(store)
    assert rebuild(store.index, [store.handle]) == Rebuilt(known=3, unreadable=1, foreign=1)
    assert _dump(store) == before
    assert reconcile(store.index, [store.handle]).ends == {"entrance": T0 + 63 * S}


def test_nothing_is_rebuilt_of_an_empty_volume(store: Store) -> None:
    """Without a single camera's folder."""
    assert rebuild(store.index, [store.handle]) == Rebuilt()


def test_a_rebuild_that_was_broken_off_goes_on(store: Store) -> None:
    """What was adopted stays, the rest follows, the gaps are the same."""
    _recorded(store)
    store.lose_index()
    rebuild(store.index, [store.handle])
    whole = [(gap.start_us, gap.end_us) for gap in store.index.gaps("entrance", 0, 2 * T0)]
    with store.index._writing() as connection:
        connection.exec_driver_sql("DELETE FROM segment WHERE start_us > ?", (T0 + 3 * S,))
        connection.exec_driver_sql("DELETE FROM gap")
    assert rebuild(store.index, [store.handle]) == Rebuilt(known=2, adopted=3, gaps=1)
    assert [(gap.start_us, gap.end_us) for gap in store.index.gaps("entrance", 0, 2 * T0)] == whole


@pytest.mark.parametrize("drift_us", [-SNAP_US, -400, 0, 400, SNAP_US])
def test_segments_of_a_run_follow_each_other_as_the_writer_had_it(store: Store, drift_us: int) -> None:
    """The run's clock bends a little; a segment lasts until its successor begins."""
    run = store.run()
    first = store.record(run, T0)
    store.record(run, first.end_us + drift_us)
    store.lose_index()
    rebuild(store.index, [store.handle])
    found = store.index.segment(first.segment_id)
    assert found is not None
    assert found.end_us == first.end_us + drift_us
    assert store.index.gap_us("entrance", T0, T0 + 9 * S) == 0


def test_a_hole_within_a_run_is_a_gap_too(store: Store) -> None:
    """A segment that is lost leaves a labelled hole."""
    run = store.run()
    first = store.record(run, T0)
    store.record(run, first.end_us + SNAP_US + 1)
    store.lose_index()
    assert rebuild(store.index, [store.handle]).gaps == 1
    assert store.index.gap_us("entrance", T0, T0 + 9 * S) == SNAP_US + 1


def test_a_hole_that_is_explained_keeps_its_reason(store: Store) -> None:
    """Only what no gap covers is labelled, an open gap covers as well, and all of them make way for segments."""
    _recorded(store)
    store.lose_index()
    store.index.put_camera("entrance", "Entrance")
    store.index.add_gap("entrance", T0 + 6 * S, T0 + 20 * S, GapReason.STALLED)
    store.index.open_gap("entrance", T0 + 30 * S, GapReason.DISABLED)
    assert rebuild(store.index, [store.handle]).gaps == 1
    gaps = [
        (gap.start_us - T0, gap.end_us and gap.end_us - T0, gap.reason)
        for gap in store.index.gaps("entrance", 0, 2 * T0)
    ]
    assert gaps == [
        (6 * S, 20 * S, GapReason.STALLED),
        (20 * S, 30 * S, GapReason.RECORDER_DOWN),
        (30 * S, 60 * S, GapReason.DISABLED),
        (64 * S, None, GapReason.DISABLED),
    ]
    assert store.index.cameras() == {"entrance": "Entrance", "stairs": "stairs"}


def test_a_whole_index_gets_no_gaps_and_no_rows(store: Store) -> None:
    """A full reconcile of a healthy store changes nothing, not even where holes have no reason."""
    wanted = _recorded(store)
    before = _dump(store)
    steps: list[tuple[int, int]] = []
    assert rebuild(store.index, [store.handle], lambda done, total: steps.append((done, total))) == Rebuilt(known=5)
    assert _dump(store) == before
    total = sum(segment.size for segment in wanted)
    assert steps[0] == (0, total)
    assert steps[-1] == (total, total)


def test_a_file_without_a_row_joins_its_known_run(store: Store) -> None:
    """The run's own end stays as the recorder wrote it."""
    run = store.run()
    store.record(run, T0)
    file = store.file(run, T0 + 3 * S)
    store.close(file, *store.write(file, 3, row=False))
    store.index.end_run(run.run_id, T0 + 3 * S, "stalled")
    assert rebuild(store.index, [store.handle]) == Rebuilt(known=1, adopted=1)
    assert store.index.run(run.run_id) == replace(run, end_us=T0 + 3 * S, end_reason="stalled")
    assert len(store.index.segments("entrance", T0, T0 + 9 * S)) == 2


def test_open_files_are_left_to_reconcile(store: Store) -> None:
    """A rebuild does not touch what has a pointer."""
    file = store.file(store.run(), T0)
    store.write(file, 2)[0].release()
    assert rebuild(store.index, [store.handle]) == Rebuilt()
    assert store.index.open_files() == [file]


def test_recording_goes_on_while_files_are_read(store: Store) -> None:
    """A file that is begun and one that is closed meanwhile are touched by nobody but their writer."""
    _recorded(store)
    store.lose_index()
    run = store.run(run_id="run-9", start_us=T0 + 100 * S)
    store.index.add_gap("entrance", T0 + 90 * S, T0 + 100 * S, GapReason.CONNECTING)
    file = store.file(run, T0 + 100 * S)
    live: list[tuple[SegmentFile, BinaryIO]] = []

    def meanwhile(_done: int, _total: int) -> None:
        if not live:
            written, _ = store.write(file, 2)
            half = store.path(file).open("ab")
            half.write(b"half a fragment")
            half.flush()
            live.append((written, half))
            store.record(run, T0 + 90 * S)

    report = rebuild(store.index, [store.handle], meanwhile)
    assert (report.adopted, report.foreign, report.unreadable, report.discarded) == (5, 0, 0, 0)
    assert [one.segment_id for one in store.index.open_files()] == [file.segment_id]
    assert store.path(file).read_bytes().endswith(b"half a fragment")
    [(written, half)] = live
    half.close()
    written.release()
    labelled = [gap for gap in store.index.gaps("entrance", 0, 2 * T0) if gap.reason is GapReason.RECORDER_DOWN]
    assert [(gap.start_us - T0, gap.end_us and gap.end_us - T0) for gap in labelled] == [
        (6 * S, 60 * S),
        (64 * S, 90 * S),
    ]


def test_what_was_recorded_reaches_to_where_recording_went_on(store: Store) -> None:
    """Though nothing is stored of that time yet: a gap says that there is a camera again."""
    _recorded(store)
    store.lose_index()
    store.index.put_camera("entrance", "Entrance")
    store.index.open_gap("entrance", T0 + 90 * S, GapReason.CONNECTING)
    assert rebuild(store.index, [store.handle]).gaps == 2
    assert [(gap.start_us, gap.end_us, gap.reason) for gap in store.index.gaps("entrance", T0 + 64 * S, 2 * T0)] == [
        (T0 + 64 * S, T0 + 90 * S, GapReason.RECORDER_DOWN),
        (T0 + 90 * S, None, GapReason.CONNECTING),
    ]


def test_a_copy_is_not_taken_for_a_second_segment(store: Store) -> None:
    """Ids are in the file; a copy under another name is left alone."""
    segment = _recorded(store)[0]
    copy = store.handle.volume.path / segment_path("entrance", T0, segment.segment_id + 1)
    shutil.copy(store.path(segment), copy)
    assert rebuild(store.index, [store.handle]) == Rebuilt(known=5, foreign=1)
    assert copy.exists()


def test_missing_and_changed_files_are_noted_once_and_never_dropped_silently(store: Store) -> None:
    """An event each, the rows stay; what is as it should be again is forgotten."""
    wanted = _recorded(store)
    away = store.root / "away.mp4"
    store.path(wanted[0]).rename(away)
    with store.path(wanted[2]).open("ab") as file:
        file.write(b"x")
    for _ in range(2):
        report = rebuild(store.index, [store.handle])
        assert (report.missing, report.changed, report.given_up) == (1, 1, 0)
    assert store.index.findings() == {
        wanted[0].segment_id: Finding.MISSING,
        wanted[2].segment_id: Finding.CHANGED,
    }
    events = store.index.events(0, 10)
    assert [(event.kind, event.data["path"]) for event in events] == [
        ("segment_missing", wanted[0].path),
        ("segment_changed", wanted[2].path),
    ]
    assert events[0].data["root"] == wanted[0].root.hex()
    assert store.index.segment(wanted[0].segment_id) == wanted[0]
    away.rename(store.path(wanted[0]))
    store.path(wanted[2]).unlink()
    rebuild(store.index, [store.handle])
    assert store.index.findings() == {wanted[2].segment_id: Finding.MISSING}
    assert [event.kind for event in store.index.events(2, 10)] == ["segment_missing"]


def test_damage_that_the_size_does_not_tell_stays_noted(store: Store) -> None:
    """Whoever read the file and found it out knows better than a look at its size."""
    segment = _recorded(store)[0]
    store.index.note_finding(segment, Finding.DAMAGED)
    rebuild(store.index, [store.handle])
    assert store.index.findings() == {segment.segment_id: Finding.DAMAGED}


def test_rows_are_given_up_only_when_that_is_asked_for(store: Store) -> None:
    """The row goes, an event and a gap with its reason remain, and the sums follow."""
    wanted = _recorded(store)
    store.path(wanted[0]).unlink()
    with store.index._writing() as connection:
        # A segment without duration leaves no gap.
        connection.exec_driver_sql(
            "UPDATE segment SET wall_duration_us = 0 WHERE segment_id = ?", (wanted[4].segment_id,)
        )
    store.path(wanted[4]).unlink()
    report = rebuild(store.index, [store.handle], give_up_missing=True)
    assert (report.missing, report.given_up) == (2, 2)
    assert store.index.segment(wanted[0].segment_id) is None
    assert store.index.findings() == {}
    (gap,) = store.index.gaps("entrance", 0, 2 * T0)
    assert (gap.start_us, gap.end_us, gap.reason) == (T0, T0 + 3 * S, GapReason.STORAGE_FAILED)
    assert store.index.gaps("stairs", 0, 2 * T0) == []
    assert [event.kind for event in store.index.events(0, 10)] == [
        "segment_missing",
        "segment_given_up",
        "segment_missing",
        "segment_given_up",
    ]
    assert store.index.bytes_on_volume(store.volume_id) == sum(one.size for one in wanted[1:4])


def test_a_volume_that_is_away_has_no_missing_files(store: Store) -> None:
    """It is an error at once, or as soon as it goes away, and no row is touched."""
    _recorded(store)
    before = _dump(store)
    away = store.root / "away"

    def unmount(done: int, total: int) -> None:
        if done == total:
            store.handle.volume.path.rename(away)

    for progress in (unmount, lambda _done, _total: None):
        with pytest.raises(StorageError) as caught:
            rebuild(store.index, [store.handle], progress, give_up_missing=True)
        assert caught.value.code is ErrorCode.VOLUME_MISSING
    assert _dump(store) == before


def test_volumes_are_rebuilt_together(store: Store) -> None:
    """A run that moved from one disk to another is one run again."""
    run = store.run()
    store.record(run, T0)
    first = store.handle
    (store.root / "second").mkdir()
    second = open_volume(VolumeConfig(path=str(store.root / "second")), store.clock, create=True)
    store.handle = second
    store.index.put_volume(second.volume)
    store.record(run, T0 + 3 * S)
    store.handle = first
    store.lose_index()
    assert rebuild(store.index, [first, second]) == Rebuilt(adopted=2)
    rebuilt = store.index.run("run-1")
    assert rebuilt is not None
    assert (rebuilt.start_us, rebuilt.end_us) == (T0, T0 + 6 * S)
    assert [one.volume_id for one in store.index.segments("entrance", T0, T0 + 9 * S)] == [
        first.volume.volume_id,
        second.volume.volume_id,
    ]


def test_runs_that_overlap_after_a_clock_step_leave_no_false_gap(store: Store) -> None:
    """A short segment within a long one does not end the coverage early."""
    store.record(store.run(), T0, fragments=5)
    store.record(store.run(run_id="run-2", start_us=T0 + S), T0 + S, fragments=1)
    store.record(store.run(run_id="run-3", start_us=T0 + 4 * S), T0 + 4 * S, fragments=2)
    store.lose_index()
    assert rebuild(store.index, [store.handle]) == Rebuilt(adopted=3)
    assert store.index.gaps("entrance", 0, 2 * T0) == []


def test_a_file_that_is_given_up_is_not_taken_in_again(store: Store) -> None:
    """Its certificate is written; it waits to be unlinked, while a rebuild goes on beside."""
    first, *kept = _recorded(store)

    def sweep(_done: int, _total: int) -> None:
        store.index.condemn_oldest(
            "entrance",
            before_us=first.end_us,
            max_bytes=None,
            rule=DeletionRule.AGE,
            policy_version="1",
            now_us=2 * T0,
        )

    report = rebuild(store.index, [store.handle], sweep)
    assert (report.known, report.adopted) == (len(kept), 0)
    assert store.index.segment(first.segment_id) is None
    assert not store.path(first).exists()


def test_many_files_are_asked_for_at_once(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """However few fit into one question or transaction, each is known by what it is."""
    closed = _recorded(store)
    open_file = store.file(store.run(run_id="run-9"), T0 + 200 * S)
    store.index.file_opened(open_file)
    store.index.condemn(GarbageFile(7, store.volume_id, "cameras/none", 1, "nothing_whole"))
    expected = {one.segment_id: (store.volume_id, one.path) for one in closed}
    monkeypatch.setattr(rebuild_rows, "_IDS_AT_ONCE", 3)
    asked = [7, 8, open_file.segment_id, *expected]
    assert store.index.known_files(asked) == {**expected, 7: None, open_file.segment_id: None}
    store.lose_index()
    monkeypatch.setattr(rebuild_module, "_BATCH", 2)
    assert rebuild(store.index, [store.handle]).adopted == len(closed)
    assert store.index.run("run-1") == Run(
        "run-1", "entrance", T0, "unknown", "h264", 256, 144, end_us=T0 + 6 * S, end_reason=REBUILT
    )


def test_a_folder_that_cannot_be_looked_at_does_not_count_as_read(store: Store) -> None:
    """The disk refuses to say what it is; else the footage in it would never be read in."""
    folder = store.handle.volume.path / "cameras"
    folder.symlink_to(folder)
    with pytest.raises(OSError, match="symbolic links"):
        rebuild(store.index, [store.handle])
