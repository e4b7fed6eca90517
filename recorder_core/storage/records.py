"""The rows of the index as typed values; what crosses the border of `storage` is one of these.

All times are UTC in microseconds; ids of cameras are chosen by whoever adds a camera (letters, digits, `-`, `_`, at
most 64), ids of runs and segments are made here and are stable: they stand in the files as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class GapReason(StrEnum):
    """Why a second of an enabled camera is in no segment."""

    CONNECTING = "connecting"
    CONNECT_FAILED = "connect_failed"
    AUTH_FAILED = "auth_failed"
    NO_VIDEO = "no_video"
    UNSUPPORTED = "unsupported"
    CONNECTION_LOST = "connection_lost"
    STALLED = "stalled"
    NO_SYNC_SAMPLE = "no_sync_sample"
    PACKET_LOSS = "packet_loss"
    PARAMETER_CHANGE = "parameter_change"
    TIMESTAMP_JUMP = "timestamp_jump"
    CLOCK_STEP = "clock_step"
    STORAGE_STALLED = "storage_stalled"
    STORAGE_FULL = "storage_full"
    STORAGE_FAILED = "storage_failed"
    DISABLED = "disabled"
    RECONFIGURED = "reconfigured"
    RECORDER_DOWN = "recorder_down"


@dataclass(frozen=True, slots=True)
class Run:
    """One unbroken session with a camera. `end_us` and `end_reason` are None while it goes on.

    `source` says how it is captured (`rtsp` natively, `pyav`); `codec`, `width`, `height` describe its one format.
    `audio_discarded` is true where the source's container carried audio that was dropped at the demuxer.
    """

    run_id: str
    camera_id: str
    start_us: int
    source: str
    codec: str
    width: int
    height: int
    audio_discarded: bool = False
    end_us: int | None = None
    end_reason: str | None = None


@dataclass(frozen=True, slots=True)
class OpenFile:
    """A segment that is being written. The row exists before the file does, so a crash leaves a pointer to it."""

    segment_id: int
    camera_id: str
    run_id: str
    volume_id: str
    path: str
    start_us: int


@dataclass(frozen=True, slots=True)
class FragmentSpan:
    """Where one fragment lies in its file and how long it lasts.

    `offset` and `size` cover all its boxes (from `prft` to the end of `mdat`), in bytes; `duration` is media time;
    `sync` is true where its first sample is a sync sample.
    """

    offset: int
    size: int
    duration: int
    sync: bool


@dataclass(frozen=True, slots=True)
class Segment:
    """A closed file: it exists with that size and root (invariant 1).

    `path` is relative to its volume. `media_duration` is in 1/90 000 s, `wall_duration_us` what it covers on the wall
    clock (they differ by the rate that the run's clock follows). `clock_offset_us` is the camera's clock minus ours by
    its RTCP sender reports, None without one; `host_synchronised` whether the host's clock was disciplined. `root` is
    that of the file's Merkle tree (`mp4.root`).
    """

    segment_id: int
    camera_id: str
    run_id: str
    volume_id: str
    path: str
    start_us: int
    wall_duration_us: int
    media_duration: int
    size: int
    root: bytes
    fragments: tuple[FragmentSpan, ...]
    samples: int
    packets_lost: int = 0
    clock_offset_us: int | None = None
    host_synchronised: bool | None = None
    salvaged: bool = False

    @property
    def end_us(self) -> int:
        """The first microsecond that it does not cover."""
        return self.start_us + self.wall_duration_us


@dataclass(frozen=True, slots=True)
class Gap:
    """An interval of an enabled camera that no segment covers; `end_us` is None while it lasts."""

    gap_id: int
    camera_id: str
    start_us: int
    end_us: int | None
    reason: GapReason
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Event:
    """One entry of the event feed. `seq` grows by one without holes; whoever follows asks for what came after."""

    seq: int
    at_us: int
    kind: str
    camera_id: str | None
    data: dict[str, str | int | float | bool | None]


@dataclass(frozen=True, slots=True)
class Volume:
    """A folder that holds footage, known by the id in its marker file (invariant 6)."""

    volume_id: str
    path: Path
    min_free_bytes: int | None = None
    max_bytes: int | None = None
