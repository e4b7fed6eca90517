"""From a coded picture to its packets, by codec."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .camera import VideoCodec
from .jpeg import jpeg_payloads
from .packetizer import h264_payloads, h265_payloads
from .rtp import RTP_HEADER, PreparedFrame, interleaved_packets
from .sdp import PAYLOAD_TYPES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from .encoder import EncodedFrame

_PAYLOADS: dict[VideoCodec, Callable[[Iterable[bytes], int], Iterator[bytes]]] = {
    VideoCodec.H264: h264_payloads,
    VideoCodec.H265: h265_payloads,
    VideoCodec.MJPEG: jpeg_payloads,
}


def prepare(frame: EncodedFrame, codec: VideoCodec, mtu: int, parameter_sets: tuple[bytes, ...]) -> PreparedFrame:
    """Packets of at most `mtu` bytes for a picture, with these parameter sets before it if it is a sync sample."""
    units = (*parameter_sets, *frame.units) if frame.sync else frame.units
    wire, offsets = interleaved_packets(_PAYLOADS[codec](units, mtu - RTP_HEADER), PAYLOAD_TYPES[codec])
    return PreparedFrame(frame.serial, frame.time_us, frame.pts, frame.sync, sum(map(len, units)), wire, offsets)
