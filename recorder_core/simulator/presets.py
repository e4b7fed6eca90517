"""Cameras of three public libraries as their published policies describe them: what, where, and how each one streams.

The technical details are made up, and differ on purpose: within one library there are both codecs, B-frames, all ways
to authenticate, a clock that is wrong, and sound on every camera that nobody may record.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .camera import AudioCodec, Challenge, SceneKind, SimulatedCamera, Transport, VideoCodec, VideoSettings

if TYPE_CHECKING:
    from collections.abc import Iterable

_STANDARD = VideoSettings(fps=15, gop=30)
_CALM = VideoSettings(fps=10, gop=20, bitrate=300_000)
_H265 = VideoSettings(VideoCodec.H265, fps=10, gop=20, bitrate=250_000)
_B_FRAMES = VideoSettings(fps=15, gop=30, b_frames=2)
_LONG_GOP = VideoSettings(fps=10, gop=80, bitrate=300_000)
_REPEATING = VideoSettings(fps=15, gop=30, repeat_headers=True, slices=2)
_SQUARE = VideoSettings(width=640, height=480, fps=10, gop=20)

_ANY_DIGEST = (Challenge.DIGEST_SHA256, Challenge.DIGEST_MD5)
_MD5 = (Challenge.DIGEST_MD5,)
_OLD_MD5 = (Challenge.DIGEST_PLAIN,)
_SHA256 = (Challenge.DIGEST_SHA256,)
_BASIC = (Challenge.BASIC,)
_OPEN = ()


@dataclass(frozen=True, slots=True)
class Library:
    """A library and its cameras."""

    key: str
    title: str
    cameras: tuple[SimulatedCamera, ...]


@dataclass(frozen=True, slots=True)
class _Row:
    name: str
    title: str
    area: str
    scene: SceneKind
    video: VideoSettings = _STANDARD
    challenges: tuple[Challenge, ...] = _MD5
    clock_error_us: int = 0
    audio: AudioCodec = AudioCodec.PCMU


def _cameras(rows: Iterable[_Row]) -> tuple[SimulatedCamera, ...]:
    return tuple(
        SimulatedCamera(
            name=row.name,
            title=row.title,
            number=number,
            area=row.area,
            scene=row.scene,
            video=row.video,
            audio=row.audio,
            username="recorder" if row.challenges else "",
            password=f"demo-{row.name}" if row.challenges else "",
            challenges=row.challenges,
            clock_error_us=row.clock_error_us,
        )
        for number, row in enumerate(rows, 1)
    )


_MISSOULA = (
    _Row("book-drop-east", "Jefferson book drop, east", "Book drop", SceneKind.BOOK_DROP),
    _Row("book-drop-west", "Jefferson book drop, west", "Book drop", SceneKind.BOOK_DROP, _H265),
    _Row("garage-entry", "Parking garage, entry", "Parking garage", SceneKind.GARAGE, _STANDARD, _SHA256),
    _Row("garage-exit", "Parking garage, exit", "Parking garage", SceneKind.GARAGE, _B_FRAMES, _ANY_DIGEST),
    _Row("garage-level-1", "Parking garage, level 1", "Parking garage", SceneKind.GARAGE, _CALM, _BASIC),
    _Row("garage-level-2", "Parking garage, level 2", "Parking garage", SceneKind.GARAGE, _CALM, _OLD_MD5, 7_300_000),
    _Row("garage-stairs", "Parking garage, stairs", "Parking garage", SceneKind.GARAGE, _LONG_GOP),
    _Row("lot-north", "Parking lot, north", "Parking lot", SceneKind.PARKING_LOT, _SQUARE),
    _Row("lot-south", "Parking lot, south", "Parking lot", SceneKind.PARKING_LOT, _REPEATING, _OPEN),
    _Row("lot-street", "Parking lot, street side", "Parking lot", SceneKind.PARKING_LOT, _CALM, _MD5, -1_900_000),
    _Row("cafe-deck", "Café deck", "Café deck", SceneKind.CAFE_DECK, _STANDARD, _MD5, audio=AudioCodec.AAC),
)
_ARAPAHOE = (
    _Row("central-entrance", "Central branch, entrance", "Central branch", SceneKind.ENTRANCE, _STANDARD, _SHA256),
    _Row("central-collection", "Central branch, collection", "Central branch", SceneKind.COLLECTION, _CALM),
    _Row("central-seating", "Central branch, seating", "Central branch", SceneKind.SEATING, _H265),
    _Row("central-delivery", "Central branch, delivery", "Central branch", SceneKind.DELIVERY, _CALM, _BASIC),
    _Row("central-parking", "Central branch, parking", "Central branch", SceneKind.PARKING_LOT, _B_FRAMES),
    _Row("north-entrance", "North branch, entrance", "North branch", SceneKind.ENTRANCE),
    _Row("north-collection", "North branch, media", "North branch", SceneKind.COLLECTION, _REPEATING, _ANY_DIGEST),
    _Row("north-parking", "North branch, parking", "North branch", SceneKind.PARKING_LOT, _LONG_GOP, _MD5, 61_000_000),
    _Row("south-entrance", "South branch, entrance", "South branch", SceneKind.ENTRANCE, _SQUARE, _OLD_MD5),
    _Row("south-seating", "South branch, seating", "South branch", SceneKind.SEATING, _CALM, audio=AudioCodec.AAC),
)
_HANSON = (
    _Row("main-entrance", "Main entrance", "Entrances", SceneKind.ENTRANCE),
    _Row("rear-entrance", "Rear entrance", "Entrances", SceneKind.ENTRANCE, _H265),
    _Row("delivery", "Delivery area", "Delivery", SceneKind.DELIVERY, _CALM, _BASIC),
    _Row("parking", "Parking lot", "Parking", SceneKind.PARKING_LOT, _B_FRAMES, _SHA256),
    _Row("reading-room", "Reading room", "Seating", SceneKind.SEATING, _CALM, _OLD_MD5, -4_200_000),
    _Row("service-desk", "Service desk", "Service desk", SceneKind.SERVICE_DESK, _REPEATING, _ANY_DIGEST),
    _Row("shared-lobby", "Lobby shared with the Senior Center", "Senior Center", SceneKind.SEATING, _CALM),
)

LIBRARIES: dict[str, Library] = {
    library.key: library
    for library in (
        Library("missoula", "Missoula Public Library", _cameras(_MISSOULA)),
        Library("arapahoe", "Arapahoe Library District", _cameras(_ARAPAHOE)),
        Library("hanson", "Hanson Public Library", _cameras(_HANSON)),
    )
}

_JPEG = VideoSettings(VideoCodec.MJPEG, width=640, height=480, fps=5)

OLD_CAMERAS = (
    SimulatedCamera("old-rtsp", "Old camera, RTSP", number=1, video=_JPEG),
    SimulatedCamera("old-http", "Old camera, HTTP", number=2, video=_JPEG, audio=None, transports=(Transport.HTTP,)),
)
"""Cameras from before H.264, without passwords: Motion JPEG over RTP and as a multipart answer over HTTP."""

LOAD_VIDEO = VideoSettings(width=1920, height=1080, fps=25, gop=50, bitrate=4_000_000)


def load_cameras(count: int) -> tuple[SimulatedCamera, ...]:
    """That many equal cameras for load mode, without passwords."""
    return tuple(
        SimulatedCamera(f"camera-{number:03}", f"Camera {number}", number=number, video=LOAD_VIDEO)
        for number in range(1, count + 1)
    )
