"""Parameter sets of H.264, H.265 and Motion JPEG: what sample entries and reordering need to know, and no more.

Those of Motion JPEG are the frame headers of its pictures (`jpeg_header`).

Nothing here trusts its input: whatever a camera sends, the only error that leaves is `ParameterSetError`, and every
loop is bounded by the limits of ITU-T H.264 (section 7.4.2.1.1, annex E) and ITU-T H.265 (section 7.4.3.2).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from recorder_core.jpeg_header import picture_size
from recorder_core.media import Codec, VideoFormat

if TYPE_CHECKING:
    from collections.abc import Sequence


class ParameterSetError(ValueError):
    """The parameter sets are missing, truncated or out of the limits of their standard."""


MAX_PARAMETER_SET_BYTES = 0xFFFF
"""A sample entry gives the length of a parameter set in 16 bits (ISO/IEC 14496-15 sections 5.3.3.1 and 8.3.3.1)."""

MAX_PARAMETER_SETS = 31
"""`avcC` counts sequence parameter sets in 5 bits; no camera comes near for any kind."""

MAX_REORDER_DEPTH = 16
"""The decoded picture buffer holds at most 16 pictures (H.264 section A.3.1, H.265 section A.4.2)."""

_MAX_PIXELS_PER_SIDE = 0xFFFF  # a sample entry gives width and height in 16 bits

# NAL unit types in the order in which a sample entry lists them.
_H264_SPS, _H264_PPS = 7, 8
_H265_VPS, _H265_SPS, _H265_PPS = 32, 33, 34
_KINDS = {Codec.H264: (_H264_SPS, _H264_PPS), Codec.H265: (_H265_VPS, _H265_SPS, _H265_PPS)}

H264_HIGH_PROFILES = frozenset({44, 83, 86, 100, 110, 118, 122, 128, 134, 135, 138, 139, 244})
"""Values of profile_idc whose SPS tells chroma format and bit depth (H.264 section 7.3.2.1.1)."""

_H264_INTRA_ONLY_WITH_SET3 = frozenset({44, 86, 100, 110, 122, 244})  # H.264 section E.2.1, max_num_reorder_frames

# Luma samples per chroma sample, horizontally and vertically, by chroma_format_idc (H.264 and H.265 table 6-1).
_SUBSAMPLING = {0: (1, 1), 1: (2, 2), 2: (2, 1), 3: (1, 1)}


@dataclass(frozen=True, slots=True)
class H264Sps:
    """What the recorder needs of a sequence parameter set of H.264; width and height are cropped, in pixels."""

    profile: int
    compatibility: int
    level: int
    chroma_format: int
    bit_depth_luma: int
    bit_depth_chroma: int
    width: int
    height: int
    reorder_depth: int | None


@dataclass(frozen=True, slots=True)
class H265Sps:
    """What the recorder needs of a sequence parameter set of H.265; width and height are cropped, in pixels.

    `profile_tier_level` are the 12 bytes from general_profile_space to general_level_idc, as `hvcC` repeats them.
    """

    profile_tier_level: bytes
    temporal_layers: int
    temporal_id_nested: bool
    chroma_format: int
    bit_depth_luma: int
    bit_depth_chroma: int
    width: int
    height: int
    reorder_depth: int


class _Bits:
    """Reads fixed-length and Exp-Golomb codes (H.264 and H.265 sections 7.2 and 9.1/9.2) from a payload."""

    def __init__(self, nal_unit: bytes) -> None:
        """Take a NAL unit; the emulation prevention bytes are removed (sections 7.3.1 and 7.3.1.1)."""
        self._data = nal_unit.replace(b"\0\0\3", b"\0\0")
        self._position = 0

    def u(self, count: int) -> int:
        """The next `count` bits as an unsigned number."""
        end = self._position + count
        if end > len(self._data) * 8:
            raise ParameterSetError("The parameter set ends too early")
        value = int.from_bytes(self._data[self._position // 8 : (end + 7) // 8])
        self._position = end
        return (value >> (-end % 8)) & ((1 << count) - 1)

    def flag(self) -> bool:
        """The next bit."""
        return self.u(1) == 1

    def ue(self, limit: int = 0xFFFF_FFFE) -> int:
        """The next unsigned Exp-Golomb code, at most `limit`."""
        zeros = 0
        while not self.flag():
            zeros += 1
            if zeros > 31:
                raise ParameterSetError("An Exp-Golomb code is longer than 32 bits")
        value = (1 << zeros) - 1 + self.u(zeros)
        if value > limit:
            raise ParameterSetError(f"A value of the parameter set is {value}, the limit is {limit}")
        return value

    def se(self) -> int:
        """The next signed Exp-Golomb code."""
        code = self.ue()
        return (code + 1) // 2 if code % 2 else -(code // 2)

    def raw(self, count: int) -> bytes:
        """The next `count` bytes, from wherever the reader stands."""
        return self.u(count * 8).to_bytes(count)


def video_format(codec: Codec, parameter_sets: Sequence[bytes]) -> VideoFormat:
    """The format that these NAL units describe (no start codes, no lengths, in any order, repetitions allowed).

    Other kinds of NAL units among them are left out. Size and reordering are those of the first SPS. Of Motion JPEG
    there is one set, a frame header; it does not stay in the format, for each picture brings its own.

    Raises:
        ParameterSetError: a kind is missing, or the SPS or frame header is malformed.
    """
    if codec is Codec.MJPEG:
        return _jpeg_format(parameter_sets)
    wanted = _KINDS[codec]
    found: dict[int, list[bytes]] = {kind: [] for kind in wanted}
    for raw in parameter_sets:
        # A NAL unit cannot end in zero bytes (H.264 and H.265 section 7.4.1.1/7.4.2.1); some cameras pad.
        nal_unit = raw.rstrip(b"\0")
        if len(nal_unit) > MAX_PARAMETER_SET_BYTES:
            raise ParameterSetError("A parameter set is too long for a sample entry")
        kind = nal_unit_type(codec, nal_unit)
        if kind in found and nal_unit not in found[kind]:
            found[kind].append(nal_unit)
    for kind in wanted:
        if not 1 <= len(found[kind]) <= MAX_PARAMETER_SETS:
            raise ParameterSetError(f"There are {len(found[kind])} parameter sets of type {kind}")
    sps = h264_sps(found[_H264_SPS][0]) if codec is Codec.H264 else h265_sps(found[_H265_SPS][0])
    ordered = tuple(nal_unit for kind in wanted for nal_unit in found[kind])
    return VideoFormat(codec, ordered, sps.width, sps.height, sps.reorder_depth)


def _jpeg_format(headers: Sequence[bytes]) -> VideoFormat:
    size = picture_size(headers[0]) if len(headers) == 1 else None
    if size is None:
        raise ParameterSetError("There is no frame header of a JPEG picture that can be read")
    return VideoFormat(Codec.MJPEG, (), *size, reorder_depth=0)


def nal_unit_type(codec: Codec, nal_unit: bytes) -> int:
    """nal_unit_type of a NAL unit (H.264 section 7.3.1, H.265 section 7.3.1.2); -1 of an empty one."""
    if not nal_unit:
        return -1
    return nal_unit[0] & 0x1F if codec is Codec.H264 else (nal_unit[0] >> 1) & 0x3F


def h264_sps(nal_unit: bytes) -> H264Sps:
    """Read a sequence parameter set, NAL unit header included (H.264 section 7.3.2.1.1).

    Raises:
        ParameterSetError: it is truncated or breaks a limit. A broken VUI alone does not count, for cameras with one
            record well: the depth of reordering is then unknown.
    """
    bits = _Bits(nal_unit)
    bits.u(8)
    profile, compatibility, level = bits.u(8), bits.u(8), bits.u(8)
    bits.ue(31)  # seq_parameter_set_id
    chroma_format, bit_depth_luma, bit_depth_chroma = 1, 8, 8
    chroma_array_type = 1
    if profile in H264_HIGH_PROFILES:
        chroma_format = chroma_array_type = bits.ue(3)
        if chroma_format == 3 and bits.flag():  # separate_colour_plane_flag
            chroma_array_type = 0
        bit_depth_luma, bit_depth_chroma = 8 + bits.ue(6), 8 + bits.ue(6)
        bits.flag()  # qpprime_y_zero_transform_bypass_flag
        if bits.flag():
            _skip_h264_scaling_matrix(bits, lists=12 if chroma_format == 3 else 8)
    bits.ue(12)  # log2_max_frame_num_minus4
    order_type = _skip_h264_picture_order(bits)
    bits.ue(MAX_REORDER_DEPTH)  # max_num_ref_frames
    bits.flag()  # gaps_in_frame_num_value_allowed_flag
    width, height = 16 * (bits.ue(_MAX_PIXELS_PER_SIDE) + 1), 16 * (bits.ue(_MAX_PIXELS_PER_SIDE) + 1)
    fields_per_unit = 1 if bits.flag() else 2  # frame_mbs_only_flag
    if fields_per_unit == 2:
        bits.flag()  # mb_adaptive_frame_field_flag
    bits.flag()  # direct_8x8_inference_flag
    across, down = _SUBSAMPLING[chroma_array_type]
    width, height = _cropped(bits, width, height * fields_per_unit, across, down * fields_per_unit)
    reorder_depth = _h264_vui_reorder_depth(bits) if bits.flag() else None
    if reorder_depth is None and (
        order_type == 2 or profile == 66 or (profile in _H264_INTRA_ONLY_WITH_SET3 and compatibility & 0x10)
    ):
        reorder_depth = 0
    return H264Sps(
        profile, compatibility, level, chroma_format, bit_depth_luma, bit_depth_chroma, width, height, reorder_depth
    )


def h265_sps(nal_unit: bytes) -> H265Sps:
    """Read a sequence parameter set, NAL unit header included (H.265 section 7.3.2.2).

    Raises:
        ParameterSetError: it is truncated or breaks a limit. What stands behind the reordering is not read.
    """
    bits = _Bits(nal_unit)
    bits.u(16)
    bits.u(4)  # sps_video_parameter_set_id
    sub_layers = bits.u(3)  # sps_max_sub_layers_minus1
    if sub_layers > 6:
        raise ParameterSetError("The parameter set has more than 7 temporal layers")
    nested = bits.flag()
    profile_tier_level = bits.raw(12)
    _skip_h265_sub_layer_levels(bits, sub_layers)
    bits.ue(15)  # sps_seq_parameter_set_id
    chroma_format = chroma_array_type = bits.ue(3)
    if chroma_format == 3 and bits.flag():  # separate_colour_plane_flag
        chroma_array_type = 0
    across, down = _SUBSAMPLING[chroma_array_type]
    width, height = _cropped(bits, bits.ue(_MAX_PIXELS_PER_SIDE), bits.ue(_MAX_PIXELS_PER_SIDE), across, down)
    bit_depth_luma, bit_depth_chroma = 8 + bits.ue(8), 8 + bits.ue(8)
    bits.ue(12)  # log2_max_pic_order_cnt_lsb_minus4
    reorder_depth = 0
    for _ in range(sub_layers + 1 if bits.flag() else 1):  # sps_sub_layer_ordering_info_present_flag
        bits.ue(MAX_REORDER_DEPTH - 1)  # sps_max_dec_pic_buffering_minus1
        reorder_depth = bits.ue(MAX_REORDER_DEPTH)  # sps_max_num_reorder_pics; the highest layer comes last
        bits.ue()  # sps_max_latency_increase_plus1
    return H265Sps(
        profile_tier_level,
        sub_layers + 1,
        nested,
        chroma_format,
        bit_depth_luma,
        bit_depth_chroma,
        width,
        height,
        reorder_depth,
    )


def _cropped(bits: _Bits, width: int, height: int, unit_x: int, unit_y: int) -> tuple[int, int]:
    """Read the cropping (H.264) or conformance (H.265) window and apply it; it counts in units of pixels."""
    if bits.flag():
        left, right, top, bottom = bits.ue(), bits.ue(), bits.ue(), bits.ue()
        width -= unit_x * (left + right)
        height -= unit_y * (top + bottom)
    if not (1 <= width <= _MAX_PIXELS_PER_SIDE and 1 <= height <= _MAX_PIXELS_PER_SIDE):
        raise ParameterSetError(f"The picture would be {width} by {height} pixels")
    return width, height


def _skip_h264_scaling_matrix(bits: _Bits, lists: int) -> None:
    """Section 7.3.2.1.1.1: six lists of 16 values, then lists of 64, each of which may end early."""
    for index in range(lists):
        if not bits.flag():
            continue
        last = following = 8
        for _ in range(16 if index < 6 else 64):
            if following:
                following = (last + bits.se()) % 256
            last = following or last


def _skip_h264_picture_order(bits: _Bits) -> int:
    """Read pic_order_cnt_type and what belongs to it; the type is the answer."""
    order_type = bits.ue(2)
    if order_type == 0:
        bits.ue(12)  # log2_max_pic_order_cnt_lsb_minus4
    elif order_type == 1:
        bits.flag()  # delta_pic_order_always_zero_flag
        bits.se()  # offset_for_non_ref_pic
        bits.se()  # offset_for_top_to_bottom_field
        for _ in range(bits.ue(255)):  # num_ref_frames_in_pic_order_cnt_cycle
            bits.se()
    return order_type


def _h264_vui_reorder_depth(bits: _Bits) -> int | None:
    """max_num_reorder_frames of the VUI (section E.1.1); None where it is absent or the VUI is broken."""
    try:
        _skip_h264_vui_head(bits)
        if not bits.flag():  # bitstream_restriction_flag
            return None
        bits.flag()  # motion_vectors_over_pic_boundaries_flag
        for limit in (16, 16, 32, 32):  # bytes and bits per picture, motion vector lengths
            bits.ue(limit)
        return bits.ue(MAX_REORDER_DEPTH)
    except ParameterSetError:
        return None


def _skip_h264_vui_head(bits: _Bits) -> None:
    if bits.flag() and bits.u(8) == 255:  # aspect_ratio_idc Extended_SAR
        bits.u(32)
    if bits.flag():  # overscan_info_present_flag
        bits.flag()
    if bits.flag():  # video_signal_type_present_flag
        bits.u(4)
        if bits.flag():  # colour_description_present_flag
            bits.u(24)
    if bits.flag():  # chroma_loc_info_present_flag
        bits.ue(5)
        bits.ue(5)
    if bits.flag():  # timing_info_present_flag
        bits.u(65)
    hrd_parameters = 0
    for _ in ("nal", "vcl"):
        if bits.flag():
            hrd_parameters += 1
            _skip_h264_hrd(bits)
    if hrd_parameters:
        bits.flag()  # low_delay_hrd_flag
    bits.flag()  # pic_struct_present_flag


def _skip_h264_hrd(bits: _Bits) -> None:
    """Section E.1.2."""
    schedules = bits.ue(31) + 1
    bits.u(8)  # bit_rate_scale, cpb_size_scale
    for _ in range(schedules):
        bits.ue()  # bit_rate_value_minus1
        bits.ue()  # cpb_size_value_minus1
        bits.flag()  # cbr_flag
    bits.u(20)  # four lengths of 5 bits


def _skip_h265_sub_layer_levels(bits: _Bits, sub_layers: int) -> None:
    """The part of profile_tier_level behind the general one (section 7.3.3)."""
    if not sub_layers:
        return
    present = [(bits.flag(), bits.flag()) for _ in range(sub_layers)]
    bits.u(2 * (8 - sub_layers))  # reserved_zero_2bits
    for profile, level in present:
        bits.u((88 if profile else 0) + (8 if level else 0))
