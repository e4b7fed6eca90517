"""Asks for new credentials when a camera refuses the ones it has, once for each refusal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from homeassistant.config_entries import SOURCE_REAUTH, SOURCE_RECONFIGURE, ConfigEntryState
from homeassistant.core import callback

from recorder_core.errors import ErrorCode

from .const import CONF_SUBENTRY_ID

if TYPE_CHECKING:
    from homeassistant.config_entries import ConfigEntry
    from homeassistant.core import HomeAssistant

    from .picture import Picture

REFUSALS: Final = frozenset({ErrorCode.AUTH_FAILED, ErrorCode.AUTH_REQUIRED})


def refused_cameras(picture: Picture) -> set[str]:
    """Return the cameras that record nothing until somebody gives other credentials. Pure."""
    return {
        camera.camera_id
        for camera in picture.cameras.values()
        if camera.enabled and camera.problem is not None and camera.problem.code in REFUSALS
    }


class CredentialRequests:
    """The dialogs that ask for one entry's cameras.

    Home Assistant has one such dialog open for an entry at a time; the next camera is asked for when it is closed.
    Whoever closes it unanswered is asked again when the camera has recorded in between, or after a restart.
    """

    def __init__(self, hass: HomeAssistant, entry: ConfigEntry) -> None:
        """Begin with nobody asked."""
        self._hass = hass
        self._entry = entry
        self._asked: set[str] = set()

    @callback
    def look(self, picture: Picture) -> None:
        """Open a dialog for the first camera that needs one, unless another is open."""
        refused = refused_cameras(picture)
        self._asked &= refused
        waiting = sorted(refused - self._asked)
        if self._entry.state is not ConfigEntryState.LOADED:
            return  # the dialog tries credentials through a loaded entry; the feed looks again when it is one
        if not waiting or any(self._entry.async_get_active_flows(self._hass, {SOURCE_REAUTH, SOURCE_RECONFIGURE})):
            return
        self._asked.add(waiting[0])
        self._entry.async_start_reauth(self._hass, data={CONF_SUBENTRY_ID: waiting[0]})
