"""What a well-formed request must keep besides its types: a table of rules per value, a sentence for each."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import PurePosixPath
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from recorder_core.errors import ErrorCode, RequestError
from recorder_core.models import (
    CameraConfig,
    DeliveryFolder,
    DeliveryRemoval,
    DeliveryRequest,
    ExportRequest,
    HoldRelease,
    HoldRequest,
    HoldReview,
    PackageRequest,
    ProbeRequest,
    Retention,
    Settings,
    StillRequest,
    VolumeConfig,
    is_folder_name,
)
from recorder_core.rtsp.url import parse_camera_url

_CAMERA_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_MOST_CAMERAS = 1000
_LONGEST_DAYS = 36_500
_LONGEST_DELIVERY_DAYS = 365
_LONGEST_ROLL_S = 86_400
_LAST_US = 16_725_225_600_000_000
"""The beginning of the year 2500; a clock that shows more than that is wrong."""

MOMENT = "must be UTC microseconds since 1970, before the year 2500"

type _Rule = tuple[str, Callable[[Any], bool], str]  # Any: the value of the field, typed by its model
"""A field, what must hold for it, and the end of the sentence that says so."""


def _is_limit(value: int | None) -> bool:
    return value is None or value > 0


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except ZoneInfoNotFoundError, ValueError, OSError:
        return False
    return True


def _is_absolute(path: str) -> bool:
    return PurePosixPath(path).is_absolute() and ".." not in PurePosixPath(path).parts


def _is_nameable(path: str) -> bool:
    """Whether its names fit a filesystem (NAME_MAX) and stay on one line of a log."""
    return path.isprintable() and all(len(os.fsencode(name)) <= 255 for name in PurePosixPath(path).parts)


def _is_short(text: str | None) -> bool:
    return text is None or len(text) <= 256


def is_opaque(text: str | None) -> bool:
    """Whether it may be somebody's or something's id: short, on one line."""
    return text is None or (len(text) <= 128 and text.isprintable())


def _are_cameras(ids: list[str]) -> bool:
    return 0 < len(ids) <= _MOST_CAMERAS and all(_CAMERA_ID.fullmatch(one) for one in ids)


def _are_distinct(ids: list[str]) -> bool:
    return len(set(ids)) == len(ids)


def _is_span(value: float | None) -> bool:
    return value is None or 0 < value <= _LONGEST_DAYS


def _is_delivery_span(value: float) -> bool:
    return 0 < value <= _LONGEST_DELIVERY_DAYS


def _have_own_names(folders: list[DeliveryFolder]) -> bool:
    return _are_distinct([folder.name for folder in folders])


def _is_roll(value: float) -> bool:
    return 0 <= value <= _LONGEST_ROLL_S


def is_moment(value: int | None) -> bool:
    """Whether it may be a time, see `MOMENT`."""
    return value is None or 0 <= value <= _LAST_US


_RETENTION: tuple[_Rule, ...] = (
    ("retention_days", _is_span, "must lie above zero and be at most 36500 days; leave it out for no limit"),
    ("quota_bytes", _is_limit, "must be above zero; leave it out for no limit"),
    ("minimum_days", _is_span, "must lie above zero and be at most 36500 days; leave it out for no minimum"),
    ("destroy_after_days", _is_span, "must lie above zero and be at most 36500 days; leave it out for no limit"),
)
_HOLD: tuple[_Rule, ...] = (
    ("camera_ids", _are_cameras, "must name 1 to 1000 cameras"),
    ("start_us", is_moment, MOMENT),
    ("end_us", is_moment, MOMENT),
    ("pre_roll_s", _is_roll, "must lie between 0 and 86400 seconds"),
    ("post_roll_s", _is_roll, "must lie between 0 and 86400 seconds"),
    ("case_id", is_opaque, "must have at most 128 characters on one line"),
    ("review_us", is_moment, MOMENT),
    ("expires_us", is_moment, MOMENT),
    ("key", is_opaque, "must have at most 128 characters on one line"),
    ("actor", is_opaque, "must have at most 128 characters on one line"),
)
_LABELLED: tuple[_Rule, ...] = (
    ("label", _is_short, "must have at most 256 characters"),
    ("actor", is_opaque, "must have at most 128 characters on one line"),
)
_VOLUME: tuple[_Rule, ...] = (
    ("path", _is_absolute, "must be an absolute path"),
    ("path", _is_nameable, "must have names of at most 255 bytes, without control characters"),
    ("min_free_bytes", _is_limit, "must be above zero; leave it out for no limit"),
    ("max_bytes", _is_limit, "must be above zero; leave it out for no limit"),
)
_ACCESS: tuple[_Rule, ...] = (
    ("url", lambda value: len(value) <= 2048, "must have at most 2048 characters"),
    ("username", _is_short, "must have at most 256 characters"),
    ("password", _is_short, "must have at most 256 characters"),
)
_RULES: dict[type, tuple[_Rule, ...]] = {
    CameraConfig: (
        ("camera_id", lambda value: _CAMERA_ID.fullmatch(value) is not None, "must be 1 to 64 letters, digits, - or _"),
        ("name", lambda value: 0 < len(value.strip()) <= 256, "must have 1 to 256 characters"),
        ("stall_timeout_s", lambda value: 1 <= value <= 600, "must lie between 1 and 600 seconds"),
        *_ACCESS,
    ),
    ProbeRequest: (
        ("timeout_s", lambda value: 1 <= value <= 120, "must lie between 1 and 120 seconds"),
        *_ACCESS,
    ),
    VolumeConfig: _VOLUME,
    DeliveryFolder: (
        ("name", is_folder_name, "must have 1 to 64 characters on one line, without blanks around them"),
        ("path", _is_absolute, "must be an absolute path"),
        ("path", _is_nameable, "must have names of at most 255 bytes, without control characters"),
    ),
    DeliveryRequest: (
        ("expires_us", is_moment, MOMENT),
        ("actor", is_opaque, "must have at most 128 characters on one line"),
    ),
    DeliveryRemoval: (("actor", is_opaque, "must have at most 128 characters on one line"),),
    Settings: (
        ("time_zone", _is_zone, "must be an IANA time zone"),
        ("policy_version", is_opaque, "must have at most 128 characters on one line"),
        ("delivery_folders", _have_own_names, "must have different names"),
        ("delivery_days", _is_delivery_span, "must lie above zero and be at most 365 days"),
    ),
    Retention: _RETENTION,
    HoldRequest: _HOLD,
    HoldRelease: (("actor", is_opaque, "must have at most 128 characters on one line"),),
    HoldReview: (
        ("review_us", is_moment, MOMENT),
        ("actor", is_opaque, "must have at most 128 characters on one line"),
    ),
    ExportRequest: _LABELLED,
    StillRequest: (*_LABELLED, ("at_us", is_moment, MOMENT)),
    PackageRequest: (
        *_LABELLED,
        ("camera_ids", _are_cameras, "must name 1 to 1000 cameras"),
        ("camera_ids", _are_distinct, "names a camera twice"),
        ("request_id", is_opaque, "must have at most 128 characters on one line"),
        ("basis", is_opaque, "must have at most 128 characters on one line"),
        ("expires_us", is_moment, MOMENT),
    ),
}


type Checked = (
    CameraConfig
    | DeliveryFolder
    | DeliveryRemoval
    | DeliveryRequest
    | ExportRequest
    | HoldRelease
    | HoldRequest
    | HoldReview
    | PackageRequest
    | ProbeRequest
    | Retention
    | Settings
    | StillRequest
    | VolumeConfig
)
"""What has rules."""


def check(value: Checked, prefix: str = "") -> None:
    """Hold a parsed request against its rules.

    Raises:
        RequestError: `BAD_REQUEST` with the field's name.
        CameraError: `BAD_URL` for an address that cannot be a camera's.
    """
    for field, holds, sentence in _RULES[type(value)]:
        if not holds(getattr(value, field)):
            name = f"{prefix}{field}"
            raise RequestError(ErrorCode.BAD_REQUEST, f"{name} {sentence}.", field=name)
    if isinstance(value, CameraConfig | ProbeRequest):
        parse_camera_url(value.url)
    if isinstance(value, Settings):
        for index, volume in enumerate(value.volumes):
            check(volume, f"volumes[{index}].")
        check(value.exports, "exports.")
        for index, folder in enumerate(value.delivery_folders):
            check(folder, f"delivery_folders[{index}].")
    if isinstance(value, CameraConfig):
        check(value.retention, "retention.")
    if isinstance(value, HoldRequest):
        _check_hold(value)


def _check_hold(hold: HoldRequest) -> None:
    """Hold the times of a hold against each other."""
    if hold.end_us is not None and hold.end_us < hold.start_us:
        raise RequestError(ErrorCode.INTERVAL_INVERTED, "A hold ends after it begins.")
    if len(set(hold.camera_ids)) < len(hold.camera_ids):
        raise RequestError(ErrorCode.BAD_REQUEST, "camera_ids names a camera twice.", field="camera_ids")
