"""Cameras, volumes, runs, segments, events and garbage: what goes in comes out, and questions cost what they should."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st
from sqlalchemy import delete, func, select

from recorder_core.errors import ErrorCode, RequestError, StorageError
from recorder_core.models import SegmentView
from recorder_core.storage import event_rows
from recorder_core.storage.camera_rows import camera_key, unfinished_run_query
from recorder_core.storage.gap_rows import gap_query, open_gap_query
from recorder_core.storage.garbage import collect_garbage
from recorder_core.storage.garbage_rows import GarbageFile
from recorder_core.storage.records import OpenFile, Run, Segment, Volume
from recorder_core.storage.schema import CAMERA, SEGMENT, TALLY
from recorder_core.storage.segment_rows import Footage, Recorded, recorded_query, window_query

from .store import T0, S, Store, row


def test_cameras_keep_their_order_and_take_new_names(store: Store) -> None:
    """Putting a camera twice renames it."""
    store.index.put_camera("b", "Second")
    store.index.put_camera("a", "First")
    store.index.put_camera("b", "Renamed")
    assert list(store.index.cameras().items()) == [("b", "Renamed"), ("a", "First")]


def test_a_camera_that_cannot_name_a_folder_is_refused(store: Store) -> None:
    """And leaves no row."""
    with pytest.raises(RequestError):
        store.index.put_camera("../etc", "Bad")
    assert store.index.cameras() == {}


def test_volumes_come_back_with_their_limits(store: Store) -> None:
    """An unset limit stays unset, which is not zero (invariant 6)."""
    other = Volume("b" * 32, Path("/mnt/b"), min_free_bytes=0, max_bytes=None)
    store.index.put_volume(other)
    assert store.index.volumes() == [store.handle.volume, other]
    moved = replace(other, path=Path("/mnt/c"), min_free_bytes=None, max_bytes=5)
    store.index.put_volume(moved)
    assert store.index.volumes() == [store.handle.volume, moved]


def test_runs_begin_and_end_once(store: Store) -> None:
    """The first end stands; one before the beginning counts as the beginning."""
    run = store.run()
    assert store.index.run("run-1") == run
    assert store.index.unfinished_runs() == [(run, T0)]
    segment = row(store, run, T0, 60 * S)
    assert store.index.unfinished_runs() == [(run, segment.end_us)]
    store.index.end_run("run-1", T0 - 5, "stalled")
    store.index.end_run("run-1", T0 + 5, "disabled")
    assert store.index.run("run-1") == replace(run, end_us=T0, end_reason="stalled")
    assert store.index.unfinished_runs() == []
    assert store.index.run("run-2") is None


def test_runs_of_a_window(store: Store) -> None:
    """By their beginning, the end of the window left out."""
    runs = [store.run(start_us=T0 + n * S, run_id=f"run-{n}") for n in range(3)]
    store.run(camera_id="stairs", start_us=T0 + S, run_id="run-9")
    assert store.index.runs("entrance", T0, T0 + 2 * S) == runs[:2]


def test_what_refers_to_nothing_is_refused(store: Store) -> None:
    """Each missing row has its code, and nothing is written."""
    with pytest.raises(RequestError) as camera:
        store.index.begin_run(Run("run-1", "nowhere", T0, "rtsp", "h264", 1, 1))
    run = store.run()
    file = store.file(run, T0)
    with pytest.raises(StorageError) as volume:
        store.index.file_opened(replace(file, volume_id="none"))
    with pytest.raises(StorageError) as unknown_run:
        store.index.file_opened(replace(file, run_id="none"))
    codes = [error.value.code for error in (camera, volume, unknown_run)]
    assert codes == [ErrorCode.UNKNOWN_CAMERA, ErrorCode.VOLUME_MISSING, ErrorCode.STORAGE_FAILED]
    assert store.index.open_files() == []


def test_a_segment_comes_back_as_it_went_in(store: Store) -> None:
    """All columns, the optional ones set and unset, and a path that is not the usual one."""
    run = store.run()
    plain = row(store, run, T0, 60 * S)
    store.index.file_closed(
        full := replace(
            plain,
            segment_id=plain.segment_id + 1,
            path="cameras/entrance/elsewhere.mp4",
            packets_lost=7,
            clock_offset_us=-1500,
            host_synchronised=False,
            salvaged=True,
        )
    )
    assert store.index.segment(plain.segment_id) == plain
    assert store.index.segment(full.segment_id) == full
    assert store.index.segment(5) is None
    assert list(store.index.all_segments(store.volume_id)) == [plain, full]
    assert list(store.index.all_segments("none")) == []


def test_closing_a_file_and_opening_the_next_is_one_step(store: Store) -> None:
    """If the next file's row is refused, the closed one is still open."""
    run = store.run()
    file, following = store.file(run, T0), store.file(run, T0 + 60 * S)
    segment = store.close(file, *store.write(file, 2))
    assert store.index.open_files() == [file]
    with pytest.raises(StorageError):
        store.index.file_closed(segment, replace(following, run_id="none"))
    assert store.index.open_files() == [file]
    assert store.index.segment(file.segment_id) is None
    store.index.file_closed(segment, following)
    assert store.index.open_files() == [following]
    assert store.index.segments("entrance", T0, T0 + S) == [segment]
    store.index.file_discarded(following.segment_id)
    assert store.index.open_files() == []


