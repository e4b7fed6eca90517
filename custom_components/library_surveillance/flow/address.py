"""A camera's address as people paste it: its credentials taken out, and comparable with other addresses.

Pure. Keeps credentials out of every URL that is stored, shown or logged.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha256
from urllib.parse import urlsplit

from recorder_core.errors import CameraError, ErrorCode
from recorder_core.rtsp.url import parse_camera_url, split_credentials


@dataclass(frozen=True, slots=True)
class CameraAddress:
    """An address without credentials; `username` and `password` are what stood in it, decoded, or None."""

    url: str
    username: str | None
    password: str | None = field(repr=False)


def parse_address(text: str) -> CameraAddress:
    """Split a pasted address into URL and credentials.

    Raises `CameraError` with `BAD_URL`: as the recorder does, and when an unencoded `/`, `?` or `#` has ended a
    password early, so that the rest of it would stay in the URL.
    """
    url, username, password = split_credentials(text)
    parsed = parse_camera_url(url)
    if username is None and "@" in parsed.url:
        raise CameraError(ErrorCode.BAD_URL, "The address holds an @ that ends no user name.")
    return CameraAddress(parsed.url, username or None, password or None)


def camera_key(url: str) -> str:
    """Return the same text for every spelling of one address (case, default port); it does not reveal the address."""
    camera, parts = parse_camera_url(url), urlsplit(url)
    plain = "\n".join((camera.scheme, camera.host, str(camera.port), parts.path or "/", parts.query, parts.fragment))
    return sha256(plain.encode()).hexdigest()[:32]
