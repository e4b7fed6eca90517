"""The thread that writes a volume: order, memory, and what is left when the disk refuses."""

from __future__ import annotations

import asyncio
import errno
import itertools
import os
import threading
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from recorder_core.errors import ErrorCode, StorageError
from recorder_core.models import VolumeConfig
from recorder_core.mp4 import read_segment
from recorder_core.storage import files, writer as module
from recorder_core.storage.open_segment import OpenSegment, SegmentTail
from recorder_core.storage.reconcile import reconcile
from recorder_core.storage.volumes import MARKER, open_volume
from recorder_core.storage.writer import VolumeWriter
from tests.core.roots import documented_root
from tests.core.storage.store import FORMAT, T0, S, Store, fragment

from .disks import small_disk
from .test_segment_file import big

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from recorder_core.media import Fragment
    from recorder_core.storage.records import OpenFile, Segment


_RUNS = itertools.count(1)


class Journal:
    """The index as the writer's journal; holds the writer up while `gate` is closed, and looks at each file."""

    def __init__(self, store: Store) -> None:
        """Let everything through."""
        self.gate = threading.Event()
        self.gate.set()
        self.calls: list[str] = []
        self.on_call: Callable[[], None] = lambda: None
        self._store = store

    def _enter(self, name: str) -> None:
        assert threading.current_thread() is not threading.main_thread()
        self.gate.wait(60)
        self.calls.append(name)
        self.on_call()

    def file_opened(self, file: OpenFile) -> None:
        """The row comes before the file."""
        self._enter("opened")
        assert not self._store.path(file).exists() or self._store.path(file).read_bytes() == b"evidence"
        self._store.index.file_opened(file)

    def file_closed(self, segment: Segment, next_file: OpenFile | None = None) -> None:
        """The file is whole before the segment's row comes."""
        self._enter("closed" if next_file is None else "closed and opened")
        assert self._store.index.segment(segment.segment_id) is None
        path = self._store.path(segment)
        assert (path.stat().st_size, documented_root(path)) == (segment.size, segment.root)
        self._store.index.file_closed(segment, next_file)

    def file_discarded(self, segment_id: int) -> None:
        """Nothing is left."""
        self._enter("discarded")
        self._store.index.file_discarded(segment_id)


class Rig:
    """A writer on a store."""

    def __init__(self, store: Store, **settings: float) -> None:
        """Begin a run of the camera `entrance`."""
        self.store = store
        self.journal = Journal(store)
        self.closed: list[Segment] = []
        self.failed: list[OpenSegment] = []
        self.told: list[OpenSegment] = []
        self.writer = VolumeWriter(
            store.handle.volume,
            self.journal,
            on_closed=self.closed.append,
            on_failed=self.failed.append,
            rpo_s=settings.get("rpo_s", 5.0),
            max_backlog_bytes=int(settings.get("max_backlog_bytes", 96 << 20)),
        )
        self.run = store.run(run_id=f"run-{next(_RUNS)}")
        self.writer.start()

    def open(self, number: int = 0) -> OpenSegment:
        """Open a segment that begins so many minutes after T0."""
        file = self.store.file(self.run, T0 + number * 60 * S)
        return self.writer.open(file, FORMAT, on_failed=self.told.append)

    def fill(self, segment: OpenSegment, count: int, make: Callable[[int], Fragment] | None = None) -> int:
        """Append so many fragments of a second; return where they end."""
        for at in range(count):
            start_us = segment.file.start_us + at * S
            self.writer.append(segment, fragment(start_us, at) if make is None else make(at))
        return segment.file.start_us + count * S

    async def record(self, segment: OpenSegment, count: int = 3) -> Segment:
        """Write and close a segment."""
        self.writer.close(segment, SegmentTail(self.fill(segment, count)))
        await self.writer.drained()
        return self.closed[-1]


@pytest.fixture
async def rig(store: Store) -> AsyncGenerator[Rig]:
    """A writer that is stopped after the test."""
    rig = Rig(store)
    yield rig
    await rig.writer.stop()


async def test_a_segment(rig: Rig) -> None:
    """Invariants 1 and 2: the journal of these tests looks at the file before it makes the row."""
    segment = rig.open()
    tail = SegmentTail(rig.fill(segment, 3) + 5, packets_lost=7, clock_offset_us=-3, host_synchronised=True)
    rig.writer.close(segment, tail)
    await rig.writer.drained()
    (closed,) = rig.closed
    assert closed == rig.store.index.segment(closed.segment_id)
    assert (closed.wall_duration_us, closed.media_duration, closed.samples) == (3 * S + 5, 270_000, 15)
    assert (closed.packets_lost, closed.clock_offset_us, closed.host_synchronised) == (7, -3, True)
    assert rig.journal.calls == ["opened", "closed"]
    assert rig.store.index.open_files() == []
    assert rig.writer.open_segments() == []
    assert rig.failed == rig.told == []


