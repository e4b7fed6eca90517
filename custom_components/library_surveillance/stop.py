"""Stopping what an entry records: while it is disabled, and when it is removed. Footage always stays.

A local recorder is ended. One that others run goes on running, without this library's cameras.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from recorder_core.errors import ErrorCode, RecorderError

from .cameras import camera_config, camera_subentries
from .connection import connection_for
from .issues import Issues
from .recorder_process import RecorderStartError

if TYPE_CHECKING:
    from collections.abc import Coroutine

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
    """Stop recording; where one camera cannot be stopped the others are."""
    Issues(hass, entry.entry_id, entry.title).show()
    connection = connection_for(hass, entry.data)
    async with connection.client:
        if connection.local is not None:
            await _async_loudly(entry.title, connection.local.async_stop())
            return
        for subentry in camera_subentries(entry):
            if forget:
                order: Coroutine[None, None, object] = connection.client.remove_camera(subentry.subentry_id)
            else:
                order = connection.client.put_camera(camera_config(entry, subentry, enabled=False))
            await _async_loudly(subentry.title, order)


async def _async_loudly(what: str, order: Coroutine[None, None, object]) -> None:
    """Carry out an order to stop; one that fails is logged, for somebody has to look after it then."""
    try:
        await order
    except (RecorderError, RecorderStartError) as err:
        if not (isinstance(err, RecorderError) and err.code is ErrorCode.UNKNOWN_CAMERA):
            _LOGGER.error("%s could not be stopped and may go on being recorded: %s", what, err)  # noqa: TRY400 - the cause is in the sentence
