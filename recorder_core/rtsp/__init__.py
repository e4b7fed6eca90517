"""The recorder's own RTSP client (RFC 2326) over TCP and TLS.

The protocol is written without I/O (`message`, `auth`, `sdp`, `url`, `negotiation`); `connection` and `poller` touch
sockets.
"""

from .connection import Connection
from .negotiation import Session, VideoTrack, negotiate
from .poller import Poller
from .url import CameraUrl, parse_camera_url, redacted, split_credentials

__all__ = [
    "CameraUrl",
    "Connection",
    "Poller",
    "Session",
    "VideoTrack",
    "negotiate",
    "parse_camera_url",
    "redacted",
    "split_credentials",
]
