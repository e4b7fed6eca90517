"""How many days of footage fit: the arithmetic and the figures as they are shown. Pure.

An unset limit is no limit (invariant 6).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from custom_components.library_surveillance.const import GB

if TYPE_CHECKING:
    from collections.abc import Iterable

    from recorder_core.models import CameraStatus, VolumeStatus

_DAY_S: Final = 86_400
_WHOLE_DAYS_FROM: Final = 10


def usable_bytes(
    *, free_bytes: int, used_bytes: int = 0, min_free_bytes: int | None = None, max_bytes: int | None = None
) -> int:
    """Return how much footage a volume can hold: what is free or ours, less what stays free, up to the maximum."""
    room = free_bytes + used_bytes - (min_free_bytes or 0)
    if max_bytes is not None:
        room = min(room, max_bytes)
    return max(room, 0)


def usable_on(volumes: Iterable[VolumeStatus]) -> int:
    """Return what all volumes together can hold, in bytes."""
    return sum(
        usable_bytes(
            free_bytes=volume.free_bytes,
            used_bytes=volume.used_bytes,
            min_free_bytes=volume.min_free_bytes,
            max_bytes=volume.max_bytes,
        )
        for volume in volumes
    )


def bytes_per_day(bits_per_second: float) -> int:
    """Return the bytes of one day of video at this rate."""
    return round(bits_per_second * _DAY_S / 8)


def others_per_day(cameras: Iterable[CameraStatus], this_camera_id: str | None, assumed: int) -> int:
    """Return what the other cameras write in a day; one that is not known yet is assumed to write like this one."""
    return sum(
        assumed if camera.bytes_per_day is None else camera.bytes_per_day
        for camera in cameras
        if camera.camera_id != this_camera_id
    )


def shown_gb(size: int) -> str:
    """Return bytes as gigabytes with one decimal."""
    return f"{size / GB:.1f}"


def shown_days(usable: int, per_day: int) -> str:
    """Return how many days fit, with one decimal below ten. `per_day` is more than 0."""
    days = usable / per_day
    return f"{days:.0f}" if days >= _WHOLE_DAYS_FROM else f"{days:.1f}"