async def test_an_open_segment_shows_what_is_on_disk(rig: Rig) -> None:
    segment = rig.open()
    assert rig.writer.open_segments("entrance") == [segment]
    assert rig.writer.open_segments("elsewhere") == []
    assert segment.partial().fragments == ()
    assert segment.partial().size == segment.partial().wall_duration_us == 0
    rig.fill(segment, 2)
    await rig.writer.drained()
    partial = segment.partial()
    data = rig.store.path(partial).read_bytes()
    assert (partial.size, partial.root) == (len(data), b"")
    assert (partial.wall_duration_us, partial.end_us, partial.samples) == (2 * S, T0 + 2 * S, 10)
    assert [one.segment_id for one in rig.store.index.open_files()] == [segment.file.segment_id]
    await rig.record(segment, 0)


async def test_what_is_seen_of_an_open_segment_belongs_together(rig: Rig) -> None:
    """Fragments, samples and end change at once; an end is the writer's, whatever order its pictures are shown in."""
    segment = rig.open()
    rig.fill(segment, 1)
    await rig.writer.drained()
    seen = segment.written
    whole = fragment(T0 + S, 1)
    late = replace(whole.samples[0], pts=whole.samples[0].pts + 9000)
    rig.writer.append(segment, replace(whole, samples=(late, *whole.samples[1:])))
    await rig.writer.drained()
    assert (seen.end_us, len(seen.spans), seen.samples) == (T0 + S, 1, 5)
    assert (segment.end_us, len(segment.written.spans), segment.written.samples) == (T0 + 2 * S, 2, 10)
    assert segment.partial().end_us == T0 + 2 * S
    await rig.record(segment, 0)


async def test_going_on_in_the_next_file(rig: Rig) -> None:
    """One transaction ends a segment and names its successor."""
    segment = rig.open()
    end_us = rig.fill(segment, 2)
    successor = rig.writer.rotate(segment, SegmentTail(end_us), rig.store.file(rig.run, end_us), FORMAT)
    await rig.record(successor)
    assert rig.journal.calls == ["opened", "closed and opened", "closed"]
    first, second = rig.closed
    assert first.end_us == second.start_us
    assert first.segment_id < second.segment_id
    assert successor.on_failed is segment.on_failed


async def test_a_segment_without_a_fragment_leaves_nothing(rig: Rig) -> None:
    segment = rig.open()
    rig.writer.close(segment, SegmentTail(T0))
    await rig.writer.drained()
    assert rig.journal.calls == ["opened", "discarded"]
    assert rig.store.index.open_files() == []
    assert list(rig.store.handle.volume.path.rglob("*.mp4")) == []
    assert rig.closed == []


async def test_rotating_out_of_an_empty_segment(rig: Rig) -> None:
    segment = rig.open()
    successor = rig.writer.rotate(segment, SegmentTail(T0), rig.store.file(rig.run, T0 + S), FORMAT)
    await rig.record(successor)
    assert rig.journal.calls == ["opened", "discarded", "opened", "closed"]


async def test_memory_is_bounded_and_recording_goes_on_when_the_disk_has_caught_up(store: Store) -> None:
    rig = Rig(store, max_backlog_bytes=1_000_000)
    rig.journal.gate.clear()
    segment = rig.open()
    rig.fill(segment, 3, big)
    with pytest.raises(StorageError) as stalled:
        rig.writer.append(segment, big(3))
    assert stalled.value.code is ErrorCode.STORAGE_STALLED
    assert 890_000 < rig.writer.backlog_bytes < 1_000_000
    assert segment.handed_us == T0 + 3 * S
    rig.journal.gate.set()
    await rig.writer.drained()
    assert rig.writer.backlog_bytes == 0
    rig.writer.append(segment, big(3))
    rig.writer.close(segment, SegmentTail(T0 + 4 * S))
    await rig.writer.stop()
    assert [len(one.fragments) for one in rig.closed] == [4]
    assert rig.failed == []


