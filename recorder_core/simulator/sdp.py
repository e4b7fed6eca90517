"""The session description that a camera gives (RFC 8866, with the media types of RFC 6184, 7798, 2435, 3640)."""

from __future__ import annotations

import base64
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from .camera import AudioCodec, VideoCodec

if TYPE_CHECKING:
    from collections.abc import Callable

VIDEO_CONTROL = "trackID=1"
AUDIO_CONTROL = "trackID=2"


@dataclass(frozen=True, slots=True)
class VideoMedia:
    """What the description says of the picture; `parameter_sets` empty means that it does not say them."""

    codec: VideoCodec
    fps: int
    parameter_sets: tuple[bytes, ...]
    encoding: str | None = None
    """Another encoding name than the true one."""

    def without_parameter_sets(self) -> VideoMedia:
        """The same, to be learned from the stream."""
        return replace(self, parameter_sets=())

    def named(self, encoding: str) -> VideoMedia:
        """The same under another encoding name."""
        return replace(self, encoding=encoding)


PAYLOAD_TYPES = {VideoCodec.H264: 96, VideoCodec.H265: 96, VideoCodec.MJPEG: 26}
_ENCODINGS = {
    VideoCodec.H264: "H264",
    VideoCodec.H265: "H265",
    VideoCodec.MJPEG: "JPEG",
}


def _base64(unit: bytes) -> str:
    return base64.b64encode(unit).decode()


def _h264_parameters(media: VideoMedia) -> str:
    if not media.parameter_sets:
        return "packetization-mode=1"
    sps = media.parameter_sets[0]
    sets = ",".join(map(_base64, media.parameter_sets))
    return f"packetization-mode=1;profile-level-id={sps[1:4].hex().upper()};sprop-parameter-sets={sets}"


def _h265_parameters(media: VideoMedia) -> str:
    names = {32: "sprop-vps", 33: "sprop-sps", 34: "sprop-pps"}  # NAL unit types (ITU-T H.265 table 7-1)
    return ";".join(f"{names[unit[0] >> 1 & 0x3F]}={_base64(unit)}" for unit in media.parameter_sets)


_PARAMETERS: dict[VideoCodec, Callable[[VideoMedia], str]] = {
    VideoCodec.H264: _h264_parameters,
    VideoCodec.H265: _h265_parameters,
    VideoCodec.MJPEG: lambda _media: "",
}
_AUDIO = {
    AudioCodec.PCMU: ("0", "PCMU/8000", ""),
    AudioCodec.AAC: (
        "97",
        "MPEG4-GENERIC/16000/1",
        # AudioSpecificConfig: AAC-LC, 16 kHz, mono (ISO/IEC 14496-3 section 1.6.2.1)
        "streamtype=5;profile-level-id=1;mode=AAC-hbr;sizelength=13;indexlength=3;indexdeltalength=3;config=1408",
    ),
}


def describe(title: str, video: VideoMedia | None, audio: AudioCodec | None, control_base: str) -> str:
    """The whole description. `control_base` is empty for relative control URLs, else what precedes a track's name."""
    lines = ["v=0", "o=- 1 1 IN IP4 0.0.0.0", f"s={title}", "c=IN IP4 0.0.0.0", "t=0 0"]
    lines += [f"a=control:{control_base.rstrip('/') or '*'}", "a=range:npt=now-"]
    if video is not None:
        number = PAYLOAD_TYPES[video.codec]
        parameters = _PARAMETERS[video.codec](video)
        lines += [f"m=video 0 RTP/AVP {number}", f"a=rtpmap:{number} {video.encoding or _ENCODINGS[video.codec]}/90000"]
        lines += [f"a=fmtp:{number} {parameters}"] if parameters else []
        lines += [f"a=framerate:{video.fps}", f"a=control:{control_base}{VIDEO_CONTROL}"]
    if audio is not None:
        payload_type, encoding, parameters = _AUDIO[audio]
        lines += [f"m=audio 0 RTP/AVP {payload_type}", f"a=rtpmap:{payload_type} {encoding}"]
        lines += [f"a=fmtp:{payload_type} {parameters}"] if parameters else []
        lines += [f"a=control:{control_base}{AUDIO_CONTROL}"]
    return "\r\n".join(lines) + "\r\n"
