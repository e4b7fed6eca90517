"""Pictures are pleasant to look at, differ from camera to camera, and move."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, strategies as st

from recorder_core.simulator import FrameCode, SceneKind, SimulatedCamera, VideoSettings, read_code
from recorder_core.simulator.painter import Painter
from recorder_core.simulator.scenes import SCENES

VIDEO = VideoSettings()
NOON_US = 1_790_000_000_000_000


def camera(scene: SceneKind = SceneKind.GARAGE, number: int = 1) -> SimulatedCamera:
    """A camera that looks at that scene."""
    return SimulatedCamera("x", "A title", number=number, scene=scene)


def scene_part(
    picture: np.ndarray[tuple[int, ...], np.dtype[np.uint8]],
) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Luma without caption and frame code."""
    return picture[22:312]


@pytest.mark.parametrize("scene", SceneKind)
def test_every_scene_has_detail_and_moves(scene: SceneKind) -> None:
    painter = Painter(camera(scene), VIDEO)
    first = painter.paint(serial=0, time_us=NOON_US).copy()
    assert scene_part(first).std() > 15
    later = painter.paint(serial=1, time_us=NOON_US + int(SCENES[scene].mover.period_s * 400_000))
    changed = np.argwhere(scene_part(first) != scene_part(later))
    assert len(changed) > 200
    # What moves leaves nothing behind: after a whole round the picture is the same again.
    again = painter.paint(serial=2, time_us=NOON_US + int(SCENES[scene].mover.period_s * 1_000_000))
    assert np.array_equal(scene_part(first), scene_part(again))


def test_no_two_cameras_show_the_same_picture() -> None:
    pictures = [
        Painter(camera(scene, number), VIDEO).paint(serial=0, time_us=NOON_US)[:312].tobytes()
        for scene in SceneKind
        for number in (1, 2)
    ]
    assert len(set(pictures)) == len(pictures)


@pytest.mark.parametrize(("width", "height"), [(320, 192), (640, 480), (1280, 720), (1920, 1080)])
def test_sizes(width: int, height: int) -> None:
    painter = Painter(camera(), replace(VIDEO, width=width, height=height))
    picture = painter.paint(serial=4, time_us=NOON_US)
    assert picture.shape == (height * 3 // 2, width)
    assert read_code(picture[:height]) == FrameCode(NOON_US, 4, 1)


@given(steps=st.lists(st.integers(0, 60_000_000), min_size=1, max_size=6))
def test_a_picture_depends_on_its_time_only(steps: list[int]) -> None:
    """However the painter came there: what it restores and redraws is complete."""
    painter = PAINTERS[0]
    for step in steps:
        walked = painter.paint(serial=7, time_us=NOON_US + step).copy()
    fresh = PAINTERS[1].paint(serial=7, time_us=NOON_US + steps[-1])
    assert np.array_equal(walked, fresh)


PAINTERS = (Painter(camera(), VIDEO), Painter(camera(), VIDEO))


def test_a_title_is_written_in_plain_letters() -> None:
    cafe, plain = (
        Painter(replace(camera(), title=title), VIDEO).paint(serial=0, time_us=NOON_US)[:22]
        for title in ("Café deck", "Cafe deck")
    )
    assert np.array_equal(cafe, plain)
    assert cafe[:, :100].max() > 200


def test_the_clock_is_written_to_the_millisecond() -> None:
    painter = Painter(camera(), VIDEO)
    first = painter.paint(serial=0, time_us=NOON_US)[:22].copy()
    assert np.array_equal(first, painter.paint(serial=0, time_us=NOON_US + 999)[:22])
    next_one = painter.paint(serial=0, time_us=NOON_US + 1000)[:22]
    changed = np.argwhere(first != next_one)[:, 1]
    # One digit, three letters and a space before the end.
    assert 640 - 60 < changed.min() <= changed.max() < 640 - 20
