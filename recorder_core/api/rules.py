"""What a well-formed request must keep besides its types: a table of rules per value, a sentence for each."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import PurePosixPath
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from recorder_core.errors import ErrorCode, RequestError
from recorder_core.models import CameraConfig, ExportRequest, ProbeRequest, Settings, VolumeConfig
from recorder_core.rtsp.url import parse_camera_url

_CAMERA_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")

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
    Settings: (("time_zone", _is_zone, "must be an IANA time zone"),),
    ExportRequest: (("label", _is_short, "must have at most 256 characters"),),
}


def check(value: CameraConfig | ProbeRequest | VolumeConfig | Settings | ExportRequest, prefix: str = "") -> None:
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
