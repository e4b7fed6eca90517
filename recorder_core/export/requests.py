"""What may be asked of exports, and what follows from a request alone: kind, cameras, interval, name."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from recorder_core.errors import ErrorCode, RequestError
from recorder_core.models import ExportKind, ExportRequest, PackageRequest, StillRequest

LONGEST_US = 24 * 3_600_000_000
"""An export is planned in memory: a day of one camera, or less of several, is what fits."""

type AnyRequest = ExportRequest | StillRequest | PackageRequest

_MODELS: dict[ExportKind, type[ExportRequest | StillRequest | PackageRequest]] = {
    ExportKind.CLIP: ExportRequest,
    ExportKind.STILL: StillRequest,
    ExportKind.PACKAGE: PackageRequest,
}


@dataclass(frozen=True, slots=True)
class Scope:
    """What an export is made from: `[start_us, end_us)` of these cameras."""

    kind: ExportKind
    camera_ids: tuple[str, ...]
    start_us: int
    end_us: int


def scope_of(request: AnyRequest) -> Scope:
    """Return what a request asks for; a still takes the microsecond at its moment."""
    match request:
        case ExportRequest():
            return Scope(ExportKind.CLIP, (request.camera_id,), request.start_us, request.end_us)
        case StillRequest():
            return Scope(ExportKind.STILL, (request.camera_id,), request.at_us, request.at_us + 1)
        case PackageRequest():
            return Scope(ExportKind.PACKAGE, tuple(request.camera_ids), request.start_us, request.end_us)


def parse_request(kind: ExportKind, text: str) -> AnyRequest:
    """Return the request that was kept as JSON."""
    return _MODELS[kind].from_json(text)


def check_scope(scope: Scope, now_us: int) -> None:
    """Refuse what cannot be exported.

    Raises:
        RequestError: `INTERVAL_INVERTED`, `INTERVAL_FUTURE`, `INTERVAL_TOO_LONG`; `NO_FOOTAGE` before 1970.
    """
    if scope.start_us >= scope.end_us:
        raise RequestError(ErrorCode.INTERVAL_INVERTED, "The interval must end after it begins.")
    if scope.start_us < 0:
        raise no_footage()
    if scope.end_us > now_us:
        raise RequestError(ErrorCode.INTERVAL_FUTURE, "The interval reaches into the future.")
    if (scope.end_us - scope.start_us) * len(scope.camera_ids) > LONGEST_US:
        hours = LONGEST_US // 3_600_000_000
        sentence = f"One export covers at most {hours} hours, those of all its cameras together."
        raise RequestError(ErrorCode.INTERVAL_TOO_LONG, sentence, hours=hours)


def expiry_of(request: AnyRequest, now_us: int) -> int | None:
    """Return when a request says that its export is to be removed. Raises RequestError `BAD_REQUEST` for the past."""
    expires_us = request.expires_us if isinstance(request, PackageRequest) else None
    if expires_us is not None and expires_us <= now_us:
        raise RequestError(ErrorCode.BAD_REQUEST, "expires_us has passed.", field="expires_us")
    return expires_us


def no_footage() -> RequestError:
    """Return the error for an interval of which nothing is stored."""
    return RequestError(ErrorCode.NO_FOOTAGE, "Nothing is stored in this interval.")


def stem_of(camera_id: str, at_us: int) -> str:
    """Return a file's name without its ending: the camera, and a moment in UTC to the second."""
    return f"{camera_id}_{datetime.fromtimestamp(at_us // 1_000_000, UTC):%Y%m%dT%H%M%SZ}"
