"""Parameter sets: those of real encoders are understood, and nothing that a camera may send does harm."""

from __future__ import annotations

import pytest
from hypothesis import given, settings, strategies as st

from recorder_core.media import Codec
from recorder_core.parameter_sets import (
    MAX_PARAMETER_SET_BYTES,
    ParameterSetError,
    h264_sps,
    h265_sps,
    nal_unit_type,
    video_format,
)
from tests.core.mp4.footage import ENCODINGS, Encoding, parameter_sets

SIZES = [(256, 144), (638, 358), (1920, 1080), (176, 144), (130, 98)]


class BitWriter:
    """Writes an SPS by hand, for what encoders do not make."""

    def __init__(self) -> None:
        """No bits yet."""
        self._bits = ""

    def u(self, count: int, value: int) -> BitWriter:
        """A number of fixed length."""
        self._bits += f"{value:0{count}b}"
        return self

    def ue(self, *values: int) -> BitWriter:
        """Unsigned Exp-Golomb codes."""
        for value in values:
            code = f"{value + 1:b}"
            self._bits += "0" * (len(code) - 1) + code
        return self

    def se(self, *values: int) -> BitWriter:
        """Signed Exp-Golomb codes."""
        return self.ue(*(2 * value - 1 if value > 0 else -2 * value for value in values))

    def bytes(self) -> bytes:
        """The payload with its stop bit, emulation prevention put in."""
        bits = self._bits + "1"
        bits += "0" * (-len(bits) % 8)
        out = bytearray()
        zeros = 0
        for byte in int(bits, 2).to_bytes(len(bits) // 8):
            if zeros >= 2 and byte <= 3:
                out.append(3)
                zeros = 0
            out.append(byte)
            zeros = 0 if byte else zeros + 1
        return bytes(out)


def h264_head(profile: int, compatibility: int = 0) -> BitWriter:
    """NAL unit header, profile, level 4.0, and id 0."""
    return BitWriter().u(8, 0x67).u(8, profile).u(8, compatibility).u(8, 40).ue(0)


def h264_tail(writer: BitWriter, *, order_type: int = 0) -> BitWriter:
    """From log2_max_frame_num on: 640 by 480, no cropping; the VUI flag is left to the caller."""
    writer.ue(0, order_type)
    if order_type == 0:
        writer.ue(2)
    elif order_type == 1:
        writer.u(1, 0).se(-3, 4).ue(2).se(7, -7)
    return writer.ue(4).u(1, 0).ue(39, 29).u(1, 1).u(1, 1).u(1, 0)


@pytest.mark.parametrize(("width", "height"), SIZES)
@pytest.mark.parametrize("codec", list(Codec))
def test_size_is_what_a_player_shows(codec: Codec, width: int, height: int) -> None:
    """Cropped, for sizes that are no multiple of a block."""
    fmt = video_format(codec, parameter_sets(Encoding(codec, (), width, height)))
    assert (fmt.width, fmt.height) == (width, height)


@pytest.mark.parametrize(
    ("profile", "options", "depth"),
    [
        ("baseline", (), 0),
        ("main", (("bf", "0"),), 0),
        ("main", (("bf", "2"),), 2),  # x264 uses b-pyramid where it may
        ("main", (("bf", "1"),), 1),
        ("high", (("bf", "3"), ("x264-params", "b-pyramid=none")), 1),
        ("high", (("bf", "5"),), 2),
    ],
)
def test_reorder_depth_of_h264(profile: str, options: tuple[tuple[str, str], ...], depth: int) -> None:
    """As x264 says it in the VUI, or as Baseline implies it."""
    made = parameter_sets(Encoding(Codec.H264, (("profile", profile), *options)))
    assert video_format(Codec.H264, made).reorder_depth == depth


@pytest.mark.parametrize(("params", "depth"), [((("bframes", "0"),), 0), ((("bframes", "4"), ("b-pyramid", "1")), 2)])
def test_reorder_depth_of_h265(params: tuple[tuple[str, str], ...], depth: int) -> None:
    """As x265 says it for the highest layer."""
    assert video_format(Codec.H265, parameter_sets(Encoding(Codec.H265, params))).reorder_depth == depth


def test_interlaced_h264_counts_lines_of_both_fields() -> None:
    """1080 lines, not 540."""
    made = parameter_sets(Encoding(Codec.H264, (("x264-params", "interlaced=1"),), 1920, 1080))
    fmt = video_format(Codec.H264, made)
    assert (fmt.width, fmt.height) == (1920, 1080)


def test_vui_of_h264_is_passed_over_wherever_it_is_full() -> None:
    """What stands behind buffering parameters and a free aspect ratio is found."""
    params = "nal-hrd=vbr:vbv-maxrate=900:vbv-bufsize=900:sar=7/5:overscan=show:colorprim=bt709:chromaloc=1"
    made = parameter_sets(Encoding(Codec.H264, (("bf", "2"), ("x264-params", params + ":pic-struct=1"))))
    assert video_format(Codec.H264, made).reorder_depth == 2


def test_scaling_lists_of_h264_are_passed_over() -> None:
    """Those of an encoder."""
    made = parameter_sets(Encoding(Codec.H264, (("bf", "2"), ("x264-params", "cqm=jvt"))))
    fmt = video_format(Codec.H264, made)
    assert (fmt.width, fmt.height, fmt.reorder_depth) == (256, 144, 2)


def test_scaling_lists_by_hand_with_an_early_end() -> None:
    """Default, whole and 8 by 8 lists."""
    writer = h264_head(100).ue(1, 0, 0).u(1, 0).u(1, 1)
    writer.u(1, 1).se(-8)  # the first list ends at once: the default is used
    writer.u(1, 1).se(*[1] * 16)  # the second one is whole
    writer.u(3, 0).u(1, 1).se(*[-1] * 7, *[1] * 9)  # the sixth one is the last of 16 values
    writer.u(1, 1).se(2, *[0] * 63).u(1, 0)
    assert h264_sps(h264_tail(writer).u(1, 0).bytes()).width == 640


def test_444_has_twelve_scaling_lists_and_separate_planes_crop_by_single_pixels() -> None:
    """High 4:4:4 Predictive."""
    writer = h264_head(244).ue(3).u(1, 1).ue(0, 0).u(1, 0).u(1, 1).u(12, 0)
    writer.ue(0, 0, 2, 4).u(1, 0).ue(39, 29).u(1, 1).u(1, 1).u(1, 1).ue(1, 2, 3, 4).u(1, 0)
    sps = h264_sps(writer.bytes())
    assert (sps.chroma_format, sps.width, sps.height) == (3, 637, 473)


@pytest.mark.parametrize(
    ("profile", "compatibility", "order_type", "depth"),
    [
        (77, 0, 0, None),  # the stream does not say
        (77, 0, 1, None),
        (77, 0, 2, 0),  # output order is decoding order
        (66, 0x40, 0, 0),  # no B pictures in Baseline
        (100, 0x10, 0, 0),  # High 4:2:0 intra only
        (77, 0x10, 0, None),
    ],
)
def test_reorder_depth_without_vui(profile: int, compatibility: int, order_type: int, depth: int | None) -> None:
    """H.264 section E.2.1 says what is inferred."""
    writer = h264_head(profile, compatibility)
    if profile == 100:
        writer.ue(1, 0, 0).u(1, 0).u(1, 0)
    assert h264_sps(h264_tail(writer, order_type=order_type).u(1, 0).bytes()).reorder_depth == depth


def test_vui_without_restriction_leaves_the_depth_unknown() -> None:
    """Nothing is promised then."""
    writer = h264_tail(h264_head(77)).u(1, 1).u(9, 0)
    assert h264_sps(writer.bytes()).reorder_depth is None


def test_broken_vui_does_not_refuse_a_camera() -> None:
    """Its size is known, and it records well."""
    writer = h264_tail(h264_head(77)).u(1, 1).u(8, 0).u(1, 1).u(1, 0).ue(99)  # bitstream_restriction out of bounds
    sps = h264_sps(writer.bytes())
    assert (sps.width, sps.height, sps.reorder_depth) == (640, 480, None)


def test_sub_layers_of_h265_are_passed_over_and_the_highest_one_counts() -> None:
    """Three layers, each with its own limits."""
    writer = BitWriter().u(16, 0x4201).u(4, 0).u(3, 2).u(1, 1).u(88, 1 << 80).u(8, 93)
    writer.u(2, 0b11).u(2, 0b01).u(12, 0).u(88, 5).u(8, 90).u(8, 90)
    writer.ue(0, 3).u(1, 1).ue(640, 480).u(1, 1).ue(0, 2, 0, 4).ue(2, 2, 4)
    writer.u(1, 1).ue(1, 0, 0).ue(2, 1, 0).ue(4, 3, 0)
    sps = h265_sps(writer.bytes())
    assert (sps.temporal_layers, sps.temporal_id_nested, sps.reorder_depth) == (3, True, 3)
    assert (sps.width, sps.height) == (638, 476)  # separate planes: single pixels
    assert (sps.bit_depth_luma, sps.bit_depth_chroma) == (10, 10)
    assert sps.profile_tier_level == (1 << 80).to_bytes(11) + bytes([93])


def test_eight_sub_layers_are_refused() -> None:
    """Seven is the limit."""
    with pytest.raises(ParameterSetError, match="temporal layers"):
        h265_sps(BitWriter().u(16, 0x4201).u(4, 0).u(3, 7).u(1, 1).bytes() + bytes(40))


@pytest.mark.parametrize("codec", [Codec.H264, Codec.H265])
def test_sets_are_ordered_repetitions_and_padding_dropped(codec: Codec) -> None:
    """Whatever else comes along."""
    made = parameter_sets(Encoding(codec, ()))
    delimiter = b"\x09\x10" if codec is Codec.H264 else b"\x46\x01\x10"
    shuffled = [delimiter, b"", *(unit + b"\0\0" for unit in reversed(made)), *made]
    assert video_format(codec, shuffled) == video_format(codec, made)
    assert video_format(codec, made).parameter_sets == made


@pytest.mark.parametrize("codec", [Codec.H264, Codec.H265])
def test_a_missing_kind_is_refused(codec: Codec) -> None:
    """Each kind is needed."""
    made = parameter_sets(Encoding(codec, ()))
    for missing in range(len(made)):
        with pytest.raises(ParameterSetError, match="There are 0"):
            video_format(codec, made[:missing] + made[missing + 1 :])


def test_what_a_sample_entry_cannot_hold_is_refused() -> None:
    """Too long, or too many."""
    made = parameter_sets(Encoding(Codec.H264, ()))
    with pytest.raises(ParameterSetError, match="too long"):
        video_format(Codec.H264, [*made, b"\x68" + b"\1" * MAX_PARAMETER_SET_BYTES])
    with pytest.raises(ParameterSetError, match="There are 32"):
        video_format(Codec.H264, [*made, *(bytes([0x68, number]) for number in range(1, 32))])


def test_a_picture_that_is_cropped_away_is_refused() -> None:
    """It would have a negative width."""
    writer = h264_head(77).ue(0, 0, 2, 4).u(1, 0).ue(39, 29).u(1, 1).u(1, 1).u(1, 1).ue(400, 0, 0, 0)
    with pytest.raises(ParameterSetError, match="-160 by 480"):
        h264_sps(writer.u(1, 0).bytes())


def test_limits_of_the_standard_are_kept() -> None:
    """Of a value, and of a code."""
    with pytest.raises(ParameterSetError, match="limit is 31"):
        h264_sps(BitWriter().u(8, 0x67).u(8, 77).u(8, 0).u(8, 40).ue(32).bytes())
    with pytest.raises(ParameterSetError, match="longer than 32 bits"):
        h264_sps(b"\x67\x4d\x40\x28" + bytes(5) + b"\x80" * 5)


def test_emulation_prevention_is_removed() -> None:
    """Zeros in the payload do not shift what follows."""
    # Five reference frame offsets of 2^23 bring runs of zeros into the payload.
    offsets = [1 << 23] * 5
    writer = h264_head(77).ue(0, 1).u(1, 0).se(0, 0).ue(len(offsets)).se(*offsets)
    made = writer.ue(4).u(1, 0).ue(39, 29).u(1, 1).u(1, 1).u(1, 0).u(1, 0).bytes()
    assert b"\0\0\3" in made
    assert h264_sps(made).height == 480


@pytest.mark.parametrize("name", ["h264_b", "h265"])
def test_every_truncation_is_refused_or_understood_alike(name: str) -> None:
    """What stands behind the size may be missing."""
    encoding = ENCODINGS[name]
    read = h264_sps if encoding.codec is Codec.H264 else h265_sps
    sps = next(unit for unit in parameter_sets(encoding) if nal_unit_type(encoding.codec, unit) in (7, 33))
    whole = read(sps)
    refused = 0
    for length in range(len(sps)):
        try:
            part = read(sps[:length])
        except ParameterSetError:
            refused += 1
        else:
            assert (part.width, part.height) == (whole.width, whole.height)
    assert refused >= 7


@settings(max_examples=300, deadline=None)
@given(codec=st.sampled_from(Codec), data=st.binary(max_size=80))
def test_random_bytes_raise_nothing_else(codec: Codec, data: bytes) -> None:
    """And what is understood keeps its limits."""
    heads: dict[Codec, tuple[bytes, list[bytes]]] = {
        Codec.H264: (b"\x67", [b"\x68\1"]),
        Codec.H265: (b"\x42\1", [b"\x40\1", b"\x44\1"]),
        Codec.MJPEG: (b"\xff\xc0", []),
    }
    head, others = heads[codec]
    try:
        fmt = video_format(codec, [head + data, *others])
    except ParameterSetError:
        return
    assert 1 <= fmt.width <= 65535
    assert 1 <= fmt.height <= 65535
    assert fmt.reorder_depth is None or 0 <= fmt.reorder_depth <= 16


@settings(max_examples=300, deadline=None)
@given(name=st.sampled_from(["h264_b", "h265"]), position=st.integers(0, 400), mask=st.integers(1, 255))
def test_flipped_bits_raise_nothing_else(name: str, position: int, mask: int) -> None:
    """In sets that were valid."""
    encoding = ENCODINGS[name]
    made = list(parameter_sets(encoding))
    index = 0 if encoding.codec is Codec.H264 else 1
    damaged = bytearray(made[index])
    damaged[position % len(damaged)] ^= mask
    made[index] = bytes(damaged)
    try:
        fmt = video_format(encoding.codec, made)
    except ParameterSetError:
        return
    assert fmt.parameter_sets