_SPANS = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 15)), max_size=12)


@settings(max_examples=15, deadline=None)
@given(spans=_SPANS, windows=st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), min_size=1, max_size=5))
def test_windows_and_sums_agree_with_all_segments(
    tmp_path_factory: pytest.TempPathFactory, spans: list[tuple[int, int]], windows: list[tuple[int, int]]
) -> None:
    """Overlapping, long, short and empty segments; other cameras do not show."""
    store = Store(tmp_path_factory.mktemp("store"))
    run, other = store.run(), store.run(camera_id="stairs", run_id="run-2")
    segments = [row(store, run, T0 + start * S, length * S, 1000 + length) for start, length in spans]
    row(store, other, T0, 60 * S)
    for first, last in windows:
        start_us, end_us = T0 + first * S, T0 + last * S
        wanted = [one for one in segments if one.start_us < end_us and one.end_us > start_us]
        found = store.index.segments("entrance", start_us, end_us)
        assert [one.start_us for one in found] == sorted(one.start_us for one in wanted)
        assert {one.segment_id for one in found} == {one.segment_id for one in wanted}
        inside = [one for one in segments if start_us <= one.start_us < end_us]
        assert store.index.recorded("entrance", start_us, end_us) == Recorded(
            len(inside), sum(one.size for one in inside), sum(one.wall_duration_us for one in inside)
        )
    assert store.index.footage("entrance") == Footage(
        min((one.start_us for one in segments), default=None),
        max((one.end_us for one in segments), default=None),
        len(segments),
        sum(one.size for one in segments),
        0,
    )
    assert store.index.bytes_on_volume(store.volume_id) == sum(one.size for one in segments) + 1000
    store.index.close()


def _tally(store: Store) -> list[tuple[int, ...]]:
    with store.index._reading() as connection:
        return [tuple(one) for one in connection.execute(select(TALLY).where(TALLY.c.segments > 0))]


def test_sums_follow_every_row_in_and_out(store: Store) -> None:
    """Whoever inserts or deletes a segment, the triggers keep count."""
    run = store.run()
    segments: list[Segment] = []
    for number in range(4):
        segments.append(row(store, run, T0 + number * S, S))
        store.index.file_closed(replace(segments[-1], segment_id=number, packets_lost=number))
    with store.index._writing() as connection:
        connection.execute(delete(SEGMENT).where(SEGMENT.c.segment_id == 2))
        counted = connection.execute(
            select(
                SEGMENT.c.camera_key,
                SEGMENT.c.volume_key,
                func.count(),
                func.sum(SEGMENT.c.size),
                func.sum(SEGMENT.c.packets_lost),
            ).group_by(SEGMENT.c.camera_key, SEGMENT.c.volume_key)
        ).all()
    assert _tally(store) == [tuple(one) for one in counted] == [(1, 1, 7, 7000, 4)]
    assert store.index.footage("entrance").packets_lost == 4


def _plan(store: Store, statement: object) -> str:
    with store.index._reading() as connection:
        compiled = statement.compile(connection, compile_kwargs={"literal_binds": True})  # type: ignore[attr-defined]  # Select and Update share no narrow type
        rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {compiled}").all()
    return "\n".join(one[3] for one in rows)


