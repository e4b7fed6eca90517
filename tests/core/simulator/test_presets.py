"""The libraries' cameras are those that their policies name, and differ enough to try a recorder."""

from __future__ import annotations

from collections import Counter

import pytest

from recorder_core.simulator import Challenge, SceneKind, VideoCodec
from recorder_core.simulator.presets import LIBRARIES, LOAD_VIDEO, Library, load_cameras


def test_missoula_has_its_eleven_views() -> None:
    scenes = Counter(camera.scene for camera in LIBRARIES["missoula"].cameras)
    assert scenes == {
        SceneKind.BOOK_DROP: 2,
        SceneKind.GARAGE: 5,
        SceneKind.PARKING_LOT: 3,
        SceneKind.CAFE_DECK: 1,
    }


def test_arapahoe_and_hanson_watch_what_their_policies_allow() -> None:
    assert {camera.scene for camera in LIBRARIES["arapahoe"].cameras} == {
        SceneKind.ENTRANCE,
        SceneKind.COLLECTION,
        SceneKind.SEATING,
        SceneKind.DELIVERY,
        SceneKind.PARKING_LOT,
    }
    hanson = LIBRARIES["hanson"].cameras
    assert {camera.area for camera in hanson} >= {"Entrances", "Delivery", "Parking", "Seating", "Service desk"}
    assert any(camera.area == "Senior Center" for camera in hanson)


@pytest.mark.parametrize("library", LIBRARIES.values(), ids=LIBRARIES)
def test_every_library_tries_a_recorder(library: Library) -> None:
    cameras = library.cameras
    assert [camera.number for camera in cameras] == list(range(1, len(cameras) + 1))
    assert len({camera.name for camera in cameras}) == len(cameras)
    assert all(camera.audio for camera in cameras)
    assert {camera.video.codec for camera in cameras} == {VideoCodec.H264, VideoCodec.H265}
    assert any(camera.video.b_frames for camera in cameras)
    assert any(camera.video.repeat_headers for camera in cameras)
    assert any(camera.clock_error_us for camera in cameras)
    offered = {challenge for camera in cameras for challenge in camera.challenges}
    assert offered == set(Challenge)
    for camera in cameras:
        assert bool(camera.password) is bool(camera.challenges)
        assert camera.password == "" or camera.password not in repr(camera)


def test_load_cameras_differ_by_number_only() -> None:
    cameras = load_cameras(100)
    assert len({camera.name for camera in cameras}) == 100
    assert {camera.video for camera in cameras} == {LOAD_VIDEO}
    assert not any(camera.challenges for camera in cameras)
