"""What people read of a status, a forecast and a hold."""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import TYPE_CHECKING

from recorder_core.cli import export, forecast, holds, status
from recorder_core.cli.exit_codes import FAILED, OK
from recorder_core.errors import ErrorCode
from recorder_core.models import (
    CameraState,
    CameraStatus,
    DeletionRule,
    Duty,
    ExportFile,
    ExportJob,
    ExportState,
    Forecast,
    GapView,
    Hold,
    HoldKind,
    Problem,
    RecorderStatus,
    Retention,
    SweepHalt,
    VolumeState,
    VolumeStatus,
)

if TYPE_CHECKING:
    import pytest

RECORDER = RecorderStatus(
    version="1.2",
    api_version=1,
    store_id="0" * 32,
    pid=7,
    supervisor_pid=None,
    started_us=0,
    host_synchronised=True,
    cameras=[],
    volumes=[],
)
CAMERA = CameraStatus(camera_id="lobby", name="Main lobby", enabled=True, state=CameraState.RECORDING, since_us=0)
FORECAST = Forecast(
    camera_id="lobby",
    start_us=0,
    end_us=60_000_000,
    first_us=None,
    last_us=None,
    rule=None,
    held=False,
    stored_bytes=0,
)
HOLD = Hold(
    hold_id="h1",
    camera_ids=["hall", "lobby"],
    start_us=0,
    end_us=None,
    kind=HoldKind.LEGAL,
    case_id=None,
    placed_us=0,
    placed_by="",
)


def test_a_recorder_that_has_nothing_says_so() -> None:
    assert status.lines(RECORDER) == [
        "recorder 1.2, process 7, since 1970-01-01T00:00:00Z",
        "holds: 0 active, 0 to review",
        "no volume: nothing can be recorded",
        "no camera",
    ]


def test_a_status_tells_how_long_footage_is_kept_and_what_is_wrong() -> None:
    camera = replace(
        CAMERA,
        state=CameraState.RETRYING,
        problem=Problem(code=ErrorCode.UNREACHABLE, message="It is off."),
        stored_bytes=41_300_000,
        held_bytes=1000,
        bytes_per_day=2_000_000,
        achieved_days=12.34,
        retention=Retention(retention_days=30),
        below_minimum=True,
        gap_s_today=61.4,
    )
    volume = VolumeStatus(
        volume_id=None,
        path="/footage",
        state=VolumeState.READ_ONLY,
        total_bytes=10**12,
        free_bytes=10**11,
        used_bytes=5,
        problem=Problem(code=ErrorCode.VOLUME_READ_ONLY, message="It cannot be written to."),
        only_held=True,
        being_read=True,
    )
    recorder = replace(
        RECORDER,
        cameras=[camera, CAMERA],
        volumes=[volume],
        days_until_full=3.21,
        sweep_halt=SweepHalt.HOLDS,
        failing=[Duty.SWEEP, Duty.LEDGER],
    )
    said = status.lines(recorder)
    assert said[1:] == [
        "nothing is deleted: holds may lie on a volume that was not read yet",
        "FAILING, the log says why: sweep, ledger",
        "holds: 0 active, 0 to review",
        (
            "volume /footage: read_only (It cannot be written to.), HOLDS KEEP ALL THAT IS ON IT, "
            "EXPORTS READ WHAT COULD GO FROM IT, 100 GB of 1 TB free, 5 B of footage"
        ),
        "full: in 3.2 days",
        (
            "camera lobby Main lobby: retrying (It is off.), 41.3 MB stored, 1 kB of it held, 2 MB a day, "
            "12.3 of 30 days kept, BELOW ITS MINIMUM, 61 s of gaps today"
        ),
        "camera lobby Main lobby: recording, 0 B stored",
    ]
    unlimited = replace(CAMERA, achieved_days=1.0)
    assert status.lines(replace(RECORDER, cameras=[unlimited]))[-1].endswith(", 1.0 days kept")


