"""The judge of the demonstration reads what pictures say, and sees each one missing, doubled or unreadable."""

from __future__ import annotations

from pathlib import Path

import pytest

from recorder_core.export import plan_clip, write_clip
from recorder_core.models import StartMode
from recorder_core.simulator import FrameCode
from script.tools.stored_frames import Sequence, ShownFrame, Tracks, sequence, shown_frames, tracks
from tests.core.export.library import START_US, record
from tests.core.mp4.footage import FRAME_US, H264

from .film import T0, code, film


def test_reads_the_codes_of_a_file_in_the_order_they_are_shown(tmp_path: Path) -> None:
    """A stored picture says when it was taken, and which one it is."""
    film(tmp_path / "film.mp4", range(40, 52))
    shown = list(shown_frames(tmp_path / "film.mp4"))
    assert [frame.code for frame in shown] == [code(n) for n in range(40, 52)]
    assert [frame.sync for frame in shown] == [True, False, False, False, False] * 2 + [True, False]


def test_finds_what_an_edit_list_hides(tmp_path: Path) -> None:
    """A clip that begins between two sync samples carries the pictures from the sync sample on."""
    plan = plan_clip(record(tmp_path, H264, 20), START_US + 13 * FRAME_US, START_US + 17 * FRAME_US, StartMode.LEAD_IN)
    (clip,) = write_clip(plan, tmp_path, "clip")
    path = Path(clip.path)
    before = sum(1 for _ in shown_frames(path, hidden=True)) - sum(1 for _ in shown_frames(path))
    assert before == round(clip.lead_in_us / FRAME_US) > 0


@pytest.mark.parametrize(("sound", "expected"), [(False, Tracks(1, 0)), (True, Tracks(1, 1))])
def test_counts_tracks(tmp_path: Path, *, sound: bool, expected: Tracks) -> None:
    """A track of sound is seen even if nothing is in it."""
    film(tmp_path / "film.mkv", range(3), sound=sound)
    assert tracks(tmp_path / "film.mkv") == expected


def _shown(*serials: int | None) -> list[ShownFrame]:
    codes = [None if serial is None else FrameCode(T0 + serial, serial, 7) for serial in serials]
    return [ShownFrame(code, sync=False) for code in codes]


@pytest.mark.parametrize(
    ("serials", "expected"),
    [
        pytest.param((4, 5, 6), Sequence(3, 0, 0, 0, T0 + 4, T0 + 6), id="whole"),
        pytest.param((4, 6, 9), Sequence(3, 3, 0, 0, T0 + 4, T0 + 9), id="missing"),
        pytest.param((4, 5, 5, 6), Sequence(4, 0, 1, 0, T0 + 4, T0 + 6), id="doubled"),
        pytest.param((4, None, 6), Sequence(3, 1, 0, 1, T0 + 4, T0 + 6), id="unreadable"),
        pytest.param((), Sequence(0, 0, 0, 0, 0, 0), id="nothing"),
    ],
)
def test_judges_a_camera_by_its_serials(serials: tuple[int | None, ...], expected: Sequence) -> None:
    """A simulated camera counts without a hole, so each hole is the recorder's."""
    assert sequence(_shown(*serials)) == expected
