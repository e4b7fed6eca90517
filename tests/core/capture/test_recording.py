"""From units to runs and segments, with a scripted camera: the files, the index and the writer are real."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from recorder_core.errors import CameraError, ErrorCode
from recorder_core.media import TIMESCALE
from recorder_core.storage.records import GapReason
from tests.core.storage.store import FORMAT, T0, S

from .sink import Place, place

if TYPE_CHECKING:
    from pathlib import Path


from .studio import CAMERA, FPS, GOP, INFO, OTHER_SETS, Studio


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


@pytest.mark.parametrize("gop", [GOP, 10 * GOP])
async def test_a_fragment_is_written_as_soon_as_what_follows_it_is_there(where: Place, gop: int) -> None:
    """Were it to wait until that is a sample itself, a kill would cost another picture's time."""
    studio = Studio(where)
    studio.gop = gop
    studio.take(FPS)
    assert studio.run_id() is None
    studio.take(1)
    assert studio.run_id() is not None
    (writing,) = where.writer.open_segments()
    assert writing.handed_us - writing.file.start_us == S
    await studio.end()
    assert await studio.numbers() == [list(range(FPS + 1))]


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


async def test_a_format_that_cannot_be_read_ends_the_session(where: Place, caplog: pytest.LogCaptureFixture) -> None:
    studio = Studio(where)
    studio.take(7)
    studio.recording.on_units([studio.unit(parameter_sets=(b"\x67\x64", b"\x68\xef"))])
    assert studio.recording.ended.is_set()
    assert isinstance(studio.recording.error, CameraError)
    assert studio.recording.error.code is ErrorCode.PROTOCOL
    assert caplog.text == ""  # whoever waits for the end says it
    await studio.end(GapReason.CONNECTION_LOST)
    assert await studio.numbers() == [list(range(7))]
    assert await studio.covered()


async def test_only_a_run_that_has_begun_goes_on(where: Place) -> None:
    studio = Studio(where)
    studio.take(1)
    assert studio.recording._run is not None
    with pytest.raises(RuntimeError, match="begun"):
        studio.recording._run._rotate(0)


async def test_pictures_that_are_all_sync_samples_share_fragments(where: Place) -> None:
    """As of Motion JPEG: a fragment for each would cost as much as a small picture."""
    studio = Studio(where)
    studio.gop = 1
    studio.take(4 * FPS)
    await studio.end()
    [segment] = await where.segments(CAMERA)
    assert [span.duration for span in segment.fragments] == [TIMESCALE] * 4
