"""Which sources to try for a camera's address, the recorder's own client first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recorder_core.errors import CameraError, ErrorCode
from recorder_core.models import SourceKind
from recorder_core.rtsp import parse_camera_url
from recorder_core.rtsp.negotiation import NO_TCP

from .native import NativeSource
from .pyav import PyAvSource

if TYPE_CHECKING:
    from collections.abc import Iterator

    from recorder_core.rtsp import Poller

    from .source import CaptureConfig, Source


_JPEG = "JPEG"
"""The payload format of Motion JPEG (RFC 2435), which the recorder's own client leaves to libavformat."""


def worth_another(refusal: CameraError) -> bool:
    """Whether another source may get what this one was refused.

    A camera that does not send over TCP may over UDP, and one that offers Motion JPEG alone can be recorded as well.
    """
    if refusal.code is ErrorCode.UNSUPPORTED_CODEC:
        return _JPEG in str(refusal.placeholders.get("codec")).split(", ")
    # 461, Unsupported Transport (RFC 2326 section 11.3.12); a camera that is busy or knows no such track stays refused.
    status = str(refusal.placeholders.get("status"))
    return refusal.code is ErrorCode.REJECTED and (status == NO_TCP or status.startswith("461"))


def make_sources(config: CaptureConfig, poller: Poller) -> Iterator[Source]:
    """Make the sources to try, in order; `worth_another` says whether the next is to be tried after a refusal.

    Raises:
        CameraError: `BAD_URL`.
    """
    url = parse_camera_url(config.url)
    if config.source != SourceKind.PYAV and url.is_rtsp:
        yield NativeSource(config, url, poller)
    if config.source != SourceKind.RTSP:
        yield PyAvSource(config)
