"""What stands under Settings → Repairs because the recorder or a camera needs a person.

A table says which state is which issue. All issues of an entry are set and cleared together: none outlives its cause.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from homeassistant.helpers import issue_registry as ir

from recorder_core.errors import ErrorCode
from recorder_core.models import VolumeState

from .const import DOMAIN

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from homeassistant.core import HomeAssistant

    from .picture import Picture

_VOLUME_ISSUES: Final = {
    VolumeState.FULL: "storage_full",
    VolumeState.MISSING: "volume_missing",
    VolumeState.FOREIGN: "volume_foreign",
    VolumeState.READ_ONLY: "volume_read_only",
}

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


@dataclass(frozen=True, slots=True)
class Issue:
    """An issue: its translation, what tells it from others of its kind, and the values of its sentence."""

    key: str
    subject: str = ""
    placeholders: Mapping[str, str] = field(default_factory=dict)


def issues_of(picture: Picture) -> Iterator[Issue]:
    """Yield what a person has to mend, as the recorder sees it. Pure."""
    for volume in picture.volumes.values():
        if key := _VOLUME_ISSUES.get(volume.state):
            yield Issue(key, volume.path, {"path": volume.path})
    for camera in picture.cameras.values():
        if camera.enabled and camera.problem and (key := _CAMERA_ISSUES.get(camera.problem.code)):
            yield Issue(key, camera.camera_id, {"camera": camera.name})


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
                    is_fixable=False,
                    severity=ir.IssueSeverity.ERROR,
                    translation_key=issue.key,
                    translation_placeholders={"library": self._title, **issue.placeholders},
                )
        self._shown = {**shown}
