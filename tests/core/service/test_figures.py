"""What is shown of a camera is what the index says, and days begin where the library is."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest

from recorder_core.capture import CaptureStatus
from recorder_core.clock import SystemClock
from recorder_core.errors import CameraError, ErrorCode
from recorder_core.media import Codec, VideoFormat
from recorder_core.models import CameraConfig, CameraState, DeletionRule, RecordClass, Retention, SourceKind
from recorder_core.service.figures import DAY_US, Figures, local_midnight_us, read_figures
from recorder_core.service.kept import NOTHING_KEPT, Kept, read_kept
from recorder_core.service.status import camera_status
from recorder_core.storage.certificate_rows import Destroyed, Reason, certify
from recorder_core.storage.index import Index
from recorder_core.storage.records import GapReason, OpenFile, Run, Segment, Volume

if TYPE_CHECKING:
    from pathlib import Path

CONFIG = CameraConfig(camera_id="a", name="A", url="rtsp://c/")
NOON_US = int(datetime(2026, 3, 10, 18, tzinfo=UTC).timestamp()) * 1_000_000
"""Noon in Denver."""


@pytest.mark.parametrize(
    ("now", "zone", "midnight"),
    [
        ("2026-03-10T18:00:00Z", "America/Denver", "2026-03-10T06:00:00Z"),
        ("2026-03-10T05:59:59Z", "America/Denver", "2026-03-09T06:00:00Z"),
        ("2026-03-08T12:00:00Z", "America/Denver", "2026-03-08T07:00:00Z"),  # clocks went forward at two
        ("2026-11-01T12:00:00Z", "America/Denver", "2026-11-01T06:00:00Z"),  # and back
        ("2026-03-10T18:00:00Z", "UTC", "2026-03-10T00:00:00Z"),
        ("2026-04-24T12:00:00Z", "Africa/Cairo", "2026-04-23T22:00:00Z"),  # midnight itself was skipped
    ],
)
def test_a_day_begins_at_local_midnight(now: str, zone: str, midnight: str) -> None:
    now_us, midnight_us = (int(datetime.fromisoformat(one).timestamp()) * 1_000_000 for one in (now, midnight))
    assert local_midnight_us(now_us, ZoneInfo(zone)) == midnight_us


def _segment(segment_id: int, start_us: int, size: int) -> Segment:
    return Segment(
        segment_id=segment_id,
        camera_id="a",
        run_id="r",
        volume_id="v",
        path=f"cameras/a/{segment_id}.mp4",
        start_us=start_us,
        wall_duration_us=60_000_000,
        media_duration=60 * 90_000,
        size=size,
        root=bytes(32),
        fragments=(),
        samples=1500,
        packets_lost=2,
    )


def test_figures_are_read_from_the_index(data: Path) -> None:
    with Index.open(data / "index.sqlite", SystemClock()) as index:
        index.put_camera("a", "A")
        empty = read_figures(index, "a", NOON_US, ZoneInfo("America/Denver"))
        index.put_volume(Volume("v", data))
        index.begin_run(Run("r", "a", 0, "rtsp", "h264", 640, 360))
        for number, start_us in enumerate((NOON_US - 3 * DAY_US, NOON_US - 120_000_000, NOON_US - 60_000_000), 1):
            segment = _segment(number, start_us, 1000 * number)
            index.file_opened(OpenFile(number, "a", "r", "v", segment.path, start_us))
            index.file_closed(segment)
        index.add_gap("a", NOON_US - DAY_US, NOON_US - DAY_US + 1, GapReason.STALLED)
        index.add_gap("a", NOON_US - 500_000_000, NOON_US - 400_000_000, GapReason.STALLED)
        index.open_gap("a", NOON_US - 10_000_000, GapReason.STALLED)
        figures = read_figures(index, "a", NOON_US, ZoneInfo("America/Denver"))
    assert empty == Figures(at_us=NOON_US, midnight_us=NOON_US - DAY_US // 2)
    assert figures == Figures(
        at_us=NOON_US,
        midnight_us=NOON_US - DAY_US // 2,
        oldest_us=NOON_US - 3 * DAY_US,
        newest_us=NOON_US,
        stored_bytes=6000,
        bytes_per_day=5000 * 720,
        gap_us=110_000_000,
        packets_lost=6,
    )


@pytest.mark.parametrize(
    ("record_class", "rule", "below"),
    [
        (RecordClass.VIDEO, DeletionRule.SPACE, True),
        (RecordClass.VIDEO, DeletionRule.QUOTA, True),
        (RecordClass.VIDEO, DeletionRule.PERSON, False),
        (RecordClass.EXPORT, DeletionRule.QUOTA, False),  # a copy: the footage itself is still there
    ],
)
def test_only_footage_that_went_for_want_of_room_falls_short_of_the_minimum(
    data: Path, record_class: RecordClass, rule: DeletionRule, *, below: bool
) -> None:
    retention = Retention(minimum_days=7)
    with Index.open(data / "index.sqlite", SystemClock()) as index:
        index.put_camera("a", "A")
        gone = Destroyed("a", record_class, NOON_US - 2 * DAY_US, NOON_US - DAY_US, 1, (bytes(32),))
        with index._writing() as connection:
            certify(connection, gone, Reason(rule, "", NOON_US))
        assert read_kept(index, "a", retention, NOON_US).below_minimum(retention, NOON_US) is below


def test_a_gap_that_lasts_goes_on_growing() -> None:
    figures = Figures(at_us=NOON_US, midnight_us=0, gap_us=5_000_000)
    capture = CaptureStatus(CameraState.RETRYING, 7, problem=CameraError(ErrorCode.TIMEOUT, "Late.", seconds=3))
    status = camera_status(
        CONFIG, capture, figures, NOTHING_KEPT, gap_start_us=NOON_US - 5_000_000, now_us=NOON_US + 2_000_000
    )
    assert (status.gap_s_today, status.since_us, status.codec) == (7.0, 7, None)
    assert status.problem is not None
    assert (status.problem.code, status.problem.placeholders) == (ErrorCode.TIMEOUT, {"seconds": 3})


def test_a_recording_camera_shows_its_stream() -> None:
    capture = CaptureStatus(
        CameraState.RECORDING,
        7,
        source=SourceKind.RTSP,
        format=VideoFormat(Codec.H265, (), 1920, 1080, 0),
        run_id="r",
        audio_offered=True,
        packets_lost=4,
        clock_offset_us=-9,
    )
    figures = Figures(at_us=NOON_US, midnight_us=0, gap_us=5_000_000, stored_bytes=3)
    kept = Kept(oldest_us=NOON_US + 2_000_000 - DAY_US * 3 // 2, held_bytes=11)
    status = camera_status(CONFIG, capture, figures, kept, gap_start_us=None, now_us=NOON_US + 2_000_000)
    assert (status.codec, status.width, status.height, status.source) == ("h265", 1920, 1080, SourceKind.RTSP)
    assert (status.gap_s_today, status.stored_bytes, status.packets_lost) == (5.0, 3, 4)
    assert (status.run_id, status.audio_offered, status.clock_offset_us, status.problem) == ("r", True, -9, None)
    assert (status.achieved_days, status.held_bytes, status.below_minimum) == (1.5, 11, False)
