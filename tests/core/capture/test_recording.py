"""From units to runs, segments and gaps, with a scripted camera: the files, the index and the writer are real."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from recorder_core.capture import run as run_module
from recorder_core.capture.recording import Recording
from recorder_core.capture.source import SourceInfo
from recorder_core.errors import CameraError, ErrorCode, StorageError
from recorder_core.media import TIMESCALE, AccessUnit, Codec
from recorder_core.models import SourceKind
from recorder_core.mp4 import read_segment
from recorder_core.storage.records import GapReason
from tests.core.storage.store import FORMAT, T0, ManualClock, S
from tests.core.storage_writer.disks import ROOM, small_disk

from .sink import Place, place

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

    from recorder_core.storage.records import Gap

CAMERA = "entrance"
FPS = 5
STEP = TIMESCALE // FPS
GOP = 5
INFO = SourceInfo(SourceKind.RTSP, Codec.H264, FORMAT.parameter_sets)
# 1920 by 1080 pixels.
OTHER_SETS = (bytes.fromhex("6742c028da01e0089f961000000300100000030328f1832a"), bytes.fromhex("68ce3c80"))


class Studio:
    """A recording and a camera that takes five pictures a second, on a clock that only the test turns."""

    def __init__(self, where: Place, *, size: int = 100, info: SourceInfo = INFO) -> None:
        """Begin at T0 with the camera's media clock at a number of its own."""
        self.where = where
        self.clock = ManualClock()
        self.changes = 0
        self.size = size
        self.gop = GOP
        self.number = 0
        self.media = 1_000_000
        self.recording = Recording(CAMERA, info, where.sink, self.clock, self._changed)
        where.add_camera(CAMERA)
        where.sink.gap_opened(CAMERA, T0, GapReason.CONNECTING, "")

    def _changed(self) -> None:
        self.changes += 1

    def run_id(self) -> str | None:
        """Return the run that is being recorded."""
        return self.recording.run_id

    def clock_offset_us(self) -> int | None:
        """Return what the last report told."""
        return self.recording.clock_offset_us

    def unit(self, **changes: object) -> AccessUnit:
        """Take the next picture, a fifth of a second after the last; it arrives at once."""
        self.clock.mono_us += S // FPS
        self.clock.wall_us += S // FPS
        sync = self.number % self.gop == 0
        data = b"%08d" % self.number * (self.size // 8)
        unit = AccessUnit(data, self.media, sync=sync, arrival_us=self.clock.mono_us)
        self.number += 1
        self.media += STEP
        return replace(unit, **changes)  # type: ignore[arg-type]  # the fields of a unit by their names

    def take(self, count: int) -> None:
        """Record so many pictures, each read on its own."""
        for _ in range(count):
            self.recording.on_units([self.unit()])

    async def end(self, reason: GapReason = GapReason.DISABLED) -> int:
        """End the recording as its camera does; return where the last gap began."""
        end_us = self.recording.finish(reason)
        begin_us = self.clock.now_us() if end_us is None else end_us
        self.where.sink.gap_opened(CAMERA, begin_us, reason, "")
        await self.where.settle()
        return begin_us

    async def numbers(self) -> list[list[int]]:
        """Return the numbers of the pictures in each stored file."""
        stored = []
        for segment in await self.where.segments(CAMERA):
            path = self.where.store.path(segment)
            data = path.read_bytes()
            stored.append(
                [
                    int(data[sample.offset : sample.offset + 8])
                    for fragment in read_segment(path).fragments
                    for sample in fragment.samples
                ]
            )
        return stored

    async def gaps(self) -> list[tuple[GapReason, int, int | None]]:
        """Return the gaps, times in microseconds since T0."""
        return [(gap.reason, gap.start_us - T0, _since(gap)) for gap in await self.where.gaps(CAMERA)]

    async def covered(self) -> bool:
        """Whether every moment is in a segment or a gap (invariant 4)."""
        return await self.where.holes(CAMERA, T0, self.clock.now_us(), 1) == []


def _since(gap: Gap) -> int | None:
    return None if gap.end_us is None else gap.end_us - T0


@pytest.fixture
async def where(tmp_path: Path) -> AsyncGenerator[Place]:
    """A place to record to."""
    async with place(tmp_path) as opened:
        yield opened


async def test_a_recording(where: Place) -> None:
    """The first gap ends where the first picture was taken; the last one begins where the last one ends."""
    studio = Studio(where)
    assert studio.run_id() is None
    studio.take(12)
    assert studio.run_id() is not None
    assert studio.recording.recorded
    assert studio.changes == 1
    end_us = await studio.end()
    assert await studio.numbers() == [list(range(12))]
    assert await studio.gaps() == [
        (GapReason.CONNECTING, 0, S // FPS),
        (GapReason.DISABLED, end_us - T0, None),
    ]
    assert end_us == T0 + 13 * S // FPS
    assert await studio.covered()
    (run,) = where.sink.account(CAMERA).runs
    assert (run.source, run.codec, run.width, run.height, run.audio_discarded) == ("rtsp", "h264", 256, 144, False)
    assert where.sink.account(CAMERA).ends == [(end_us, GapReason.DISABLED)]
    (segment,) = await where.segments(CAMERA)
    assert (segment.start_us, segment.end_us, segment.samples) == (run.start_us, end_us, 12)
    assert [fragment.sync for fragment in segment.fragments] == [True, True, True]


async def test_nothing_is_recorded_before_a_sync_sample_and_a_format(where: Place) -> None:
    studio = Studio(where, info=replace(INFO, parameter_sets=(b"\x67\1", b"\x68\1")))
    studio.take(6)
    studio.recording.on_units([studio.unit(parameter_sets=(b"\x67",))])
    studio.recording.on_units([studio.unit(parameter_sets=FORMAT.parameter_sets)])
    assert studio.recording.format == FORMAT
    studio.take(8)
    await studio.end()
    assert await studio.numbers() == [list(range(10, 16))]
    assert await studio.covered()


async def test_a_recording_shorter_than_a_fragment(where: Place) -> None:
    """It is written when it ends, and the gap before it ends where it begins."""
    studio = Studio(where)
    studio.take(3)
    assert studio.run_id() is None
    end_us = await studio.end()
    assert studio.recording.recorded
    assert await studio.numbers() == [[0, 1, 2]]
    assert await studio.gaps() == [(GapReason.CONNECTING, 0, S // FPS), (GapReason.DISABLED, end_us - T0, None)]
    assert end_us == T0 + 4 * S // FPS


async def test_nothing_to_end(where: Place) -> None:
    studio = Studio(where)
    assert studio.recording.finish(GapReason.STALLED) is None
    assert studio.clock_offset_us() is None
    error = CameraError(ErrorCode.STALLED, "x")
    studio.recording.on_end(error)
    studio.recording.on_end(ValueError())
    assert studio.recording.error is error
    studio.take(5)
    await studio.end()
    assert await studio.numbers() == []


async def test_minutes_become_files_without_a_seam(where: Place) -> None:
    studio = Studio(where)
    studio.take(FPS * 200)
    await studio.end()
    numbers = await studio.numbers()
    assert [one for file in numbers for one in file] == list(range(FPS * 200))
    assert all(file[0] % GOP == 0 for file in numbers)
    segments = await where.segments(CAMERA)
    assert len(segments) >= 3
    assert [one.end_us for one in segments[:-1]] == [one.start_us for one in segments[1:]]
    assert {one.wall_duration_us for one in segments[1:-1]} <= {59 * S, 60 * S, 61 * S}
    assert await studio.covered()


async def test_a_file_begins_with_a_sync_sample_however_long_it_takes(where: Place) -> None:
    """Some cameras send one in a minute and a half."""
    studio = Studio(where)
    studio.gop = FPS * 97
    studio.take(FPS * 200)
    await studio.end()
    numbers = await studio.numbers()
    assert [file[0] for file in numbers] == [0, studio.gop, 2 * studio.gop]
    assert [one for file in numbers for one in file] == list(range(FPS * 200))
    assert all(len(segment.fragments) >= 6 for segment in await where.segments(CAMERA))


async def test_another_volume_is_taken_with_the_next_file(where: Place, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    async with place(tmp_path / "other") as other:
        studio = Studio(where)
        studio.take(FPS * 5)
        other.store.run(CAMERA, run_id=where.sink.account(CAMERA).runs[0].run_id)
        where.sink._writer = other.writer
        studio.take(FPS * 120)
        await studio.end()
        await other.settle()
        first = await where.segments(CAMERA)
        second = await other.segments(CAMERA)
    assert len(first) == 1
    assert [one.start_us for one in second] == [one.end_us for one in [*first, *second[:-1]]]


async def test_a_picture_size_that_changes_begins_a_run_without_a_loss(where: Place) -> None:
    studio = Studio(where)
    studio.take(7)
    studio.take(3)
    studio.recording.on_units([studio.unit(parameter_sets=OTHER_SETS)])
    studio.take(9)
    studio.recording.on_units([studio.unit(parameter_sets=OTHER_SETS)])
    studio.take(1)
    await studio.end()
    assert await studio.numbers() == [list(range(10)), list(range(10, 22))]
    assert [(run.width, run.height) for run in where.sink.account(CAMERA).runs] == [(256, 144), (1920, 1080)]
    assert where.sink.account(CAMERA).opened == [
        GapReason.CONNECTING,
        GapReason.PARAMETER_CHANGE,
        GapReason.DISABLED,
    ]
    assert await studio.covered()


async def test_a_format_that_cannot_be_read_ends_the_session(where: Place) -> None:
    studio = Studio(where)
    studio.take(7)
    studio.recording.on_units([studio.unit(parameter_sets=(b"\x67\x64", b"\x68\xef"))])
    assert studio.recording.ended.is_set()
    assert isinstance(studio.recording.error, CameraError)
    assert studio.recording.error.code is ErrorCode.PROTOCOL
    await studio.end(GapReason.CONNECTION_LOST)
    assert await studio.numbers() == [list(range(7))]
    assert await studio.covered()


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("jump", [11 * TIMESCALE, -3 * TIMESCALE, 5 * TIMESCALE, 1 << 40])
async def test_a_time_line_that_jumps_ends_the_run(where: Place, jump: int, *, together: bool) -> None:
    """Whether or not the jump is read together with what precedes and follows it; the wall clock stays true."""
    studio = Studio(where)
    studio.take(17)
    before, studio.media = studio.unit(), studio.media + STEP + jump
    after = [studio.unit() for _ in range(9)]
    for units in [[before, *after]] if together else [[one] for one in (before, *after)]:
        studio.recording.on_units(units)
    await studio.end()
    # Number 18 is no sync sample: the next run begins with 20.
    assert await studio.numbers() == [list(range(18)), list(range(20, 27))]
    assert where.sink.account(CAMERA).opened == [GapReason.CONNECTING, GapReason.TIMESTAMP_JUMP, GapReason.DISABLED]
    assert await studio.covered()
    first, second = await where.segments(CAMERA)
    assert first.start_us == T0 + S // FPS
    # Read together, the second run's pictures seem as late as the last of them is.
    assert second.start_us == T0 + 21 * S // FPS


async def test_a_jump_in_the_first_second_leaves_the_clock_alone(where: Place) -> None:
    studio = Studio(where)
    first = [studio.unit() for _ in range(3)]
    studio.media += 3600 * TIMESCALE
    studio.recording.on_units([*first, studio.unit()])
    studio.take(9)
    await studio.end()
    segments = await where.segments(CAMERA)
    assert [one.start_us for one in segments] == [T0 + S // FPS, T0 + 6 * S // FPS]


@pytest.mark.parametrize("seconds", [2, 9])
async def test_a_pause_is_no_jump(where: Place, seconds: int) -> None:
    """A camera that sends nothing while nothing moves goes on with its run."""
    studio = Studio(where)
    studio.take(10)
    studio.media += seconds * TIMESCALE
    studio.clock.mono_us += seconds * S
    studio.clock.wall_us += seconds * S
    studio.take(10)
    await studio.end()
    assert await studio.numbers() == [list(range(20))]
    assert len(where.sink.account(CAMERA).runs) == 1
    assert await studio.covered()


async def test_another_source_begins_another_run(where: Place) -> None:
    studio = Studio(where)
    studio.take(10)
    studio.recording.on_report(T0, studio.media, studio.clock.mono_us)
    studio.recording.on_units([studio.unit(discontinuity=True)])
    studio.take(8)
    await studio.end()
    assert await studio.numbers() == [list(range(10)), list(range(10, 19))]
    assert where.sink.account(CAMERA).ends[0][1] == GapReason.TIMESTAMP_JUMP


async def test_pictures_that_a_camera_kept_back_do_not_make_the_run_late(where: Place) -> None:
    """Some begin with the last seconds at once: only the latest of them has just been taken."""
    studio = Studio(where)
    burst = [studio.unit() for _ in range(20)]
    now_us = studio.clock.mono_us
    studio.recording.on_units([replace(one, arrival_us=now_us) for one in burst])
    studio.take(5)
    await studio.end()
    (segment,) = await where.segments(CAMERA)
    assert segment.start_us == T0 + S // FPS


@pytest.mark.parametrize("step_us", [3600 * S, -3600 * S, 400_000])
async def test_a_step_of_the_wall_clock(where: Place, step_us: int) -> None:
    """A new run at the next sync sample with the new time; nothing is lost, what overlaps is kept."""
    studio = Studio(where)
    studio.take(12)
    studio.clock.wall_us += step_us
    studio.take(20)
    end_us = await studio.end()
    numbers = await studio.numbers()
    assert [one for file in sorted(numbers) for one in file] == list(range(32))
    assert len(numbers) == 2
    assert all(file[0] % GOP == 0 for file in numbers)
    account = where.sink.account(CAMERA)
    assert account.opened == [GapReason.CONNECTING, GapReason.CLOCK_STEP, GapReason.DISABLED]
    assert [reason for _, reason in account.ends] == [GapReason.CLOCK_STEP, GapReason.DISABLED]
    assert end_us == studio.clock.now_us() + S // FPS
    step = [gap for gap in await studio.gaps() if gap[0] is GapReason.CLOCK_STEP]
    if step_us < 0:
        assert step == []  # nothing is missing: an hour is there twice
    else:
        ((_, begin, end),) = step
        assert end is not None
        assert end - begin == step_us


async def test_a_clock_that_only_trembles(where: Place) -> None:
    studio = Studio(where)
    for at in range(30):
        studio.clock.wall_us += 100_000 if at % 2 else -100_000
        studio.recording.on_units([studio.unit()])
    await studio.end()
    assert len(where.sink.account(CAMERA).runs) == 1


async def test_losses_are_gaps(where: Place) -> None:
    """From the last picture before to the first one after; what is close together is one."""
    studio = Studio(where)
    studio.take(5)
    studio.unit()
    studio.unit()
    studio.recording.on_units([studio.unit(packets_lost=3)])
    studio.take(1)
    studio.recording.on_units([studio.unit(packets_lost=2)])
    studio.take(25)
    studio.recording.on_units([studio.unit(packets_lost=1)])
    await studio.end()
    assert studio.recording.packets_lost == 6
    lost = where.sink.account(CAMERA).lost
    assert [(begin - T0, end - T0, reason, detail) for begin, end, reason, detail in lost] == [
        (1 * S, 2 * S, GapReason.PACKET_LOSS, "5 packets"),
        (7 * S, 7 * S + S // FPS, GapReason.PACKET_LOSS, "1 packets"),
    ]
    assert await studio.covered()
    (segment,) = await where.segments(CAMERA)
    assert segment.packets_lost == 6


async def test_a_loss_before_the_first_picture_is_in_the_gap_that_lasts(where: Place) -> None:
    studio = Studio(where)
    studio.recording.on_units([studio.unit(packets_lost=3)])
    studio.take(7)
    await studio.end()
    assert [reason for reason, _, _ in await studio.gaps()] == [GapReason.CONNECTING, GapReason.DISABLED]


async def test_a_loss_among_reordered_pictures(where: Place) -> None:
    """The unit behind the loss is shown before the one in front of it; the gap has a length all the same."""
    studio = Studio(where)
    first = studio.media
    order = [0, 3, 1, 2, 6, 4, 5, 9, 7, 8, 12, 10, 11]
    for at, place_ in enumerate(order):
        unit = studio.unit(pts=first + place_ * STEP, packets_lost=4 if at == 5 else 0)
        studio.recording.on_units([replace(unit, sync=at == 0)])
    await studio.end()
    ((begin, end, _, _),) = where.sink.account(CAMERA).lost
    assert end - begin == 2 * S // FPS
    assert await studio.numbers() == [list(range(13))]


async def test_a_camera_that_always_loses_some_is_told_each_minute(where: Place) -> None:
    """Else nothing of it would survive a crash, and hours of footage would be called a gap."""
    studio = Studio(where)
    for _ in range(FPS * 200):
        studio.recording.on_units([studio.unit(packets_lost=1)])
    lost = where.sink.account(CAMERA).lost
    assert len(lost) >= 2
    assert all(end - begin <= 91 * S for begin, end, _, _ in lost)
    await studio.end()
    assert sum(int(detail.split()[0]) for *_, detail in lost) == FPS * 200


async def test_the_cameras_own_clock(where: Place) -> None:
    studio = Studio(where)
    studio.recording.on_report(T0, studio.media, S // FPS)
    assert studio.clock_offset_us() is None
    studio.take(12)
    taken_us = studio.clock.now_us()
    studio.recording.on_report(taken_us + 1_500_000, studio.media - STEP, studio.clock.mono_us)
    assert studio.clock_offset_us() == 1_500_000
    await studio.end()
    (segment,) = await where.segments(CAMERA)
    assert segment.clock_offset_us == 1_500_000


async def test_a_report_from_before_the_run_helps_its_clock(where: Place) -> None:
    """It does not wait for the encoder, as each picture here does for 0.3 s."""
    studio = Studio(where)
    studio.recording.on_report(T0, studio.media, 200_000)
    for _ in range(7):
        unit = studio.unit()
        studio.recording.on_units([replace(unit, arrival_us=unit.arrival_us + 300_000)])
    await studio.end()
    (segment,) = await where.segments(CAMERA)
    assert segment.start_us == T0 + 200_000


async def test_no_room_when_a_run_begins(where: Place) -> None:
    full = StorageError(ErrorCode.VOLUME_FULL, "full")
    where.sink.refusal = full
    studio = Studio(where)
    studio.take(8)
    assert studio.recording.ended.is_set()
    assert studio.recording.error is full
    assert not studio.recording.recorded
    await studio.end(GapReason.STORAGE_FULL)
    assert where.sink.account(CAMERA).runs == []
    assert await studio.covered()


async def test_no_room_when_a_short_run_ends(where: Place) -> None:
    where.sink.refusal = StorageError(ErrorCode.VOLUME_FULL, "full")
    studio = Studio(where)
    studio.take(3)
    await studio.end()
    assert studio.recording.error is where.sink.refusal
    assert await studio.numbers() == []
    assert await studio.covered()


async def test_no_room_for_the_next_file(where: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_module, "SEGMENT_US", 2 * S)
    studio = Studio(where)
    studio.take(12)
    where.sink.refusal = StorageError(ErrorCode.VOLUME_FULL, "full")
    studio.take(30)
    assert studio.recording.ended.is_set()
    end_us = await studio.end(GapReason.STORAGE_FULL)
    ((*_, last),) = (await studio.numbers())[-1:]
    assert end_us == T0 + (last + 2) * S // FPS
    assert await studio.covered()


async def test_a_disk_that_cannot_follow(tmp_path: Path) -> None:
    """The run ends where the last fragment was taken, and all that was taken is written."""
    gate = threading.Event()
    async with place(tmp_path, max_backlog_bytes=50_000) as where:
        studio = Studio(where, size=4000)
        where.index.post(lambda _: gate.wait(20))
        studio.take(30)
        assert studio.recording.ended.is_set()
        assert isinstance(studio.recording.error, StorageError)
        assert studio.recording.error.code is ErrorCode.STORAGE_STALLED
        gate.set()
        end_us = await studio.end(GapReason.STORAGE_STALLED)
        assert await studio.numbers() == [list(range(10))]
        assert end_us == T0 + 11 * S // FPS
        assert await studio.covered()


async def test_what_a_full_disk_did_not_take_is_a_gap(tmp_path: Path) -> None:
    """Fragments that were queued when the disk refused are in no file, so they are in a gap (invariant 4)."""
    gate = threading.Event()
    (tmp_path / "volume").mkdir()
    with small_disk(tmp_path / "volume") as code:
        async with place(tmp_path) as where:
            studio = Studio(where, size=ROOM // 16)
            where.index.post(lambda _: gate.wait(20))
            studio.take(40)
            gate.set()
            await where.settle()
            assert len(where.failed) == 1
            studio.take(5)
            assert studio.recording.ended.is_set()
            assert isinstance(studio.recording.error, StorageError)
            assert studio.recording.error.code is code
            end_us = await studio.end(GapReason.STORAGE_FULL)
            (segment,) = await where.segments(CAMERA)
            ((begin, end, reason, _),) = where.sink.account(CAMERA).lost
            assert (begin, end) == (segment.end_us, end_us)
            assert reason in (GapReason.STORAGE_FULL, GapReason.STORAGE_FAILED)
            assert end - begin >= 3 * S
            assert await studio.covered()


async def test_an_unexpected_fault_ends_the_session_and_nothing_else(
    where: Place, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    studio = Studio(where)
    studio.take(7)
    fault = ValueError("broken")

    def fail(_: object) -> None:
        raise fault

    assert studio.recording._run is not None
    monkeypatch.setattr(studio.recording._run, "push", fail)
    studio.take(1)
    assert studio.recording.error is fault
    assert "Recording camera entrance failed" in caplog.text
    await studio.end(GapReason.CONNECTION_LOST)
    assert await studio.covered()


async def test_only_a_run_that_has_begun_goes_on(where: Place) -> None:
    studio = Studio(where)
    studio.take(1)
    assert studio.recording._run is not None
    with pytest.raises(RuntimeError, match="begun"):
        studio.recording._run._rotate(0)
