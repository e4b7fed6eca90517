"""Stopping what an entry records: while it is disabled, and when it is removed. Footage always stays.

A local recorder is ended. One that others run goes on running, without this library's cameras.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from recorder_core.errors import RecorderError

from .cameras import camera_config, camera_subentries
from .connection import connection_for
from .issues import Issues
from .recorder_process import RecorderStartError

if TYPE_CHECKING:
    from homeassistant.config_entries import ConfigEntry
    from homeassistant.core import HomeAssistant

_LOGGER = logging.getLogger(__name__)


async def async_stop_recording(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """Stop recording while the entry is disabled; the lock keeps it from meeting an entry that is enabled again."""
    async with entry.setup_lock:
        if entry.disabled_by:
            await _async_stop(hass, entry, forget=False)


async def async_forget_cameras(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """Stop recording because the entry is going."""
    await _async_stop(hass, entry, forget=True)


async def _async_stop(hass: HomeAssistant, entry: ConfigEntry, *, forget: bool) -> None:
    """Stop recording, loudly when that fails: somebody has to look after it then."""
    Issues(hass, entry.entry_id, entry.title).show()
    connection = connection_for(hass, entry.data)
    try:
        if connection.local is not None:
            await connection.local.async_stop()
        else:
            for subentry in camera_subentries(entry):
                if forget:
                    await connection.client.remove_camera(subentry.subentry_id)
                else:
                    await connection.client.put_camera(camera_config(subentry, enabled=False))
    except (RecorderError, RecorderStartError) as err:
        _LOGGER.error("The recorder of %s could not be told to stop and may go on recording: %s", entry.title, err)  # noqa: TRY400 - the cause is in the sentence
    finally:
        await connection.client.close()
