"""What stands under Settings → Repairs because the recorder or a camera needs a person.

A table says which state is which issue. All issues of an entry are set and cleared together: none outlives its cause.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeGuard

from homeassistant.helpers import issue_registry as ir

from recorder_core.errors import ErrorCode
from recorder_core.models import Duty, SweepHalt, VolumeState

from .const import DOMAIN
from .flow.estimate import shown_gb, usable_on

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from homeassistant.core import HomeAssistant

    from recorder_core.models import CameraStatus, VolumeStatus

    from .picture import Picture

_VOLUME_ISSUES: Final = {
    VolumeState.MISSING: "volume_missing",
    VolumeState.FOREIGN: "volume_foreign",
    VolumeState.READ_ONLY: "volume_read_only",
}

_VOLUME_PROBLEMS: Final = {ErrorCode.STORAGE_STALLED: "volume_stalled"}
"""What is to be said of a volume's trouble rather than of the state that it has for it."""

# Troubles of a camera that do not end by themselves.
_CAMERA_ISSUES: Final = {
    ErrorCode.AUTH_FAILED: "camera_credentials",
    ErrorCode.AUTH_REQUIRED: "camera_credentials",
    ErrorCode.NO_VIDEO: "camera_no_video",
    ErrorCode.NO_SYNC_SAMPLE: "camera_no_sync_sample",
    ErrorCode.UNSUPPORTED_CODEC: "camera_unsupported",
    ErrorCode.FORMAT_UNREADABLE: "camera_unsupported",
    ErrorCode.NOT_FOUND: "camera_stream_not_found",
    ErrorCode.TLS_FAILED: "camera_tls_failed",
    ErrorCode.BAD_URL: "camera_bad_url",
}


_SOON_DAYS: Final = 7
"""Storage that fills within so many days is told of while there is still time to buy a disk."""

_HALT_ISSUES: Final = {
    SweepHalt.CLOCK: ("deletion_halted", True),
    SweepHalt.HOLDS: ("holds_unread", False),
}
"""Why nothing is deleted, and whether a person settles it in a dialog."""

_DUTY_ISSUES: Final = {
    Duty.INDEX: "index_not_written",
    Duty.INDEX_BACKUP: "index_not_copied",
    Duty.LEDGER: "ledger_not_written",
    Duty.SWEEP: "nothing_deleted",
    Duty.EXPORTS: "exports_not_removed",
    Duty.DELIVERIES: "deliveries_not_removed",
}
"""What the recorder fails to do by itself. It tries each again all the time."""


@dataclass(frozen=True, slots=True)
class Issue:
    """An issue: its translation, what tells it from others of its kind, and the values of its sentence.

    `warning` is for what has cost no footage yet; `fixable` for what a person settles in the dialog of `repairs`.
    """

    key: str
    subject: str = ""
    placeholders: Mapping[str, str] = field(default_factory=dict)
    warning: bool = False
    fixable: bool = False


def issues_of(picture: Picture) -> Iterator[Issue]:
    """Yield what a person has to mend, as the recorder sees it. Pure."""
    for volume in picture.volumes.values():
        if key := _volume_issue(volume):
            yield Issue(key, volume.path, {"path": volume.path})
        if volume.unread:
            yield Issue("footage_unread", volume.path, {"path": volume.path}, warning=True)
    yield from _room_issues(picture)
    if picture.recorder.sweep_halt is not None:
        key, fixable = _HALT_ISSUES[picture.recorder.sweep_halt]
        yield Issue(key, warning=True, fixable=fixable)
    for duty in picture.recorder.failing:
        yield Issue(_DUTY_ISSUES[duty], warning=duty is not Duty.INDEX)
    if picture.recorder.holds_to_review:
        yield Issue("holds_to_review", placeholders={"holds": str(picture.recorder.holds_to_review)}, warning=True)
    for camera in picture.cameras.values():
        if camera.enabled and camera.problem and (key := _CAMERA_ISSUES.get(camera.problem.code)):
            yield Issue(key, camera.camera_id, {"camera": camera.name})


def _volume_issue(volume: VolumeStatus) -> str | None:
    told = None if volume.problem is None else _VOLUME_PROBLEMS.get(volume.problem.code)
    return told or _VOLUME_ISSUES.get(volume.state)


def _room_issues(picture: Picture) -> Iterator[Issue]:
    """Yield what there is to say of room. Where it ends the oldest footage goes, unless a hold keeps it."""
    for volume in picture.volumes.values():
        if volume.only_held:
            yield Issue("storage_held", volume.path, {"path": volume.path, "held_gb": shown_gb(volume.used_bytes)})
        elif volume.being_read:
            yield Issue("storage_being_read", volume.path, {"path": volume.path})
        elif volume.state is VolumeState.FULL:
            yield Issue("storage_full", volume.path, {"path": volume.path})
    if picture.recorder.holds_leave_little:
        held = sum(camera.held_bytes for camera in picture.cameras.values())
        values = {"held_gb": shown_gb(held), "gb": shown_gb(usable_on(picture.volumes.values()))}
        yield Issue("holds_leave_little", placeholders=values, warning=True)
    days = picture.recorder.days_until_full
    room = any(volume.state is VolumeState.OK for volume in picture.volumes.values())  # else the issue above says it
    if room and _is_soon(days) and any(_falls_short(camera, days) for camera in picture.cameras.values()):
        yield Issue("storage_nearly_full", placeholders={"days": f"{max(days, 0.1):.1f}"}, warning=True)
    for camera in picture.cameras.values():
        if camera.below_minimum:
            values = {
                "camera": camera.name,
                "minimum_days": f"{camera.retention.minimum_days or 0:g}",
                "days": f"{camera.achieved_days or 0:.1f}",
            }
            yield Issue("below_minimum", camera.camera_id, values)


def _is_soon(days: float | None) -> TypeGuard[float]:
    return days is not None and days < _SOON_DAYS


def _falls_short(camera: CameraStatus, days: float) -> bool:
    """Return whether room ends in so many days although a camera's footage will not have its minimum by then."""
    minimum = camera.retention.minimum_days
    return minimum is not None and not camera.below_minimum and (camera.achieved_days or 0) + days < minimum


class Issues:
    """The issues of one entry in Home Assistant's registry."""

    def __init__(self, hass: HomeAssistant, entry_id: str, title: str) -> None:
        """Take the entry; its title stands in every issue."""
        self._hass = hass
        self._entry_id = entry_id
        self._title = title
        # What an earlier set-up left. After a restart Home Assistant knows of it no more than whether it was ignored.
        self._shown: dict[str, Issue | None] = {
            issue_id: None
            for domain, issue_id in ir.async_get(hass).issues
            if domain == DOMAIN and issue_id.startswith(f"{entry_id}_")
        }

    def show(self, *issues: Issue) -> None:
        """Show exactly these, with the words that they have now."""
        shown = {f"{self._entry_id}_{issue.key}_{issue.subject}": issue for issue in issues}
        for issue_id in self._shown.keys() - shown.keys():
            ir.async_delete_issue(self._hass, DOMAIN, issue_id)
        for issue_id, issue in shown.items():
            if self._shown.get(issue_id) != issue:
                ir.async_create_issue(
                    self._hass,
                    DOMAIN,
                    issue_id,
                    data={"entry_id": self._entry_id},
                    is_fixable=issue.fixable,
                    severity=ir.IssueSeverity.WARNING if issue.warning else ir.IssueSeverity.ERROR,
                    translation_key=issue.key,
                    translation_placeholders={"library": self._title, **issue.placeholders},
                )
        self._shown = {**shown}
