"""Addresses of cameras: checked once, shown without credentials, resolved against what a camera answers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit

from recorder_core.errors import CameraError, ErrorCode

_RTSP_PORTS = {"rtsp": 554, "rtsps": 322}
_SECRET_IN_PATH = re.compile(r"(?:pass[a-z]*|pwd)=", re.IGNORECASE)
_OTHER_SCHEMES = frozenset({"http", "https", "rtmp", "rtmps"})


@dataclass(frozen=True, slots=True)
class CameraUrl:
    """A camera's address without credentials; `url` is what goes into request lines and what may be shown."""

    url: str
    scheme: str
    host: str
    port: int | None

    @property
    def is_rtsp(self) -> bool:
        """Whether the recorder's own client speaks it."""
        return self.scheme in _RTSP_PORTS

    @property
    def is_tls(self) -> bool:
        """Whether the RTSP connection is encrypted."""
        return self.scheme == "rtsps"


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url.strip())
        port = parts.port
    except ValueError as error:
        raise CameraError(ErrorCode.BAD_URL, "The address is not a valid URL.") from error
    if port == 0:
        raise CameraError(ErrorCode.BAD_URL, "The address names the port 0, which cannot be.")
    return parts


def split_credentials(url: str) -> tuple[str, str | None, str | None]:
    """Take user name and password out of a URL: `(url, username, password)`."""
    parts = _split(url)
    username = unquote(parts.username) if parts.username is not None else None
    password = unquote(parts.password) if parts.password is not None else None
    bare = parts._replace(netloc=parts.netloc.rpartition("@")[2])
    return urlunsplit(bare), username, password


def redacted(url: str) -> str:
    """Return a URL as it may stand in logs: without credentials, and without a query, which may hold some.

    Neither is a path shown that some cameras are given a password in, or one that is the end of a password with a
    slash in it.
    """
    try:
        parts = urlsplit(split_credentials(url)[0])
    except CameraError:
        return "(not a valid URL)"
    if "@" in parts.path:
        return f"{parts.scheme}://…"
    path = "/…" if _SECRET_IN_PATH.search(parts.path) else parts.path
    return urlunsplit(parts._replace(path=path, query="…" if parts.query else "", fragment=""))


def parse_camera_url(url: str) -> CameraUrl:
    """Check the address of a camera.

    Raises:
        CameraError: `BAD_URL` for anything but an absolute rtsp, rtsps, http, https, rtmp or rtmps URL with a host
        and without credentials, which belong into fields of their own.
    """
    parts = _split(url)
    if parts.scheme not in _RTSP_PORTS and parts.scheme not in _OTHER_SCHEMES:
        raise CameraError(ErrorCode.BAD_URL, "The address must begin with rtsp:// or rtsps://.")
    if not parts.hostname:
        raise CameraError(ErrorCode.BAD_URL, "The address names no host.")
    if parts.username is not None or parts.password is not None:
        raise CameraError(ErrorCode.BAD_URL, "User name and password do not belong into the address.")
    clean = url.strip()
    if any(char.isspace() or not char.isprintable() for char in clean):
        raise CameraError(ErrorCode.BAD_URL, "The address holds a space or a control character.")
    return CameraUrl(clean, parts.scheme, parts.hostname, parts.port or _RTSP_PORTS.get(parts.scheme))


def control_url(base: str, control: str) -> str:
    """Resolve the `a=control` of an SDP (RFC 2326 appendix C.1.1) the way that cameras mean it.

    An absolute URL stands for itself and `*` for the base; anything else is appended as a last path element. Cameras do
    not mean RFC 3986 here: they expect `rtsp://host/path?query` + `trackID=1` to become `…?query/trackID=1`.
    """
    if control in ("", "*"):
        return base
    if "://" in control:
        return control
    if control.startswith("/"):
        parts = urlsplit(base)
        return f"{parts.scheme}://{parts.netloc}{control}"
    return base + control if base.endswith("/") else f"{base}/{control}"