def test_a_window_is_a_range_scan(store: Store) -> None:
    """Cost follows what is found: no table is scanned, and nothing is sorted."""
    store.run()
    with store.index._reading() as connection:
        statement = window_query(connection, "entrance", T0, T0 + S)
    plan = _plan(store, statement)
    assert "SEARCH segment USING INDEX segment_by_time (camera_key=? AND start_us>? AND start_us<?)" in plan
    assert "SCAN" not in plan
    assert "TEMP B-TREE" not in plan


def test_sums_over_a_window_stay_within_the_index(store: Store) -> None:
    """A day of a camera is read without touching its rows."""
    plan = _plan(store, recorded_query(1, T0, T0 + S))
    assert plan == "SEARCH segment USING COVERING INDEX segment_by_time (camera_key=? AND start_us>? AND start_us<?)"


def test_gaps_of_a_window_are_found_by_their_end(store: Store) -> None:
    """Recent windows, which are the usual question, look at recent gaps only."""
    store.run()
    with store.index._reading() as connection:
        statement = gap_query(connection, "entrance", T0, T0 + S)
    plan = _plan(store, statement)
    assert "SEARCH gap USING INDEX gap_by_end (camera_key=? AND end_us>?)" in plan
    assert "SCAN" not in plan


def test_open_ends_are_found_without_a_scan(store: Store) -> None:
    """A start reads neither all gaps nor all runs."""
    assert "SEARCH gap USING INDEX gap_by_end (camera_key=? AND end_us=?)" in _plan(store, open_gap_query())
    plan = _plan(store, unfinished_run_query())
    assert "SCAN run USING INDEX run_unfinished" in plan
    assert "SEARCH segment USING INDEX segment_by_run (run_key=?)" in plan


def test_first_seen_is_kept_when_a_camera_is_renamed(store: Store) -> None:
    """A name says nothing about when a camera came."""
    store.index.put_camera("entrance", "One")
    store.clock.wall_us += S
    store.index.put_camera("entrance", "Two")
    with store.index._reading() as connection:
        assert camera_key(connection, "entrance") == 1
        assert connection.execute(select(CAMERA.c.first_seen_us)).scalar_one() == T0


def test_events_are_numbered_without_holes_and_pulled_by_number(store: Store) -> None:
    """Every kind of value survives, and a follower asks for what came after."""
    data: dict[str, str | int | float | bool | None] = {
        "text": "ä",
        "whole": 5,
        "real": 0.5,
        "flag": True,
        "nothing": None,
    }
    first = store.index.append_event("camera", T0, "entrance", data)
    second = store.index.append_event("storage", T0 + 1, None, {})
    assert (first.seq, second.seq, store.index.last_event()) == (1, 2, 2)
    assert first.data == data
    assert store.index.events(0, 10) == [first, second]
    assert store.index.events(1, 10) == [second]
    assert store.index.events(0, 1) == [first]
    assert store.index.events(2, 10) == []


