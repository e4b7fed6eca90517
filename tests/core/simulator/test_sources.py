"""Pictures come in step with the clock, whatever the machine's speed, live and in load mode."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import av
import pytest

from recorder_core.simulator import (
    ChangeVideo,
    FrameCode,
    Quirk,
    Simulator,
    VideoCodec,
    VideoSettings,
    read_code,
)
from recorder_core.simulator.loop import FrameLoop, LoopSource, encode_loop
from recorder_core.simulator.source import LiveSource
from recorder_core.simulator.waiting import Bell

from .cameras import CAMERA, QUICK, QUICK_B_FRAMES, QUICK_H265, grey
from .clocks import START_US, ManualClock
from .wire import connect, pictures

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from recorder_core.simulator.rtp import PreparedFrame
    from recorder_core.simulator.source import Source


class Taker:
    """Takes what a source delivers."""

    def __init__(self) -> None:
        """Nothing yet."""
        self.frames: list[PreparedFrame] = []
        self.bell = Bell()

    def __call__(self, frame: PreparedFrame) -> None:
        """Take one."""
        self.frames.append(frame)
        self.bell.ring()

    async def wait(self, count: int) -> None:
        """Until there are that many."""
        await self.bell.wait(lambda: len(self.frames) >= count)


@asynccontextmanager
async def running(source: Source) -> AsyncIterator[Taker]:
    """Run a source for a while."""
    taker = Taker()
    task = asyncio.create_task(source.run(taker))
    try:
        yield taker
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_live_pictures_carry_the_time_of_their_tick() -> None:
    clock = ManualClock()
    with ThreadPoolExecutor(1) as workers:
        async with running(LiveSource(CAMERA, clock, workers)) as taker:
            await taker.wait(1)
            # The machine comes late to the next two ticks; the pictures say when they were due.
            clock.advance(0.055)
            await taker.wait(3)
    assert [frame.serial for frame in taker.frames] == [0, 1, 2]
    assert [frame.pts for frame in taker.frames] == [0, 1800, 3600]
    assert [frame.time_us - START_US for frame in taker.frames] == [0, 20_000, 40_000]
    assert [frame.sync for frame in taker.frames] == [True, False, False]


async def test_a_machine_that_is_far_behind_leaves_pictures_out_but_no_serial() -> None:
    clock = ManualClock()
    with ThreadPoolExecutor(1) as workers:
        async with running(LiveSource(CAMERA, clock, workers)) as taker:
            await taker.wait(1)
            clock.advance(10)
            await taker.wait(2)
    assert [frame.serial for frame in taker.frames[:2]] == [0, 1]
    assert taker.frames[1].pts == 900_000
    assert taker.frames[1].time_us == START_US + 10_000_000


async def test_the_frame_rate_may_change_and_the_time_goes_on() -> None:
    clock = ManualClock()
    with ThreadPoolExecutor(1) as workers:
        source = LiveSource(CAMERA, clock, workers)
        async with running(source) as taker:
            await taker.wait(1)
            source.change(replace(QUICK, fps=10))
            clock.advance(0.02)
            await taker.wait(2)
            clock.advance(0.1)
            await taker.wait(3)
    assert [frame.time_us - START_US for frame in taker.frames] == [0, 20_000, 120_000]
    assert [frame.pts for frame in taker.frames] == [0, 1800, 10_800]
    assert taker.frames[1].sync
    assert source.media.fps == 10


@pytest.fixture(scope="module", params=[QUICK, QUICK_H265, QUICK_B_FRAMES], ids=["h264", "h265", "b-frames"])
def loop(request: pytest.FixtureRequest) -> FrameLoop:
    """A loop of two groups of pictures."""
    video: VideoSettings = request.param
    return encode_loop(video)


def test_each_frame_of_a_loop_is_known_by_its_digest_and_its_code(loop: FrameLoop) -> None:
    assert sorted(entry.frame.serial for entry in loop.frames) == list(range(20))
    assert sum(entry.frame.sync for entry in loop.frames) == 2
    assert len({entry.digest for entry in loop.frames}) == 20
    decoder = av.CodecContext.create({"h264": "h264", "h265": "hevc"}[loop.video.codec], "r")
    assert isinstance(decoder, av.VideoCodecContext)
    shown = []
    stream = b"".join(b"\0\0\0\1" + unit for unit in loop.parameter_sets)
    for entry in loop.frames:
        sample = b"".join(len(unit).to_bytes(4) + unit for unit in entry.frame.units)
        assert hashlib.sha256(sample).hexdigest() == entry.digest
        stream += b"".join(b"\0\0\0\1" + unit for unit in entry.frame.units)
        shown += decoder.decode(av.Packet(stream))
        stream = b""
    shown += decoder.decode(None)
    codes = [read_code(grey(picture)) for picture in shown]
    assert codes == [FrameCode(0, index, 0) for index in range(20)]


async def test_a_loop_counts_on_from_round_to_round(loop: FrameLoop) -> None:
    clock = ManualClock()
    source = LoopSource(replace(CAMERA, video=loop.video), [loop], clock, phase=0.5)
    assert source.next_pts == 10 * 1800
    async with running(source) as taker:
        await clock.somebody_sleeps()
        for count in range(45):
            clock.advance(0.02)
            await taker.wait(count + 1)
    assert source.media.parameter_sets == loop.parameter_sets
    serials = [frame.serial for frame in taker.frames]
    assert sorted(serials)[:42] == list(range(10, 52))
    expected = [entry.frame.serial for entry in loop.frames]
    assert [serial % 20 for serial in serials] == (expected[10:] + expected * 2)[:45]
    for frame in taker.frames:
        assert frame.pts == frame.serial * 1800
        # Half a picture's time later than a camera with phase 0, and then in step.
        assert frame.time_us == START_US + 10_000 + (frame.serial - 10) * 20_000
    # The packets are the loop frame's own.
    by_index = {entry.frame.serial: entry.frame for entry in loop.frames}
    for frame in taker.frames:
        assert frame.size == sum(map(len, by_index[frame.serial % 20].units))
    digests = {entry.frame.serial: entry.digest for entry in loop.frames}
    assert [frame.digest for frame in taker.frames] == [digests[serial % 20] for serial in serials]


async def test_a_loop_gives_way_to_another_one_at_a_sync_sample() -> None:
    """Serials and times go on, and the new parameter sets come in the stream; so on the way back."""
    loops = [encode_loop(QUICK), encode_loop(replace(QUICK, width=2 * QUICK.width))]
    clock = ManualClock()
    source = LoopSource(replace(CAMERA, video=QUICK), loops, clock, phase=0)
    async with running(source) as taker:
        await taker.wait(1)
        for count, video in ((5, loops[1].video), (15, QUICK)):
            while len(taker.frames) < count:
                clock.advance(0.02)
                await taker.wait(len(taker.frames) + 1)
            source.change(video)
        while len(taker.frames) < 30:
            clock.advance(0.02)
            await taker.wait(len(taker.frames) + 1)
    assert [frame.serial for frame in taker.frames] == list(range(30))
    assert [frame.time_us - START_US for frame in taker.frames] == [20_000 * number for number in range(30)]
    expected = [loops[10 <= number < 20].frames[number % 20] for number in range(30)]
    assert [frame.digest for frame in taker.frames] == [entry.digest for entry in expected]
    with_sets = [
        frame.serial for frame in taker.frames if frame.size > sum(map(len, expected[frame.serial].frame.units))
    ]
    assert with_sets == [10, 20]


async def test_many_cameras_replay_one_loop() -> None:
    loop = encode_loop(replace(QUICK, repeat_headers=True))
    cameras = [replace(CAMERA, name=f"camera-{number}", number=number, video=loop.video) for number in range(1, 4)]
    async with Simulator(cameras, loops=[loop]) as simulator:
        for camera in cameras:
            async with connect(simulator.url(camera.name)) as client:
                assert "sprop-parameter-sets" in (await client.ask("DESCRIBE")).body
                await client.play()
                packets = await client.packets(40)
                groups = pictures(packets)
                steps = {(b[0].timestamp - a[0].timestamp) % 2**32 for a, b in itertools.pairwise(groups)}
                assert steps == {1800}
                assert {(b.sequence - a.sequence) % 65536 for a, b in itertools.pairwise(packets)} == {1}
                # A sync sample brings its parameter sets along: STAP-A with the SPS first.
                assert any(group[0].payload[0] & 31 == 24 and group[0].payload[3] & 31 == 7 for group in groups)
        await simulator.apply("camera-1", Quirk.NO_PARAMETER_SETS)
        with pytest.raises(ValueError, match="no loop"):
            await simulator.apply("camera-1", ChangeVideo(QUICK_H265))


async def test_a_loop_without_parameter_sets_cannot_send_any(loop: FrameLoop) -> None:
    source = LoopSource(replace(CAMERA, video=loop.video), [loop], ManualClock(), phase=0)
    source.announce_in_band(always=False)
    with pytest.raises(ValueError, match="no parameter sets"):
        source.announce_in_band(always=True)


def test_motion_jpeg_cannot_be_replayed() -> None:
    with pytest.raises(ValueError, match="cannot be replayed"):
        encode_loop(VideoSettings(VideoCodec.MJPEG))
