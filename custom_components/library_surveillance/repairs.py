"""The dialogs that settle issues: confirming that the recorder's clock is right, after which old footage goes again."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from homeassistant.components.repairs import RepairsFlow
from homeassistant.config_entries import ConfigEntryState
from homeassistant.util import dt as dt_util

from recorder_core.errors import RecorderError

if TYPE_CHECKING:
    import probatio as vol  # the engine that answers to the name below, and that Home Assistant's annotations name
    from homeassistant.components.repairs import RepairsFlowResult
    from homeassistant.core import HomeAssistant

    from .coordinator import LibraryConfigEntry
else:
    import voluptuous as vol

_LOGGER = logging.getLogger(__name__)


async def async_create_fix_flow(
    hass: HomeAssistant,  # noqa: ARG001 - the platform's interface
    issue_id: str,  # noqa: ARG001 - as above; only one issue has a dialog
    data: dict[str, str | int | float | None] | None,
) -> RepairsFlow:
    """Return the dialog of an issue."""
    return ConfirmClockFlow(str((data or {}).get("entry_id")))


class ConfirmClockFlow(RepairsFlow):
    """Asks whether the time is right. Only administrators see it."""

    def __init__(self, entry_id: str) -> None:
        """Take the library whose recorder doubts its clock."""
        self._entry_id = entry_id

    async def async_step_init(self, _: dict[str, str] | None = None) -> RepairsFlowResult:
        """Begin with the question."""
        return await self.async_step_confirm()

    async def async_step_confirm(self, user_input: dict[str, str] | None = None) -> RepairsFlowResult:
        """Ask, and tell the recorder."""
        entry: LibraryConfigEntry | None = self.hass.config_entries.async_get_entry(self._entry_id)
        if entry is None or entry.state is not ConfigEntryState.LOADED:
            return self.async_abort(reason="entry_not_loaded")
        if user_input is not None:
            try:
                await entry.runtime_data.coordinator.async_confirm_clock()
            except RecorderError as err:
                _LOGGER.warning("The recorder of %s could not be told that its clock is right: %s", entry.title, err)
                return self.async_abort(reason="recorder_failed")
            return self.async_create_entry(data={})
        return self.async_show_form(
            step_id="confirm",
            data_schema=vol.Schema({}),
            description_placeholders={
                "library": entry.title,
                "time": dt_util.now().strftime("%Y-%m-%d %H:%M:%S %Z"),
            },
        )