def test_old_events_are_dropped_and_numbers_go_on(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """The feed cannot fill the disk; a number is never used twice."""
    assert store.index.last_event() == 0
    monkeypatch.setattr(event_rows, "EVENTS_KEPT", 3)
    for number in range(5):
        store.index.append_event("tick", T0, None, {"number": number})
    assert [event.seq for event in store.index.events(0, 10)] == [3, 4, 5]


def test_the_heartbeat_is_the_last_one(store: Store) -> None:
    """None before the first."""
    assert store.index.last_heartbeat() is None
    store.index.heartbeat(T0)
    store.index.heartbeat(T0 + S)
    assert store.index.last_heartbeat() == T0 + S


def _condemned(store: Store, file: OpenFile) -> GarbageFile:
    return GarbageFile(file.segment_id, file.volume_id, file.path, store.path(file).stat().st_size, "nothing_whole")


def test_garbage_is_unlinked_and_then_forgotten(store: Store) -> None:
    """It counts as pending until the file is gone; collecting twice is as once (invariants 2 and 6)."""
    run = store.run()
    file = store.file(run, T0)
    store.write(file, 1)[0].release()
    garbage = _condemned(store, file)
    store.index.condemn(garbage)
    store.index.condemn(garbage)
    assert store.index.open_files() == []
    assert store.index.garbage(store.volume_id) == [garbage]
    assert store.index.pending_bytes(store.volume_id) == garbage.size > 0
    assert collect_garbage(store.index, store.handle.volume) == garbage.size
    assert not store.path(file).exists()
    assert store.index.pending_bytes(store.volume_id) == 0
    assert collect_garbage(store.index, store.handle.volume) == 0


def test_garbage_whose_file_is_gone_is_forgotten(store: Store) -> None:
    """A crash between unlink and the row leaves that; so does a file that was never made, in a folder never made."""
    run = store.run()
    file = store.file(run, T0)
    store.index.condemn(GarbageFile(file.segment_id, file.volume_id, file.path, 10, "nothing_whole"))
    assert collect_garbage(store.index, store.handle.volume) == 10
    assert store.index.garbage(store.volume_id) == []


def test_a_file_that_cannot_be_unlinked_keeps_no_other(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that refuses one after the other is not asked for ever."""
    run = store.run()
    files = [store.file(run, T0 + number * S) for number in range(6)]
    stuck = files[0], files[1]
    for file in files:
        store.path(file).parent.mkdir(parents=True, exist_ok=True)
        (store.path(file).mkdir if file in stuck else store.path(file).touch)()
        store.index.condemn(GarbageFile(file.segment_id, file.volume_id, file.path, 10, "nothing_whole"))
    monkeypatch.setattr("recorder_core.storage.garbage._AT_ONCE", 3)
    with pytest.raises(IsADirectoryError):
        collect_garbage(store.index, store.handle.volume)
    assert [one.segment_id for one in store.index.garbage(store.volume_id)] == [one.segment_id for one in stuck]
    monkeypatch.setattr("recorder_core.storage.garbage._AT_ONCE", 1)
    with pytest.raises(IsADirectoryError):
        collect_garbage(store.index, store.handle.volume)
    for file in stuck:
        store.path(file).rmdir()
    assert collect_garbage(store.index, store.handle.volume) == 20


def test_garbage_of_a_volume_that_is_away_stays(store: Store) -> None:
    """That the file is not there means nothing if the volume is not."""
    file = store.file(store.run(), T0)
    store.index.condemn(GarbageFile(file.segment_id, file.volume_id, file.path, 10, "nothing_whole"))
    store.handle.volume.path.rename(store.root / "away")
    with pytest.raises(StorageError) as caught:
        collect_garbage(store.index, store.handle.volume)
    assert caught.value.code is ErrorCode.VOLUME_MISSING
    assert store.index.pending_bytes(store.volume_id) == 10


def test_the_newest_segment_of_each_camera_on_a_volume(store: Store) -> None:
    assert store.index.newest_on(store.volume_id) == []
    runs = [store.run(), store.run("stairs", run_id="run-2")]
    rows = [row(store, runs[number % 2], T0 + number * 10 * S, 10 * S) for number in range(4)]
    assert store.index.newest_on(store.volume_id) == rows[2:]


def test_a_timeline_shows_the_segments_of_a_window(store: Store) -> None:
    """The same ones as `segments` gives, in the same order, as they travel."""
    runs = [store.run(), store.run(run_id="run-2"), store.run("stairs", run_id="run-3")]
    for number in range(8):
        row(store, runs[number % 3], T0 + number * 10 * S, 10 * S)
    for start_us, end_us in ((T0, T0 + 80 * S), (T0 + 10 * S, T0 + 60 * S), (T0 + 35 * S, T0 + 36 * S), (0, T0)):
        assert store.index.timeline("entrance", start_us, end_us) == [
            SegmentView(
                segment_id=segment.segment_id,
                run_id=segment.run_id,
                start_us=segment.start_us,
                end_us=segment.end_us,
                size=segment.size,
                root=segment.root.hex(),
            )
            for segment in store.index.segments("entrance", start_us, end_us)
        ]
    assert len(store.index.timeline("entrance", T0, T0 + 80 * S)) == 6
    with pytest.raises(RequestError) as caught:
        store.index.timeline("cellar", T0, T0 + S)
    assert caught.value.code is ErrorCode.UNKNOWN_CAMERA
