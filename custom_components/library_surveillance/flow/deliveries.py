"""The steps of the options for delivery folders: where copies of exports go, so that people can take them from there.

A folder must be there and must not lie where Home Assistant serves files to its users. The recorder is asked before a
change is kept: it marks a folder as its own, and keeps one that copies still lie in. A refusal changes nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from homeassistant.config_entries import ConfigEntryState, OptionsFlow
from homeassistant.const import CONF_NAME, CONF_PATH
from homeassistant.helpers.translation import async_get_translations

from custom_components.library_surveillance.const import CONF_DELIVERY_FOLDERS, DOMAIN
from custom_components.library_surveillance.errors import placeholders_of
from recorder_core.errors import ErrorCode, RecorderError
from recorder_core.models import LONGEST_FOLDER_NAME, is_folder_name

from .fault import FORM, FormFaultError, explained
from .folders import Neighbours, resolved
from .forms import CONF_FOLDER, DELIVERY_FOLDER_SCHEMA, delivery_folder_choice

if TYPE_CHECKING:
    from homeassistant.config_entries import ConfigFlowResult

    from custom_components.library_surveillance.coordinator import LibraryConfigEntry

    from .forms import Form

# Where and how the dialog shows what the recorder says against a change; all else reads "recorder_refused".
_ERRORS: Final = {
    ErrorCode.DELIVERY_FOLDER_MISSING: (CONF_PATH, "delivery_folder_missing"),
    ErrorCode.DELIVERY_FOLDER_IN_USE: (FORM, "delivery_folder_in_use"),
    ErrorCode.RECORDER_UNREACHABLE: (FORM, "recorder_unreachable"),
}


class DeliverySteps(OptionsFlow):
    """Adds a delivery folder, or takes one out."""

    async def async_step_add_delivery_folder(self, user_input: Form | None = None) -> ConfigFlowResult:
        """Ask for a folder that is there."""
        if not self._is_loaded:
            return self.async_abort(reason="entry_not_loaded")
        fault = None
        if user_input is not None:
            try:
                folder = await self._async_checked(user_input)
                return await self._async_keep([*self._folders, folder])
            except FormFaultError as err:
                fault = err
        return self.async_show_form(
            step_id="add_delivery_folder",
            data_schema=self.add_suggested_values_to_schema(DELIVERY_FOLDER_SCHEMA, user_input),
            **explained(fault, DELIVERY_FOLDER_SCHEMA),
        )

    async def async_step_remove_delivery_folder(self, user_input: Form | None = None) -> ConfigFlowResult:
        """Ask which folder gets no more copies. What others put there stays."""
        if not self._is_loaded:
            return self.async_abort(reason="entry_not_loaded")
        schema = delivery_folder_choice(self._folders)
        fault = None
        if user_input is not None:
            try:
                return await self._async_keep(
                    [one for one in self._folders if one[CONF_NAME] != user_input[CONF_FOLDER]]
                )
            except FormFaultError as err:
                fault = err
        return self.async_show_form(
            step_id="remove_delivery_folder",
            data_schema=self.add_suggested_values_to_schema(schema, user_input),
            **explained(fault, schema),
        )

    async def _async_show_menu(self, others: list[str]) -> ConfigFlowResult:
        """Show the folders that there are, and offer these steps behind others."""
        steps = [*others, "add_delivery_folder"]
        if self._folders:
            steps.append("remove_delivery_folder")
            shown = "\n".join(f"- **{folder[CONF_NAME]}**: {folder[CONF_PATH]}" for folder in self._folders)
        else:
            shown = await self._async_word("no_folders")
        return self.async_show_menu(step_id="init", menu_options=steps, description_placeholders={"folders": shown})

    async def _async_word(self, key: str) -> str:
        """Return a word that stands where a figure is not known or a list is empty."""
        words = await async_get_translations(self.hass, self.hass.config.language, "selector", {DOMAIN})
        return words[f"component.{DOMAIN}.selector.trial.options.{key}"]

    @property
    def _is_loaded(self) -> bool:
        return self.config_entry.state is ConfigEntryState.LOADED

    @property
    def _folders(self) -> list[dict[str, str]]:
        return list(self.config_entry.options.get(CONF_DELIVERY_FOLDERS, ()))

    async def _async_checked(self, form: Form) -> dict[str, str]:
        """Return a filled-in form as it is kept. Raises `FormFaultError`."""
        name = form[CONF_NAME].strip()
        if not is_folder_name(name):
            raise FormFaultError(CONF_NAME, "delivery_name_unusable", most=str(LONGEST_FOLDER_NAME))
        if any(folder[CONF_NAME] == name for folder in self._folders):
            raise FormFaultError(CONF_NAME, "delivery_name_taken")
        path = await self.hass.async_add_executor_job(resolved, CONF_PATH, form[CONF_PATH], Neighbours.of(self.hass))
        return {CONF_NAME: name, CONF_PATH: str(path)}

    async def _async_keep(self, folders: list[dict[str, str]]) -> ConfigFlowResult:
        """Have the recorder take these folders, and keep them. Raises `FormFaultError`."""
        entry: LibraryConfigEntry = self.config_entry
        options = {**entry.options, CONF_DELIVERY_FOLDERS: folders}
        try:
            await entry.runtime_data.coordinator.async_apply_options(options)
        except RecorderError as err:
            field, key = _ERRORS.get(err.code, (FORM, "recorder_refused"))
            raise FormFaultError(field, key, **placeholders_of(err)) from err
        return self.async_create_entry(data=options)