def test_a_forecast_says_what_there_is_and_when_it_goes() -> None:
    assert forecast.lines(FORECAST, 61_000_000) == ["stored: nothing"]
    assert forecast.lines(FORECAST, 0) == ["stored: nothing", "goes: never, as things are"]
    assert forecast.lines(replace(FORECAST, stored_bytes=5), 61_000_000)[1:] == ["goes: never, as things are"]
    partly = replace(
        FORECAST,
        stored_bytes=5_000_000,
        first_us=1_000_000,
        rule=DeletionRule.SPACE,
        held=True,
        hold_ids=["h1", "h2"],
        missing_us=3_000_000,
        destroyed_us=2_000_000,
    )
    assert forecast.lines(partly, 61_000_000) == [
        "stored: 5 MB",
        "not stored: 3 s, of which 2 s were deleted: certificates --camera lobby",
        "held, some or all of it, by h1, h2",
        "the first of it goes: 1970-01-01T00:00:01Z (space)",
        "the last of it goes: never, as things are",
    ]


def test_a_hold_shows_when_it_is_to_be_looked_at_again() -> None:
    held = "h1 active legal hall,lobby 1970-01-01T00:00:00Z to open"
    assert holds.line(HOLD, 0) == held
    reviewed = replace(HOLD, review_us=2_000_000, expires_us=3_000_000)
    ends = ", expires 1970-01-01T00:00:03Z"
    assert holds.line(reviewed, 1_999_999) == f"{held}, review 1970-01-01T00:00:02Z{ends}"
    assert holds.line(reviewed, 2_000_000) == f"{held}, review due since 1970-01-01T00:00:02Z{ends}"
    stays = replace(HOLD, reviewed_us=1_000_000, reviewed_by="")
    assert holds.line(stays, 0) == f"{held}, reviewed 1970-01-01T00:00:01Z"
    again = replace(stays, reviewed_by="u2", review_us=2_000_000)
    assert holds.line(again, 0) == f"{held}, reviewed 1970-01-01T00:00:01Z by u2, review 1970-01-01T00:00:02Z"


def test_an_export_shows_what_became_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    """What its files lack is a note; why there are none is an error."""
    file = ExportFile(
        path="/e1/clip.mp4", sha256="ab", size=7, start_us=0, end_us=9, duration_us=9, frames=1, lead_in_us=0
    )
    made = ExportJob(
        export_id="e1",
        camera_id="lobby",
        camera_ids=["lobby", "hall"],
        start_us=0,
        end_us=60_000_000,
        state=ExportState.DONE,
        files=[file, replace(file, path="/e1/clip_reencoded.mp4", sha256="cd", derived=True)],
        not_shown=[GapView(start_us=0, end_us=3_000_000, reason="left_out", camera_id="lobby")],
        gaps=[
            GapView(start_us=0, end_us=1_500_000, reason="stalled"),
            GapView(start_us=50, end_us=None, reason="x", camera_id="hall"),
        ],
    )
    when = "asked for 1970-01-01T00:00:00Z: lobby,hall 1970-01-01T00:00:00Z to 1970-01-01T00:01:00Z"
    assert export.line(made) == f"e1 clip done, {when}, 14 B"
    assert export.tell(argparse.Namespace(json=False), made) == OK
    said, noted = capsys.readouterr()
    assert said == "/e1/clip.mp4 ab\n/e1/clip_reencoded.mp4 cd\n"
    assert noted.splitlines() == [
        "/e1/clip_reencoded.mp4 is re-encoded: it is no original",
        "gap 1970-01-01T00:00:00Z to 1970-01-01T00:00:01Z, 1 s: stalled",
        "gap hall 1970-01-01T00:00:00Z to 1970-01-01T00:01:00Z, 59 s: x",
        "no original of lobby 1970-01-01T00:00:00Z to 1970-01-01T00:00:03Z, 3 s: left out",
    ]
    problem = Problem(code=ErrorCode.VOLUME_FULL, message="There is no room.")
    failed = replace(made, state=ExportState.FAILED, problem=problem, files=[])
    assert export.line(failed) == f"e1 clip failed, {when}: There is no room."
    assert export.tell(argparse.Namespace(json=False), failed) == FAILED
    assert capsys.readouterr() == ("", "volume_full: There is no room.\n")
    assert export.line(replace(made, state=ExportState.REMOVED)) == f"e1 clip removed, {when}"
