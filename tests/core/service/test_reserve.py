"""A volume that fills up keeps as much free as the files that are open still need: none ends because the disk does."""

from __future__ import annotations

from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING, Final

import pytest

from recorder_core.errors import StorageError
from recorder_core.media import TIMESCALE, Fragment, Sample
from recorder_core.models import VolumeConfig, VolumeState
from recorder_core.service.volume_slot import find_shortage, growing_bytes, regrowing_bytes, reserve_bytes, resume_bytes
from recorder_core.storage.ids import new_segment_id, segment_path
from recorder_core.storage.index import Index
from recorder_core.storage.open_segment import OpenSegment, SegmentTail, Written
from recorder_core.storage.records import FragmentSpan, OpenFile, Run
from recorder_core.storage.volumes import Room, Shortage
from tests.core.storage.store import FORMAT, T0, S
from tests.core.storage_writer.disks import filled_disk

from .watched import Watched

if TYPE_CHECKING:
    from pathlib import Path

    from recorder_core.storage.records import Segment
    from recorder_core.storage.writer import VolumeWriter

MIB: Final = 1 << 20
GIB: Final = 1 << 30

_CAMERAS: Final = 4
_A_SECOND: Final = bytes(MIB // 2)
_FILE_S: Final = 60
_LOOK_S: Final = 10
_ROOM: Final = 200 * MIB
"""Less than two files of each camera, and more than the least reserve behind the first."""


def _open(size: int, seconds: float) -> Segment:
    """What is known of a file that was written for so long."""
    spans = (FragmentSpan(0, size, 1, sync=True),) if size else ()
    file = OpenFile(1, "lobby", "run", "volume", "path", T0)
    return OpenSegment(file, Written(T0 + round(seconds * S), spans)).partial()


def test_open_files_go_on_at_their_own_rates() -> None:
    assert growing_bytes([]) == 0
    assert growing_bytes([_open(0, 0)]) == 0
    assert growing_bytes([_open(30 * MIB, 60)]) == 60 * MIB
    assert growing_bytes([_open(30 * MIB, 60)] * 40) == 40 * 60 * MIB
    assert growing_bytes([_open(8 * MIB, 0.2)]) == 96 * MIB  # one large picture is not what a camera always sends


@pytest.mark.parametrize(
    ("growing", "total", "reserve"),
    [
        (0, 100 * GIB, 64 * MIB),
        (63 * MIB, 100 * GIB, 64 * MIB),
        (2 * GIB, 100 * GIB, 2 * GIB),
        (2 * GIB, GIB, GIB // 10),
    ],
)
def test_the_reserve_follows_what_is_open_up_to_a_tenth_of_the_volume(growing: int, total: int, reserve: int) -> None:
    def room(free: int) -> Room:
        return Room(total, free, 0, 0, None, None, growing)

    assert reserve_bytes(room(0)) == reserve
    assert find_shortage(room(reserve), VolumeState.OK) is None
    assert find_shortage(room(reserve - 1), VolumeState.OK) is Shortage.DISK
    resume = resume_bytes(room(0))
    assert resume == reserve + min(256 * MIB, total // 10)
    assert find_shortage(room(resume - 1), VolumeState.FULL) is Shortage.DISK
    assert find_shortage(room(resume), VolumeState.FULL) is None


def test_a_start_goes_by_the_files_that_were_written_last() -> None:
    """What other cameras recorded long before does not count."""
    assert regrowing_bytes([]) == 0
    old = replace(_open(30 * MIB, 60), start_us=T0 - 3600 * S)
    assert regrowing_bytes([old]) == 60 * MIB
    assert regrowing_bytes([old, _open(5 * MIB, 60), replace(_open(5 * MIB, 60), start_us=T0 - 60 * S)]) == 20 * MIB


class _Camera:
    """Writes half a MiB a second to where the volumes send it, a file a minute."""

    _numbers = count(1)

    def __init__(self, watched: Watched, number: int) -> None:
        """Begin with no file."""
        self._watched = watched
        self._run = Run(f"run-{number}", f"camera-{number}", T0, "rtsp", "h264", 256, 144)
        self._open: tuple[VolumeWriter, OpenSegment] | None = None

    async def start(self) -> None:
        """Have the index know it."""
        await self._watched.index.ask(Index.put_camera, self._run.camera_id, self._run.camera_id)
        await self._watched.index.ask(Index.begin_run, self._run)

    def turn(self, now_us: int) -> bool:
        """End the file and begin the next one; whether a volume took it."""
        if self._open is not None:
            writer, segment = self._open
            writer.close(segment, SegmentTail(now_us))
        try:
            writer = self._watched.volumes.writer(self._run.camera_id)
        except StorageError:
            self._open = None
            return False
        number = next(self._numbers)
        segment_id = new_segment_id(now_us, lambda _: number)
        path = segment_path(self._run.camera_id, now_us, segment_id)
        volume_id = writer.volume.volume_id
        file = OpenFile(segment_id, self._run.camera_id, self._run.run_id, volume_id, path, now_us)
        self._open = writer, writer.open(file, FORMAT)
        return True

    def record(self, start_us: int, at: int) -> None:
        """Write a second."""
        if self._open is not None:
            writer, segment = self._open
            sample = Sample(_A_SECOND, at * TIMESCALE, at * TIMESCALE, TIMESCALE, sync=True)
            writer.append(segment, Fragment((sample,), start_us, start_us + S))


async def _record(watched: Watched, cameras: list[_Camera], begin_us: int) -> int:
    """Record and look at the volume as time would, until it takes no more; return for how many seconds it did."""
    for second in count():
        now_us = begin_us + second * S
        if second % _LOOK_S == 0:
            await watched.volumes.drained()
            await watched.look()
        if second % _FILE_S == 0:
            taken = [camera.turn(now_us) for camera in cameras]
            await watched.volumes.drained()
            if not any(taken):
                return second
        for camera in cameras:
            camera.record(now_us, second % _FILE_S)
        await watched.volumes.drained()
    raise AssertionError


async def test_no_file_ends_because_the_disk_is_full(data: Path) -> None:
    """Nothing may be deleted there, as where all is held: recording ends with whole files, and takes up again."""
    (data / "disk").mkdir()
    with filled_disk(data / "disk", _ROOM) as filled:
        watched = Watched(data)
        await watched.use(VolumeConfig(path=str(data / "disk"), min_free_bytes=filled.min_free_bytes))
        cameras = [_Camera(watched, number) for number in range(_CAMERAS)]
        for camera in cameras:
            await camera.start()
        seconds = await _record(watched, cameras, T0)
        assert watched.volumes.statuses()[0].state is VolumeState.FULL
        assert seconds == _FILE_S
        await watched.volumes.open([VolumeConfig(path=str(data / "disk"), min_free_bytes=filled.min_free_bytes)])
        await watched.volumes.start()
        assert watched.volumes.statuses()[0].state is VolumeState.FULL  # a start knows what was open
        assert [segment.wall_duration_us for segment in watched.closed] == [_FILE_S * S] * _CAMERAS
        filled.make_room(3 * _ROOM // 2)
        await watched.look()
        assert watched.volumes.statuses()[0].state is VolumeState.FULL  # as many files as before would not fit
        filled.make_room(3 * _ROOM)
        await watched.look()
        assert watched.volumes.obstacle() is None
        await watched.close()
