"""Sample entries, both ways: `avc1` with `avcC`, `hvc1` with `hvcC` (ISO/IEC 14496-15), `mp4v` with `esds`.

The samples that go with the first two hold no parameter sets and give each NAL unit's length in 4 bytes (sections 5.4
and 8.4). Those of `mp4v` (ISO/IEC 14496-14 section 5.6) are whole JPEG pictures, and it says so.
"""

from __future__ import annotations

import struct
from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING

from recorder_core.media import Codec, VideoFormat
from recorder_core.mp4.boxes import Mp4Error, box, find_box, iter_boxes
from recorder_core.parameter_sets import (
    H264_HIGH_PROFILES,
    ParameterSetError,
    h264_sps,
    h265_sps,
    nal_unit_type,
    video_format,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from recorder_core.mp4.boxes import BoxHeader

_LENGTH_SIZE_MINUS_ONE = 3

# ISO/IEC 14496-12 sections 8.5.2 and 12.1.3: reserved, data_reference_index, reserved, width, height, 72 dpi twice,
# reserved, frame_count, compressorname, depth, pre_defined.
_VISUAL = struct.Struct(">6xH16xHHIIIH32xHh")
_DPI_72 = 72 << 16
_DEPTH_COLOUR = 0x18

# The payload of `esds` (ISO/IEC 14496-14 section 5.6, descriptors of 14496-1 section 7.2.6): each a tag and a length.
# ES_Descriptor, id 0 and no flags, around a DecoderConfigDescriptor: object type 0x6C (ISO/IEC 10918-1, which is JPEG),
# a visual stream, buffer size and bit rates unknown; and an SLConfigDescriptor, predefined for MP4 files.
_JPEG_CONFIGURATION = bytes((0x04, 13, 0x6C, 0x04 << 2 | 1)) + bytes(11)
_JPEG_STREAM = bytes(4) + bytes((0x03, 21, 0, 0, 0)) + _JPEG_CONFIGURATION + bytes((0x06, 1, 0x02))


def sample_entry(fmt: VideoFormat) -> bytes:
    """The `avc1`, `hvc1` or `mp4v` box of a format.

    Raises:
        ParameterSetError: the format's parameter sets are not valid.
    """
    visual = _VISUAL.pack(1, fmt.width, fmt.height, _DPI_72, _DPI_72, 0, 1, _DEPTH_COLOUR, -1)
    kind, configuration_kind = _BOXES[fmt.codec]
    return box(kind, visual, box(configuration_kind, _CONFIGURATIONS[fmt.codec](fmt)))


def parse_sample_entry(data: bytes, start: int, end: int) -> VideoFormat:
    """The format that the sample entry between two offsets of `data` stands for.

    Raises:
        Mp4Error: it is malformed, or no sample entry of the recorder.
    """
    codec, entry = one_video_entry(data, start, end)
    found = find_box(data, entry.payload + _VISUAL.size, entry.end, _BOXES[codec][1])
    configuration = data[found.payload : found.end]
    try:
        if codec is Codec.MJPEG:
            return _jpeg_format(data[entry.payload : found.offset], configuration)
        return video_format(codec, _PARAMETER_SETS[codec](configuration))
    except (ParameterSetError, struct.error, IndexError) as error:
        raise Mp4Error("The decoder configuration is malformed") from error


def one_video_entry(data: bytes, start: int, end: int) -> tuple[Codec, BoxHeader]:
    """The one sample entry between two offsets of `data`, which must be of a video (invariant 5), and its codec.

    Raises:
        Mp4Error: there is another one, or none, or it is malformed.
    """
    entries = list(iter_boxes(data, start, end))
    codecs = [codec for codec, kinds in _BOXES.items() if [entry.kind for entry in entries] == [kinds[0]]]
    if not codecs:
        kinds = ", ".join(entry.kind.decode("latin-1") for entry in entries) or "none"
        raise Mp4Error(f"The sample entries are none of the recorder's: {kinds}")
    return codecs[0], entries[0]


def _jpeg_format(visual: bytes, configuration: bytes) -> VideoFormat:
    """The format of Motion JPEG, whose size nothing but the sample entry itself gives."""
    width, height = _VISUAL.unpack_from(visual)[1:3]
    if configuration != _JPEG_STREAM or not width or not height:
        raise Mp4Error("The decoder configuration is not one of the recorder")
    return VideoFormat(Codec.MJPEG, (), width, height, reorder_depth=0)


def _avc_configuration(fmt: VideoFormat) -> bytes:
    """AVCDecoderConfigurationRecord, ISO/IEC 14496-15 section 5.3.3.1.2."""
    sets = {kind: list(group) for kind, group in groupby(fmt.parameter_sets, partial(nal_unit_type, Codec.H264))}
    sps_units, pps_units = sets.get(7, []), sets.get(8, [])
    if not sps_units:
        raise ParameterSetError("There is no sequence parameter set")
    sps = h264_sps(sps_units[0])
    record = struct.pack(
        ">BBBBBB", 1, sps.profile, sps.compatibility, sps.level, 0xFC | _LENGTH_SIZE_MINUS_ONE, 0xE0 | len(sps_units)
    )
    record += _with_lengths(sps_units) + bytes([len(pps_units)]) + _with_lengths(pps_units)
    if sps.profile in H264_HIGH_PROFILES:
        record += struct.pack(
            ">BBBB",
            0xFC | sps.chroma_format,
            0xF8 | sps.bit_depth_luma - 8,
            0xF8 | sps.bit_depth_chroma - 8,
            0,  # no sequence parameter set extensions
        )
    return record


def _avc_parameter_sets(record: bytes) -> list[bytes]:
    if record[0] != 1 or record[4] & 3 != _LENGTH_SIZE_MINUS_ONE:
        raise Mp4Error("The decoder configuration is not one of the recorder")
    units, position = _take_units(record, 6, record[5] & 0x1F)
    return units + _take_units(record, position + 1, record[position])[0]


def _hevc_configuration(fmt: VideoFormat) -> bytes:
    """HEVCDecoderConfigurationRecord, ISO/IEC 14496-15 section 8.3.3.1.2."""
    arrays = [(kind, list(units)) for kind, units in groupby(fmt.parameter_sets, partial(nal_unit_type, Codec.H265))]
    sps_unit = next((units[0] for kind, units in arrays if kind == 33), None)
    if sps_unit is None:
        raise ParameterSetError("There is no sequence parameter set")
    sps = h265_sps(sps_unit)
    record = struct.pack(
        ">B12sHBBBBHBB",
        1,
        sps.profile_tier_level,
        0xF000,  # min_spatial_segmentation_idc 0: nothing is promised
        0xFC,  # parallelismType 0: unknown
        0xFC | sps.chroma_format,
        0xF8 | sps.bit_depth_luma - 8,
        0xF8 | sps.bit_depth_chroma - 8,
        0,  # avgFrameRate unknown
        sps.temporal_layers << 3 | sps.temporal_id_nested << 2 | _LENGTH_SIZE_MINUS_ONE,
        len(arrays),
    )
    # array_completeness is set: `hvc1` has no parameter sets in the samples.
    return record + b"".join(
        struct.pack(">BH", 0x80 | kind, len(units)) + _with_lengths(units) for kind, units in arrays
    )


def _hevc_parameter_sets(record: bytes) -> list[bytes]:
    if record[0] != 1 or record[21] & 3 != _LENGTH_SIZE_MINUS_ONE:
        raise Mp4Error("The decoder configuration is not one of the recorder")
    units: list[bytes] = []
    position = 23
    for _ in range(record[22]):
        count = struct.unpack_from(">H", record, position + 1)[0]
        found, position = _take_units(record, position + 3, count)
        units += found
    return units


def _with_lengths(units: Sequence[bytes]) -> bytes:
    return b"".join(struct.pack(">H", len(unit)) + unit for unit in units)


def _take_units(record: bytes, position: int, count: int) -> tuple[list[bytes], int]:
    """The next `count` NAL units with 16-bit lengths, and where they end."""
    units: list[bytes] = []
    for _ in range(count):
        size = struct.unpack_from(">H", record, position)[0]
        position += 2
        units.append(record[position : position + size])
        position += size
        if position > len(record):
            raise Mp4Error("A parameter set is truncated")
    return units, position


# Sample entry and decoder configuration of each codec, and what is in the latter.
_BOXES = {Codec.H264: (b"avc1", b"avcC"), Codec.H265: (b"hvc1", b"hvcC"), Codec.MJPEG: (b"mp4v", b"esds")}
_CONFIGURATIONS: dict[Codec, Callable[[VideoFormat], bytes]] = {
    Codec.H264: _avc_configuration,
    Codec.H265: _hevc_configuration,
    Codec.MJPEG: lambda _format: _JPEG_STREAM,
}
_PARAMETER_SETS = {Codec.H264: _avc_parameter_sets, Codec.H265: _hevc_parameter_sets}
