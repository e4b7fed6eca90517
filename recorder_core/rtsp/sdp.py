"""Session descriptions (RFC 4566) as cameras write them: which video there is, and the parameter sets it comes with."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field

from recorder_core.errors import CameraError, ErrorCode
from recorder_core.media import Codec

_CODECS = {"H264": Codec.H264, "H265": Codec.H265, "HEVC": Codec.H265}

# Where the sets stand in `a=fmtp`: RFC 6184 section 8.1, RFC 7798 section 7.1
_SPROP = {
    Codec.H264: ("sprop-parameter-sets",),
    Codec.H265: ("sprop-vps", "sprop-sps", "sprop-pps"),
}

_STATIC_NAMES = {26: "JPEG", 31: "H261", 32: "MPV", 33: "MP2T", 34: "H263"}
"""Payload types that need no `a=rtpmap` (RFC 3551 section 6)."""


@dataclass(slots=True)
class Media:
    """One `m=` section; attribute names in lower case."""

    kind: str
    payload_types: tuple[int, ...]
    control: str = ""
    encodings: dict[int, str] = field(default_factory=dict)
    formats: dict[int, dict[str, str]] = field(default_factory=dict)


@dataclass(slots=True)
class SessionDescription:
    """What of an SDP matters here."""

    control: str = ""
    media: list[Media] = field(default_factory=list)

    @property
    def offers_audio(self) -> bool:
        """Whether the camera would send sound if it were asked to."""
        return any(one.kind == "audio" for one in self.media)


@dataclass(frozen=True, slots=True)
class VideoOffer:
    """The video that the recorder asks for."""

    codec: Codec
    payload_type: int
    control: str
    parameter_sets: tuple[bytes, ...]


def parse_sdp(body: bytes) -> SessionDescription:
    """Read a description; lines that make no sense are passed over."""
    description = SessionDescription()
    for line in body.decode("utf-8", "replace").splitlines():
        key, _, value = line.strip().partition("=")
        if key == "m":
            kind, _, rest = value.partition(" ")
            types = [int(one) for one in rest.split()[2:] if one.isascii() and one.isdigit() and len(one) < 4]
            description.media.append(Media(kind.lower(), tuple(types)))
        elif key == "a":
            _attribute(description, value)
    return description


def _attribute(description: SessionDescription, value: str) -> None:
    name, _, text = value.partition(":")
    name = name.strip().lower()
    media = description.media[-1] if description.media else None
    if name == "control":
        if media is None:
            description.control = text.strip()
        else:
            media.control = text.strip()
        return
    if media is None or name not in ("rtpmap", "fmtp"):
        return
    number, _, rest = text.strip().partition(" ")
    if not (number.isascii() and number.isdigit()) or len(number) > 3:
        return
    if name == "rtpmap":
        media.encodings[int(number)] = rest.strip().partition("/")[0].upper()
    else:
        pairs = (one.strip().partition("=") for one in rest.split(";"))
        media.formats.setdefault(int(number), {}).update({key.lower(): text for key, _, text in pairs if key})


def choose_video(description: SessionDescription) -> VideoOffer:
    """Pick the first video that the recorder can store.

    Raises:
        CameraError: `NO_VIDEO` or `UNSUPPORTED_CODEC`.
    """
    videos = [one for one in description.media if one.kind == "video"]
    if not videos:
        raise CameraError(ErrorCode.NO_VIDEO, "The camera offers no video at this address.")
    seen = []
    for media in videos:
        for number in media.payload_types:
            name = media.encodings.get(number) or _STATIC_NAMES.get(number, "unknown")
            codec = _CODECS.get(name)
            options = media.formats.get(number, {})
            if codec is not None and _in_decoding_order(options):
                return VideoOffer(codec, number, media.control, _sprop(codec, options))
            seen.append(name)
    names = ", ".join(seen) or "unknown"
    raise CameraError(ErrorCode.UNSUPPORTED_CODEC, f"The camera sends {names}; H.264 or H.265 is needed.", codec=names)


def _in_decoding_order(options: dict[str, str]) -> bool:
    """Whether units come in the order in which they are decoded, and without the numbers that would tell it.

    RFC 6184 section 6.4 and RFC 7798 section 7.1: otherwise each packet has a field more, and would be misread.
    """
    return options.get("packetization-mode", "0") in ("0", "1") and not options.get("sprop-max-don-diff", "").strip("0")


def _sprop(codec: Codec, options: dict[str, str]) -> tuple[bytes, ...]:
    sets = []
    for key in _SPROP[codec]:
        for text in options.get(key, "").split(","):
            try:
                nal = base64.b64decode(text.strip() + "=" * (-len(text.strip()) % 4))
            except binascii.Error, ValueError:
                continue  # sets that cannot be read may still come in the stream
            if len(nal) > 2:
                sets.append(nal)
    return tuple(sets)
