"""A camera's address as people paste it: checked, without its credentials, and comparable with other addresses.

Pure. Keeps credentials out of every URL that is stored, shown or logged.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final
from urllib.parse import unquote, urlsplit, urlunsplit

# RFC 7826 section 4.2: the default ports of both schemes.
_DEFAULT_PORTS: Final = {"rtsp": 554, "rtsps": 322}
_FIRST_PRINTABLE: Final = 0x21


class BadCameraUrlError(ValueError):
    """The text is no RTSP address. It says nothing about the text, which may hold a password."""


@dataclass(frozen=True, slots=True)
class CameraAddress:
    """An RTSP address; `username` and `password` are what stood in it, decoded, or None."""

    url: str
    username: str | None
    password: str | None = field(repr=False)


def parse_camera_url(text: str) -> CameraAddress:
    """Split a pasted address (RFC 3986 section 3.2) into URL and credentials.

    Raises `BadCameraUrlError` when it is not `rtsp://` or `rtsps://` with a host and a usable port, and when an
    unencoded `/`, `?` or `#` in a password would leave a part of that password in the path.
    """
    text = text.strip()
    if any(ord(char) < _FIRST_PRINTABLE or char == "\x7f" for char in text):
        raise BadCameraUrlError
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as err:
        raise BadCameraUrlError from err
    userinfo, has_userinfo, authority = parts.netloc.rpartition("@")
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname or port == 0:
        raise BadCameraUrlError
    if not has_userinfo and "@" in parts.path + parts.query + parts.fragment:
        raise BadCameraUrlError
    username, _, password = userinfo.partition(":")
    return CameraAddress(
        urlunsplit(parts._replace(netloc=authority)), unquote(username) or None, unquote(password) or None
    )


def camera_key(url: str) -> str:
    """Return the same text for every spelling of one address (case, default port); it does not reveal the address."""
    parts = urlsplit(url)
    port = parts.port or _DEFAULT_PORTS[parts.scheme]
    plain = f"{parts.scheme}://[{parts.hostname}]:{port}{parts.path or '/'}?{parts.query}#{parts.fragment}"
    return sha256(plain.encode()).hexdigest()[:32]
