"""Where access units come from: what a source promises, whoever speaks to the camera."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from recorder_core.media import AccessUnit, Codec
    from recorder_core.models import SourceKind


@dataclass(frozen=True, slots=True)
class CaptureConfig:
    """What capture must know of a camera. `source` is `auto`, `rtsp` or `pyav`."""

    camera_id: str
    name: str
    url: str
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    source: str = "auto"
    verify_tls: bool = True
    stall_timeout_s: float = 10.0


@dataclass(frozen=True, slots=True)
class SourceInfo:
    """What a source turned out to be. `parameter_sets` may still be missing; then they come with the first unit.

    `audio_offered` is true where the camera has sound that was not asked for, `audio_discarded` where a container
    brought sound that had to be thrown away (invariant 5).
    """

    kind: SourceKind
    codec: Codec
    parameter_sets: tuple[bytes, ...]
    audio_offered: bool = False
    audio_discarded: bool = False
    server: str | None = None


class Consumer(Protocol):
    """What a source hands its units to; called on the event loop."""

    def on_units(self, units: list[AccessUnit]) -> None:
        """Take units in decoding order."""
        ...

    def on_report(self, camera_us: int, pts: int, arrival_us: int) -> None:
        """Take note that the camera's own clock showed `camera_us` (UTC) at media time `pts`.

        `arrival_us` is the monotonic time at which the camera's word of it arrived.
        """
        ...

    def on_end(self, error: Exception) -> None:
        """Take note that nothing more will come, and why."""
        ...


class Source(Protocol):
    """One session with a camera."""

    async def open(self) -> SourceInfo:
        """Connect and agree on the video.

        Raises:
            CameraError: with the code that says why it cannot be had.
        """
        ...

    def start(self, consumer: Consumer) -> None:
        """Let units flow."""
        ...

    async def close(self) -> None:
        """End the session; safe at any time."""
        ...
