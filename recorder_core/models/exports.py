"""Clips, stills and packages on their way out of the store, as they travel over the API."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from recorder_core.json_data import JsonData

from .problem import Problem


class ExportKind(StrEnum):
    """What an export makes."""

    CLIP = "clip"
    STILL = "still"
    PACKAGE = "package"


class ExportState(StrEnum):
    """The life of an export job."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    REMOVED = "removed"


class StillFormat(StrEnum):
    """How a still is encoded."""

    PNG = "png"
    JPEG = "jpeg"


class StartMode(StrEnum):
    """What a clip does that begins between two sync samples, with the pictures around its start.

    `LEAD_IN` carries those from the sync sample before it on, hidden; `NEXT_SYNC` begins with the sync sample after it;
    `REENCODE_FIRST_GOP` does so too, and puts the pictures before that one into a file of their own, encoded anew.
    """

    LEAD_IN = "lead_in"
    NEXT_SYNC = "next_sync"
    REENCODE_FIRST_GOP = "reencode_first_gop"


@dataclass(frozen=True, slots=True, kw_only=True)
class GapView(JsonData):
    """A gap of a camera as it travels; `end_us` is None while it lasts. Older exports do not tell whose it is."""

    start_us: int
    end_us: int | None
    reason: str
    detail: str = ""
    camera_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportRequest(JsonData):
    """A clip to cut: `[start_us, end_us)` of one camera. `label` is kept and never interpreted."""

    camera_id: str
    start_us: int
    end_us: int
    start_mode: StartMode = StartMode.LEAD_IN
    label: str = ""
    actor: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StillRequest(JsonData):
    """The picture of a camera that is on screen at `at_us`."""

    camera_id: str
    at_us: int
    format: StillFormat = StillFormat.PNG
    label: str = ""
    actor: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageRequest(JsonData):
    """`[start_us, end_us)` of several cameras as evidence: one zip with manifest, proofs and signature.

    `request_id` and `basis` are opaque and stand in the manifest; `expires_us` is when the package is to go, None by
    the rules for exports.
    """

    camera_ids: list[str]
    start_us: int
    end_us: int
    start_mode: StartMode = StartMode.NEXT_SYNC
    label: str = ""
    actor: str = ""
    request_id: str | None = None
    basis: str | None = None
    expires_us: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportFile(JsonData):
    """One finished file, an unbroken stretch. `start_us` and `end_us` are what a player shows, `lead_in_us` is hidden.

    `duration_us` is how long a player shows it, which differs from the wall time by the rate of the camera's clock;
    `frames` counts the pictures shown. `sha256` covers the whole file, in hexadecimal. `derived` says that the pictures
    were encoded anew: it is no original, and nothing proves that it shows what was recorded.
    """

    path: str
    sha256: str
    size: int
    start_us: int
    end_us: int
    duration_us: int
    frames: int
    lead_in_us: int
    derived: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportJob(JsonData):
    """An export from request to files. `progress` runs from 0 to 1; `duration_us` sums what the files show.

    `not_shown` is what no original of a clip shows of the time asked for, each stretch with one reason, as packages
    have it for themselves. `camera_id` is the first of `camera_ids`. `expires_us` is when it is to be removed, None if
    no rule says so.
    """

    export_id: str
    camera_id: str
    start_us: int
    end_us: int
    state: ExportState
    progress: float = 0.0
    files: list[ExportFile] = field(default_factory=list)
    gaps: list[GapView] = field(default_factory=list)
    not_shown: list[GapView] = field(default_factory=list)
    duration_us: int = 0
    problem: Problem | None = None
    kind: ExportKind = ExportKind.CLIP
    camera_ids: list[str] = field(default_factory=list)
    created_us: int = 0
    expires_us: int | None = None
    actor: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportList(JsonData):
    """Export jobs, the newest first."""

    exports: list[ExportJob]
