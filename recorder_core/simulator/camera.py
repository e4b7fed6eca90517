"""What a simulated camera is: its picture, its stream, its credentials and its manners, as plain values."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .faults import Fault


class VideoCodec(StrEnum):
    """What a simulated camera can encode."""

    H264 = "h264"
    H265 = "h265"
    MJPEG = "mjpeg"


class AudioCodec(StrEnum):
    """The sound that a camera offers."""

    PCMU = "pcmu"
    AAC = "aac"


class Challenge(StrEnum):
    """One `WWW-Authenticate` header of a 401 answer (RFC 2069, RFC 2617, RFC 7616)."""

    BASIC = "basic"
    DIGEST_PLAIN = "digest_plain"
    """MD5 without `qop`, as in RFC 2069."""
    DIGEST_MD5 = "digest_md5"
    """MD5 with `qop="auth"`."""
    DIGEST_SHA256 = "digest_sha256"
    """SHA-256 with `qop="auth"`."""


class Transport(StrEnum):
    """How pictures travel to the client, as RTP packets or otherwise."""

    TCP = "tcp"
    """Interleaved in the RTSP connection (RFC 2326 section 10.12)."""
    UDP = "udp"
    """Unicast datagrams."""
    HTTP = "http"
    """JPEG pictures one behind the other in the answer to a GET; for Motion JPEG, and in place of the other two."""


class SceneKind(StrEnum):
    """What a camera looks at."""

    BOOK_DROP = "book_drop"
    GARAGE = "garage"
    PARKING_LOT = "parking_lot"
    CAFE_DECK = "cafe_deck"
    ENTRANCE = "entrance"
    COLLECTION = "collection"
    SEATING = "seating"
    DELIVERY = "delivery"
    SERVICE_DESK = "service_desk"


@dataclass(frozen=True, slots=True)
class VideoSettings:
    """How the picture is encoded.

    `width` and `height` are even pixels, `fps` whole frames per second, `gop` the frames from one sync sample to the
    next, `bitrate` in bits per second. `repeat_headers` sends the parameter sets before each sync sample too, not only
    in the session description. `slices` is the number of slice NAL units per picture (H.264 only).
    """

    codec: VideoCodec = VideoCodec.H264
    width: int = 640
    height: int = 360
    fps: int = 15
    gop: int = 15
    b_frames: int = 0
    bitrate: int = 400_000
    repeat_headers: bool = False
    slices: int = 1


@dataclass(frozen=True, slots=True)
class SimulatedCamera:
    """One camera.

    `name` is the path in its URL, `title` what people call it, `number` what its frame code says. `challenges` are
    offered in this order; without any the camera asks for no password. A nonce is stale after `nonce_uses` requests.
    `clock_error_us` is what the camera's own clock is ahead of the truth: it moves the sender reports and the time
    drawn for people, never the frame code. `first_timestamp` is the RTP timestamp at which each session starts (random
    if None). `mtu` is the largest RTP packet in bytes, header included. `faults` are in force from the start.
    """

    name: str
    title: str = "Camera"
    number: int = 1
    area: str = ""
    scene: SceneKind = SceneKind.PARKING_LOT
    video: VideoSettings = field(default_factory=VideoSettings)
    audio: AudioCodec | None = AudioCodec.PCMU
    username: str = ""
    password: str = field(default="", repr=False)
    challenges: tuple[Challenge, ...] = ()
    nonce_uses: int | None = None
    session_timeout_s: int = 60
    tls: bool = False
    transports: tuple[Transport, ...] = (Transport.TCP, Transport.UDP)
    clock_error_us: int = 0
    report_interval_s: float = 5.0
    first_timestamp: int | None = None
    mtu: int = 1400
    faults: tuple[Fault, ...] = ()