async def test_a_full_disk(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Whole fragments stay and are indexed; both owners are told once, with what did not reach the file."""
    root = tmp_path_factory.mktemp("small")
    (root / "volume").mkdir()
    with small_disk(root / "volume") as code:
        store = Store(root)
        rig = Rig(store)
        rig.journal.gate.clear()
        segment = rig.open()
        rig.fill(segment, 6, big)
        rig.journal.gate.set()
        await rig.writer.drained()
        assert rig.failed == rig.told == [segment]
        assert segment.error is not None
        assert segment.error.code is code
        assert (segment.end_us, segment.handed_us) == (T0 + 3 * S, T0 + 6 * S)
        with pytest.raises(StorageError) as refused:
            rig.writer.append(segment, big(6))
        assert refused.value is segment.error
        rig.writer.close(segment, SegmentTail(T0 + 6 * S))
        await rig.writer.drained()
        (closed,) = rig.closed
        assert (closed.end_us, len(closed.fragments)) == (T0 + 3 * S, 3)
        with store.path(closed).open("rb") as opened:
            assert len(read_segment(opened).fragments) == 3
        # When there is room again the next segment is written as if nothing had been.
        store.path(closed).unlink()
        assert len((await rig.record(rig.open(2))).fragments) == 3
        await rig.writer.stop()
        store.index.close()


async def test_a_disk_on_which_not_even_a_file_can_be_begun(tmp_path_factory: pytest.TempPathFactory) -> None:
    root = tmp_path_factory.mktemp("small")
    (root / "volume").mkdir()
    with small_disk(root / "volume") as code:
        store = Store(root)
        if code is ErrorCode.VOLUME_FULL:
            (root / "volume" / "other").write_bytes(bytes(os.statvfs(root / "volume").f_bavail * 4096))
        else:  # no room for a segment's first bytes, enough for the rest
            (root / "volume" / "cameras").touch()
        rig = Rig(store)
        segment = rig.open()
        rig.fill(segment, 2)
        rig.writer.close(segment, SegmentTail(T0 + 2 * S))
        await rig.writer.stop()
        assert rig.failed == rig.told == [segment]
        assert (segment.end_us, segment.handed_us) == (T0, T0 + 2 * S)
        assert store.index.open_files() == []
        assert list((root / "volume").rglob("*.mp4")) == []
        assert rig.closed == []
        store.index.close()


async def test_a_volume_without_its_marker_is_not_written_to(rig: Rig) -> None:
    """Invariant 6: it is the empty folder where a disk was mounted."""
    segment = rig.open()
    rig.fill(segment, 1)
    await rig.writer.drained()
    marker = rig.store.handle.volume.path / MARKER
    content = marker.read_bytes()
    marker.unlink()
    successor = rig.writer.rotate(segment, SegmentTail(T0 + S), rig.store.file(rig.run, T0 + S), FORMAT)
    await rig.writer.drained()
    assert rig.failed == [successor]
    assert successor.error is not None
    assert successor.error.code is ErrorCode.VOLUME_MISSING
    rig.writer.close(successor, SegmentTail(T0 + S))
    await rig.writer.drained()
    # The row that was made together with the end of the first segment goes again.
    assert rig.store.index.open_files() == []
    assert len(list(rig.store.handle.volume.path.rglob("*.mp4"))) == 1
    marker.write_bytes(content)


async def test_a_folder_that_takes_no_files(rig: Rig) -> None:
    """A file in the way of the camera's folder is what even root cannot write through."""
    (rig.store.handle.volume.path / "cameras").write_bytes(b"")
    segment = rig.open()
    rig.writer.close(segment, SegmentTail(T0))
    await rig.writer.drained()
    assert rig.failed == [segment]
    assert rig.store.index.open_files() == []


async def test_a_file_in_the_way_is_left_alone(rig: Rig) -> None:
    """O_EXCL: whatever lies there may be footage."""
    segment = rig.store.file(rig.run, T0)
    path = rig.store.path(segment)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"evidence")
    opened = rig.writer.open(segment, FORMAT)
    rig.writer.close(opened, SegmentTail(T0))
    await rig.writer.drained()
    assert rig.failed == [opened]
    assert path.read_bytes() == b"evidence"
    assert rig.store.index.open_files() == []


@pytest.mark.parametrize("step", [0, 1])
async def test_an_index_that_refuses(rig: Rig, step: int, caplog: pytest.LogCaptureFixture) -> None:
    """With an error of its own or an unexpected one; the file stays for reconcile."""

    def refuse() -> None:
        if len(rig.journal.calls) == step + 1:
            raise ValueError("broken")

    rig.journal.on_call = refuse
    segment = rig.open()
    rig.fill(segment, 2)
    rig.writer.close(segment, SegmentTail(T0 + 2 * S))
    await rig.writer.drained()
    assert rig.failed == rig.told == [segment]
    assert segment.error is not None
    assert segment.error.code is ErrorCode.STORAGE_FAILED
    assert "failed unexpectedly" in caplog.text
    assert len(list(rig.store.handle.volume.path.rglob("*.mp4"))) == step


async def test_a_journal_error_keeps_its_code(rig: Rig) -> None:
    def refuse() -> None:
        if len(rig.journal.calls) == 1:
            raise StorageError(ErrorCode.INDEX_DAMAGED, "broken")

    rig.journal.on_call = refuse
    segment = rig.open()
    await rig.writer.drained()
    assert segment.error is not None
    assert segment.error.code is ErrorCode.INDEX_DAMAGED
    rig.writer.close(segment, SegmentTail(T0))


