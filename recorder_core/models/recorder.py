"""Cameras, volumes, coverage and the feed, as they travel over the API. Times are UTC microseconds."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from recorder_core.json_data import JsonData

from .deliveries import DeliveryFolder
from .exports import ExportJob, GapView
from .problem import Problem
from .retention import Retention, SweepHalt

API_VERSION = 1


class CameraState(StrEnum):
    """Where a camera is in its life."""

    DISABLED = "disabled"
    CONNECTING = "connecting"
    RECORDING = "recording"
    RETRYING = "retrying"
    STORAGE_FULL = "storage_full"
    STORAGE_FAILED = "storage_failed"


class VolumeState(StrEnum):
    """Whether a volume can take footage."""

    OK = "ok"
    FULL = "full"
    MISSING = "missing"
    FOREIGN = "foreign"
    READ_ONLY = "read_only"


class Duty(StrEnum):
    """What the recorder does by itself again and again.

    `index`: writing into its index at all. `index_backup`: copying it. `ledger`: telling the ledger of what was stored.
    `sweep`: deleting what is to go. `exports`: the same for exports.
    `deliveries`: the same for their copies in delivery folders.
    """

    INDEX = "index"
    INDEX_BACKUP = "index_backup"
    LEDGER = "ledger"
    SWEEP = "sweep"
    EXPORTS = "exports"
    DELIVERIES = "deliveries"


class SourceKind(StrEnum):
    """How a camera is captured; `auto` takes the recorder's own RTSP client wherever it can."""

    AUTO = "auto"
    RTSP = "rtsp"
    PYAV = "pyav"


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure(JsonData):
    """The body of every answer of 4xx and 5xx."""

    error: Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraConfig(JsonData):
    """A camera as its owner configures it. The recorder never hands the password back."""

    camera_id: str
    name: str
    url: str
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    enabled: bool = True
    source: SourceKind = SourceKind.AUTO
    verify_tls: bool = True
    stall_timeout_s: float = 10.0
    retention: Retention = field(default_factory=Retention)


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraStatus(JsonData):
    """What a camera does now. None means that it is not known (yet).

    `bytes_per_day` extrapolates the last day's footage; `gap_s_today` counts since the site's local midnight;
    `clock_offset_us` is the camera's clock minus the recorder's. `achieved_days` is how far back footage reaches that
    no hold keeps; `below_minimum` says that lack of room took some before its `minimum_days`.
    """

    camera_id: str
    name: str
    enabled: bool
    state: CameraState
    since_us: int
    problem: Problem | None = None
    source: SourceKind | None = None
    codec: str | None = None
    width: int | None = None
    height: int | None = None
    audio_offered: bool | None = None
    run_id: str | None = None
    oldest_us: int | None = None
    newest_us: int | None = None
    stored_bytes: int = 0
    bytes_per_day: int | None = None
    gap_s_today: float = 0.0
    clock_offset_us: int | None = None
    packets_lost: int = 0
    retention: Retention = field(default_factory=Retention)
    achieved_days: float | None = None
    below_minimum: bool = False
    held_bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeConfig(JsonData):
    """A folder for footage. An unset limit means no limit (invariant 6)."""

    path: str
    min_free_bytes: int | None = None
    max_bytes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeStatus(JsonData):
    """A volume's room, in bytes. `used_bytes` is the recorder's own footage on it.

    `unread` says that some of that is still to be read into the index, which was lost or never knew it.

    `only_held` says that it is full of footage that is held: recording to it goes on when a hold ends or room is made.
    `being_read` says that it is full, and that what holds do not keep is read for exports: it goes on behind these.
    """

    volume_id: str | None
    path: str
    state: VolumeState
    total_bytes: int = 0
    free_bytes: int = 0
    used_bytes: int = 0
    min_free_bytes: int | None = None
    max_bytes: int | None = None
    problem: Problem | None = None
    unread: bool = False
    only_held: bool = False
    being_read: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeCheck(JsonData):
    """The answer to "may this folder hold footage?": its room, or what speaks against it."""

    path: str
    filesystem: str
    total_bytes: int
    free_bytes: int
    problem: Problem | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(JsonData):
    """What holds for the whole recorder.

    `time_zone` is an IANA name and only decides where a local day begins. `exports` are the rules for clips, stills and
    packages. `policy_version` is kept with every deletion. A copy in one of the `delivery_folders` goes after
    `delivery_days` if nobody says otherwise.
    """

    volumes: list[VolumeConfig] = field(default_factory=list)
    time_zone: str = "UTC"
    exports: Retention = field(default_factory=Retention)
    policy_version: str = ""
    delivery_folders: list[DeliveryFolder] = field(default_factory=list)
    delivery_days: float = 7.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RecorderStatus(JsonData):
    """The recorder as a whole. `store_id` names the data folder and survives restarts; `pid` is the worker's.

    `days_until_full` is None while nothing would ever fill the volumes. `holds` counts the active ones and
    `holds_to_review` those whose review is due; `holds_leave_little` says that what they keep leaves the rest less than
    a fifth of the volumes. `sweep_halt` says why footage is not deleted for now. `failing` are the
    duties whose last turn failed.
    """

    version: str
    api_version: int
    store_id: str
    pid: int
    supervisor_pid: int | None
    started_us: int
    host_synchronised: bool | None
    cameras: list[CameraStatus]
    volumes: list[VolumeStatus]
    days_until_full: float | None = None
    holds: int = 0
    holds_to_review: int = 0
    holds_leave_little: bool = False
    sweep_halt: SweepHalt | None = None
    failing: list[Duty] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeRequest(JsonData):
    """A camera to try before it is saved."""

    url: str
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    source: SourceKind = SourceKind.AUTO
    verify_tls: bool = True
    still: bool = True
    timeout_s: float = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeResult(JsonData):
    """What a camera turned out to be. `still_jpeg` is base64; `bitrate` is bits per second over the probe."""

    source: SourceKind
    codec: str
    width: int
    height: int
    fps: float | None
    bitrate: int | None
    audio_offered: bool
    server: str | None = None
    clock_offset_us: int | None = None
    still_jpeg: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentView(JsonData):
    """A segment as it travels; `open`, and without a `root`, while it is still being written.

    `root` is that of its Merkle tree, in hexadecimal: the leaves are its init segment and its fragments' headers.
    """

    segment_id: int
    run_id: str
    start_us: int
    end_us: int
    size: int
    root: str | None
    open: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage(JsonData):
    """What is stored of one camera in a window, and what is not."""

    camera_id: str
    start_us: int
    end_us: int
    segments: list[SegmentView]
    gaps: list[GapView]


@dataclass(frozen=True, slots=True, kw_only=True)
class EventView(JsonData):
    """One numbered event of the feed, as stored."""

    seq: int
    at_us: int
    kind: str
    camera_id: str | None
    data: dict[str, str | int | float | bool | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedItem(JsonData):
    """One line of the feed: exactly one field is set; a line with none is a heartbeat.

    The first line is `status`, the whole picture, which comes again when something of the recorder as a whole changes.
    Else: `camera` and `volume` replace what was known of one of them, `removed_camera` takes one away, `export` tells
    how far an export is, `event` is something that happened.
    """

    status: RecorderStatus | None = None
    camera: CameraStatus | None = None
    volume: VolumeStatus | None = None
    removed_camera: str | None = None
    export: ExportJob | None = None
    event: EventView | None = None
