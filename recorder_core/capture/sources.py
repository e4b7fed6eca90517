"""Which sources to try for a camera's address, the recorder's own client first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recorder_core.models import SourceKind
from recorder_core.rtsp import parse_camera_url

from .native import NativeSource

if TYPE_CHECKING:
    from collections.abc import Iterator

    from recorder_core.rtsp import Poller

    from .source import CaptureConfig, Source


def make_sources(config: CaptureConfig, poller: Poller) -> Iterator[Source]:
    """Make the sources to try, in order; the next is worth a try when a camera rejects the way one asks.

    Raises:
        CameraError: `BAD_URL`.
    """
    url = parse_camera_url(config.url)
    if config.source != SourceKind.PYAV and url.is_rtsp:
        yield NativeSource(config, url, poller)