async def test_a_format_that_no_file_can_hold(rig: Rig) -> None:
    """Its row, made with the end of the segment before, goes again."""
    segment = rig.open()
    rig.fill(segment, 1)
    file = rig.store.file(rig.run, T0 + S)
    successor = rig.writer.rotate(segment, SegmentTail(T0 + S), file, replace(FORMAT, parameter_sets=()))
    rig.writer.close(successor, SegmentTail(T0 + S))
    await rig.writer.drained()
    assert rig.failed == [successor]
    assert rig.store.index.open_files() == []


async def test_stopping_leaves_open_segments_to_reconcile(store: Store) -> None:
    rig = Rig(store)
    segment = rig.open()
    rig.fill(segment, 2)
    await rig.writer.stop()
    assert [one.segment_id for one in store.index.open_files()] == [segment.file.segment_id]
    reconcile(store.index, [store.handle])
    (found,) = store.index.segments("entrance", 0, 2 * T0)
    assert (len(found.fragments), found.salvaged) == (2, True)


async def test_what_was_written_is_synced_in_time(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """After `rpo_s` whether or not more comes, and at the end."""
    synced = asyncio.Queue[bool]()
    loop = asyncio.get_running_loop()
    real = files.sync_filesystem

    def sync(path: os.PathLike[str]) -> None:
        real(path)
        loop.call_soon_threadsafe(synced.put_nowait, True)

    monkeypatch.setattr(module, "sync_filesystem", sync)
    idle = Rig(store, rpo_s=0.01)
    segment = idle.open()
    idle.fill(segment, 1)
    async with asyncio.timeout(60):
        await synced.get()
    idle.writer.close(segment, SegmentTail(T0 + S))
    await idle.writer.stop()
    busy = Rig(store, rpo_s=0.0)
    segment = busy.open(1)
    busy.fill(segment, 3)
    busy.writer.close(segment, SegmentTail(T0 + 63 * S))
    await busy.writer.drained()
    assert synced.qsize() >= 3
    await busy.writer.stop()


async def test_a_sync_that_fails_ends_every_open_segment(
    store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What was written may not be there: nothing more is added to it as if nothing had been."""

    def fail(_: os.PathLike[str]) -> None:
        raise OSError(errno.EIO, "I/O error")

    monkeypatch.setattr(module, "sync_filesystem", fail)
    rig = Rig(store, rpo_s=0.0)
    one, other = rig.open(), rig.open(1)
    rig.fill(one, 1)
    await rig.writer.drained()
    assert rig.failed == [one, other]
    assert "Syncing volume" in caplog.text
    await rig.writer.stop()


def test_a_sync_that_the_system_refuses(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(FileNotFoundError):
        files.sync_filesystem(store.root / "gone")
    monkeypatch.setattr(files, "_LIBC", SimpleNamespace(syncfs=lambda _: -1))
    with pytest.raises(OSError, match=os.strerror(errno.EIO)):
        files.sync_filesystem(store.root)


async def test_slow_work_is_named(rig: Rig, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(module, "_SLOW_S", -1.0)
    await rig.writer.drained()
    await rig.writer.drained()
    assert f"Writing to volume {rig.store.handle.volume.path} took" in caplog.text


async def test_a_loop_that_is_closed_is_told_nothing(rig: Rig) -> None:
    writer = VolumeWriter(
        rig.store.handle.volume, rig.journal, on_closed=rig.closed.append, on_failed=rig.failed.append
    )
    called: list[int] = []
    writer._tell(lambda: called.append(1))
    loop = asyncio.new_event_loop()
    loop.close()
    writer._loop = loop
    writer._tell(lambda: called.append(2))
    assert called == []


async def test_two_volumes(tmp_path_factory: pytest.TempPathFactory, store: Store) -> None:
    """A disk that hangs holds up its own cameras only."""
    other = Store.__new__(Store)
    other.root, other.clock, other.index = tmp_path_factory.mktemp("other"), store.clock, store.index
    (other.root / "volume").mkdir()
    other.handle = open_volume(VolumeConfig(path=str(other.root / "volume")), store.clock, create=True)
    store.index.put_volume(other.handle.volume)
    hanging = Rig(store)
    hanging.journal.gate.clear()
    hanging.fill(hanging.open(), 2)
    going = VolumeWriter(
        other.handle.volume, Journal(other), on_closed=hanging.closed.append, on_failed=hanging.failed.append
    )
    going.start()
    segment = going.open(other.file(hanging.run, T0 + 90 * S), FORMAT)
    going.append(segment, fragment(T0 + 90 * S))
    going.close(segment, SegmentTail(T0 + 91 * S))
    await going.stop()
    assert [one.volume_id for one in hanging.closed] == [other.volume_id]
    assert hanging.writer.backlog_bytes > 0
    hanging.journal.gate.set()
    await hanging.writer.stop()
