"""The frame code survives what happens to pictures, and is not seen where it is not."""

from __future__ import annotations

from dataclasses import replace

import av
import numpy as np
import pytest
from hypothesis import given, strategies as st
from hypothesis.extra import numpy as arrays

from recorder_core.simulator import FrameCode, SceneKind, SimulatedCamera, VideoCodec, VideoSettings
from recorder_core.simulator.encoder import Encoder
from recorder_core.simulator.frame_code import draw_code, read_code, stamp_area
from recorder_core.simulator.painter import Painter

from .cameras import grey

CODES = st.builds(
    FrameCode,
    time_us=st.integers(0, 2**56 - 1),
    serial=st.integers(0, 2**32 - 1),
    camera=st.integers(0, 2**16 - 1),
)
SIZES = st.sampled_from([(192, 320), (360, 640), (480, 640), (1080, 1920), (1079, 1917)])


@given(code=CODES, size=SIZES)
def test_what_is_drawn_is_read(code: FrameCode, size: tuple[int, int]) -> None:
    luma = np.full(size, 90, np.uint8)
    draw_code(luma, code)
    assert read_code(luma) == code


@given(code=CODES, seed=st.integers(0, 2**32 - 1), gain=st.floats(0.4, 1), lift=st.integers(0, 80))
def test_noise_and_flat_contrast_do_not_matter(code: FrameCode, seed: int, gain: float, lift: int) -> None:
    luma = np.full((360, 640), 90, np.uint8)
    draw_code(luma, code)
    noise = np.random.default_rng(seed).normal(0, 10, luma.shape)
    assert read_code(np.clip(luma * gain + lift + noise, 0, 255).astype(np.uint8)) == code


@given(code=CODES, cell=st.integers(0, 119))
def test_one_wrong_cell_is_noticed(code: FrameCode, cell: int) -> None:
    luma = np.full((360, 640), 90, np.uint8)
    draw_code(luma, code)
    lines, columns = stamp_area(360)
    top, left = lines.start + 8 + cell // 30 * 8, columns.start + 16 + cell % 30 * 8
    luma[top : top + 8, left : left + 8] = 251 - luma[top : top + 8, left : left + 8]
    assert read_code(luma) is None


@given(luma=arrays.arrays(np.uint8, arrays.array_shapes(min_dims=1, max_dims=3, max_side=60)))
def test_other_arrays_have_no_code(luma: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> None:
    assert read_code(luma) is None


def test_a_picture_without_contrast_has_no_code() -> None:
    assert read_code(np.full((360, 640), 128, np.uint8)) is None


@pytest.mark.parametrize("codec", [VideoCodec.H264, VideoCodec.H265])
@pytest.mark.parametrize("b_frames", [0, 2])
@pytest.mark.parametrize("bitrate", [60_000, 400_000])
def test_every_frame_can_be_read_after_coding_at_a_low_bitrate(codec: VideoCodec, b_frames: int, bitrate: int) -> None:
    video = VideoSettings(codec=codec, b_frames=b_frames, bitrate=bitrate, gop=20)
    painter = Painter(SimulatedCamera("x", number=3, scene=SceneKind.CAFE_DECK, video=video), video)
    encoder = Encoder(video)
    frames = []
    for serial in range(45):
        # Serials and times with many changing bits are the hardest to code.
        code = FrameCode(1_790_000_000_000_000 + serial * 66_667, serial * 0x1357_9BDF % 2**32, 3)
        picture = painter.paint(serial=code.serial, time_us=code.time_us)
        frames += encoder.encode(picture, serial=code.serial, time_us=code.time_us, pts=serial * 6000)
    frames += encoder.flush()
    decoder = av.CodecContext.create(codec.value.replace("h265", "hevc"), "r")
    assert isinstance(decoder, av.VideoCodecContext)
    stream = b"".join(b"\0\0\0\1" + unit for unit in encoder.parameter_sets)
    seen = []
    for frame in frames:
        stream += b"".join(b"\0\0\0\1" + unit for unit in frame.units)
        seen += [read_code(grey(picture)) for picture in decoder.decode(av.Packet(stream))]
        stream = b""
    seen += [read_code(grey(picture)) for picture in decoder.decode(None)]
    expected = sorted((frame.time_us, frame.serial) for frame in frames)
    assert [code and (code.time_us, code.serial, code.camera) for code in seen] == [(*pair, 3) for pair in expected]
    assert len(seen) == 45


def test_the_code_says_the_truth_even_if_the_camera_has_the_wrong_time() -> None:
    video = VideoSettings()
    camera = SimulatedCamera("x", number=9, video=video)
    wrong = replace(camera, clock_error_us=3_600_000_000)
    right_picture = Painter(camera, video).paint(serial=1, time_us=1_790_000_000_000_000)[:360].copy()
    wrong_picture = Painter(wrong, video).paint(serial=1, time_us=1_790_000_000_000_000)[:360]
    assert read_code(right_picture) == read_code(wrong_picture) == FrameCode(1_790_000_000_000_000, 1, 9)
    differing = np.argwhere(right_picture != wrong_picture)
    # Only the time drawn for people differs, and it stands in the caption.
    assert len(differing)
    assert differing[:, 0].max() < 22
