"""The steps that change an entry: reconfigure, a new token, and new credentials for a camera that refuses the old ones.

Folders never change here: footage does not move. Saved secrets are never shown; an empty token keeps the saved one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from homeassistant.config_entries import ConfigEntryState, ConfigFlow, ConfigFlowResult
from homeassistant.const import CONF_PASSWORD, CONF_TOKEN, CONF_URL, CONF_USERNAME
from homeassistant.core import DOMAIN as HOMEASSISTANT_DOMAIN

from custom_components.library_surveillance.const import CONF_RECORDER, CONF_SUBENTRY_ID, RecorderKind

from .camera_draft import CameraDraft
from .fault import FORM, FormFaultError, explained
from .forms import CREDENTIALS_SCHEMA, RECONFIGURE_SCHEMAS, TOKEN_SCHEMA
from .limits import Limits
from .recorder import async_meet, cleaned
from .trial import async_try_camera

if TYPE_CHECKING:
    from collections.abc import Mapping

    from homeassistant.config_entries import ConfigEntry

    from custom_components.library_surveillance.coordinator import LibraryConfigEntry

    from .forms import Form


class ChangeSteps(ConfigFlow):
    """Everything that happens to an entry after its creation."""

    _camera_id: str

    async def async_step_reconfigure(self, user_input: Form | None = None) -> ConfigFlowResult:
        """Change limits, address, token or profile."""
        entry = self._get_reconfigure_entry()
        kind = RecorderKind(entry.data[CONF_RECORDER])
        schema = RECONFIGURE_SCHEMAS[kind]
        fault = None
        if user_input is not None:
            updates = cleaned(user_input)
            if not updates.get(CONF_TOKEN):
                updates.pop(CONF_TOKEN, None)
            try:
                if kind is RecorderKind.LOCAL:
                    updates |= _checked_limits(entry, updates).data()
                else:
                    await self._async_meet_same(entry, updates)
            except FormFaultError as err:
                fault = err
            else:
                return self._async_update(entry, updates)
        shown = {key: value for key, value in (user_input or entry.data).items() if key != CONF_TOKEN}
        return self.async_show_form(
            step_id="reconfigure",
            data_schema=self.add_suggested_values_to_schema(schema, shown),
            **explained(fault, schema),
        )

    async def async_step_reauth(self, entry_data: Mapping[str, Any]) -> ConfigFlowResult:  # Any: an entry's data
        """Ask for what was refused: a camera's credentials if the caller names one, else the recorder's token."""
        if CONF_SUBENTRY_ID not in entry_data:
            return await self.async_step_reauth_confirm()
        self._camera_id = entry_data[CONF_SUBENTRY_ID]
        return await self.async_step_reauth_camera()

    async def async_step_reauth_confirm(self, user_input: Form | None = None) -> ConfigFlowResult:
        """Ask for a token that the recorder accepts."""
        entry = self._get_reauth_entry()
        fault = None
        if user_input is not None:
            try:
                await self._async_meet_same(entry, cleaned(user_input))
            except FormFaultError as err:
                fault = err
            else:
                return self._async_update(entry, cleaned(user_input))
        return self.async_show_form(
            step_id="reauth_confirm",
            data_schema=TOKEN_SCHEMA,
            **explained(fault, TOKEN_SCHEMA, url=entry.data[CONF_URL]),
        )

    async def async_step_reauth_camera(self, user_input: Form | None = None) -> ConfigFlowResult:
        """Ask for credentials that the camera accepts, and try them."""
        entry = self._get_reauth_entry()
        subentry = entry.subentries.get(self._camera_id)
        if subentry is None:
            return self.async_abort(reason="camera_removed")
        if entry.state is not ConfigEntryState.LOADED:
            return self.async_abort(reason="entry_not_loaded")
        draft = CameraDraft.from_subentry(subentry)
        fault = None
        if user_input is not None:
            draft = draft.with_credentials(user_input[CONF_USERNAME], user_input[CONF_PASSWORD])
            try:
                await async_try_camera(entry.runtime_data.client, draft, still=False)
            except FormFaultError as err:
                fault = err
            else:
                self.hass.config_entries.async_update_subentry(entry, subentry, data=draft.data())
                return self.async_abort(reason="reauth_successful", translation_domain=HOMEASSISTANT_DOMAIN)
        return self.async_show_form(
            step_id="reauth_camera",
            data_schema=self.add_suggested_values_to_schema(CREDENTIALS_SCHEMA, {CONF_USERNAME: draft.username or ""}),
            **explained(fault, CREDENTIALS_SCHEMA, camera=subentry.title, url=draft.url),
        )

    async def _async_meet_same(self, entry: ConfigEntry, updates: Form) -> None:
        """Refuse a recorder that cannot be used, or that is another one than the entry's."""
        status = await async_meet(self.hass, {**entry.data, **updates})
        if status.store_id != entry.unique_id:
            raise FormFaultError(FORM, "different_recorder")

    def _async_update(self, entry: ConfigEntry, updates: Form) -> ConfigFlowResult:
        """Keep the changes. A loaded entry's update listener reloads it; one that is not loaded has none."""
        if entry.update_listeners:
            return self.async_update_and_abort(entry, data_updates=updates)
        return self.async_update_reload_and_abort(entry, data_updates=updates)


def _checked_limits(entry: LibraryConfigEntry, form: Form) -> Limits:
    """Return the limits of a form; refuse those that do not fit the volume, as far as the recorder has told of it."""
    limits = Limits.of(form)
    limits.check()
    if entry.state is ConfigEntryState.LOADED:
        for volume in entry.runtime_data.coordinator.data.volumes.values():
            limits.check_fit(volume.total_bytes, volume.free_bytes + volume.used_bytes)
    return limits
