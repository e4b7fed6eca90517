"""Load mode: pictures encoded once and replayed for many cameras, at the cost of a copy per camera and picture.

Pictures are not redrawn, but losses can still be counted. The frames of a loop are numbered 0 to n - 1, and each says
its number as the serial of its frame code (time 0). A camera sends serials that count on, frame `serial % n` of the
loop each time. What a recorder stores of frame i is known to the byte: `LoopFrame.digest` is the SHA-256 of its MP4
sample, NAL units with 4-byte lengths and without parameter sets. So any reader that shows or hashes stored samples
(`ffprobe -show_packets -show_data_hash sha256`) tells which loop frame each one is, and a step other than +1 modulo n
between neighbours is a loss or a repetition.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from .camera import SimulatedCamera, VideoCodec, VideoSettings
from .encoder import CLOCK_RATE, EncodedFrame, Encoder
from .frame_code import FrameCode, draw_code
from .painter import Painter
from .prepare import prepare
from .sdp import VideoMedia
from .timing import wall_at

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from recorder_core.clock import Clock

    from .rtp import PreparedFrame

_NOISE_FIELDS = 5
_NOISE_LEVEL = 9  # standard deviation in luma steps: with less, a still scene would not fill its bitrate
_H264_SEI = 6  # NAL unit type; the encoder writes its name into one, which a recorder may store or leave out


@dataclass(frozen=True, slots=True)
class LoopFrame:
    """One picture of the loop, in decoding order; `digest` is the SHA-256 of its MP4 sample in hex."""

    frame: EncodedFrame
    digest: str


@dataclass(frozen=True, slots=True)
class FrameLoop:
    """What all cameras replay."""

    video: VideoSettings
    parameter_sets: tuple[bytes, ...]
    frames: tuple[LoopFrame, ...]


def encode_loop(video: VideoSettings, gops: int = 2) -> FrameLoop:
    """Encode `gops` groups of pictures, with grain that moves so that the bitrate is used.

    Takes about as long as 10 ms per 1080p picture. Only codecs with NAL units can be looped.
    """
    if video.codec not in (VideoCodec.H264, VideoCodec.H265):
        raise ValueError(f"{video.codec} cannot be replayed")
    painter = Painter(SimulatedCamera("loop", "Load test", number=0), video)
    random = np.random.default_rng(0)
    shape = (video.height, video.width)
    noise = [random.normal(0, _NOISE_LEVEL, shape).astype(np.int16) for _ in range(_NOISE_FIELDS)]
    encoder = Encoder(video)
    frames: list[EncodedFrame] = []
    for index in range(gops * video.gop):
        picture = painter.paint(serial=index, time_us=index * 1_000_000 // video.fps).copy()
        luma = picture[: video.height]
        luma[:] = np.clip(luma + noise[index % _NOISE_FIELDS], 16, 235)
        draw_code(luma, FrameCode(0, index, 0))
        frames += encoder.encode(picture, serial=index, time_us=0, pts=index * CLOCK_RATE // video.fps)
    frames += encoder.flush()
    return FrameLoop(video, encoder.parameter_sets, tuple(_loop_frame(frame, video.codec) for frame in frames))


def _loop_frame(frame: EncodedFrame, codec: VideoCodec) -> LoopFrame:
    if codec is VideoCodec.H264:
        frame = replace(frame, units=tuple(unit for unit in frame.units if unit[0] & 0x1F != _H264_SEI))
    sample = b"".join(len(unit).to_bytes(4) + unit for unit in frame.units)
    return LoopFrame(frame, hashlib.sha256(sample).hexdigest())


class LoopSource:
    """One camera's replay of a loop, or of one after the other."""

    def __init__(self, camera: SimulatedCamera, loops: Sequence[FrameLoop], clock: Clock, *, phase: float) -> None:
        """Prepare the first loop's packets. `phase` (0 to 1) is how far into it, and into a frame's time, it starts.

        A change of the encoding is one to another of the loops, which have one frame rate, one length and one GOP.
        """
        self._camera, self._loops, self._clock, self._phase = camera, tuple(loops), clock, phase
        self._wanted = self._loop = self._loops[0]
        self._frames = self._prepared(self._loop, in_band=self._loop.video.repeat_headers)
        self._index = int(phase * len(self._frames))

    @property
    def media(self) -> VideoMedia:
        """The loop's."""
        return VideoMedia(self._loop.video.codec, self._loop.video.fps, self._loop.parameter_sets)

    @property
    def next_pts(self) -> int:
        """The media time of the next picture to be sent."""
        return self._index * CLOCK_RATE // self._loop.video.fps

    def change(self, video: VideoSettings) -> None:
        """Go on with the loop of that encoding from the next sync sample on; its parameter sets come in the stream.

        Raises ValueError if there is none: nothing is encoded in load mode.
        """
        if video == self._wanted.video:
            return
        found = next((loop for loop in self._loops if loop.video == video), None)
        if found is None:
            raise ValueError("no loop has that encoding")
        self._wanted = found

    def announce_in_band(self, *, always: bool) -> None:
        """Its parameter sets are where they are. Raises ValueError if more would be needed."""
        if always and not self._loop.video.repeat_headers:
            raise ValueError("the loop has no parameter sets in the stream")

    async def run(self, deliver: Callable[[PreparedFrame], None]) -> None:
        """Hand on a picture at each tick of the frame rate."""
        fps, count, clock = self._loop.video.fps, len(self._frames), self._clock
        first = self._index
        origin_us = clock.monotonic_us() + int(self._phase * 1_000_000 / fps)
        while True:
            due_us = origin_us + (self._index - first) * 1_000_000 // fps
            wait_us = due_us - clock.monotonic_us()
            if wait_us > 0:
                await clock.sleep(wait_us / 1_000_000)
            if self._wanted is not self._loop and self._frames[self._index % count].sync:
                self._loop = self._wanted
                self._frames = self._prepared(self._loop, in_band=True)
            frame = self._frames[self._index % count]
            # In the order of decoding a picture with B-frames is sent at another one's turn.
            serial = self._index - self._index % count + frame.serial
            time_us = wall_at(clock, due_us) + (serial - self._index) * 1_000_000 // fps
            pts = serial * CLOCK_RATE // fps
            deliver(replace(frame, serial=serial, time_us=time_us, pts=pts))
            self._index += 1

    def _prepared(self, loop: FrameLoop, *, in_band: bool) -> list[PreparedFrame]:
        sets = loop.parameter_sets if in_band else ()
        return [
            replace(prepare(entry.frame, loop.video.codec, self._camera.mtu, sets), digest=entry.digest)
            for entry in loop.frames
        ]
