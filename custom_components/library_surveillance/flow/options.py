"""The options of a library: how long footage, exports and copies are kept, and the folders that copies go to.

The form says how many days the storage holds at the rate at which the cameras write now. A recorder that others run
has its own rules for exports, and its own delivery folders.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from homeassistant.config_entries import ConfigEntryState

from custom_components.library_surveillance.cameras import camera_subentries
from custom_components.library_surveillance.const import (
    CONF_DELIVERY_DAYS,
    CONF_DELIVERY_FOLDERS,
    CONF_EXPORT_DAYS,
    CONF_EXPORT_QUOTA_GB,
    CONF_RECORDER,
    RecorderKind,
)

from .deliveries import DeliverySteps
from .estimate import shown_days, shown_gb, usable_on
from .fault import FORM, FormFaultError, explained
from .forms import LOCAL_RETENTION_SCHEMA, RETENTION_SCHEMA
from .keeping import Keeping, check_days, check_delivery_days, check_quota

if TYPE_CHECKING:
    from homeassistant.config_entries import ConfigEntry, ConfigFlowResult

    from custom_components.library_surveillance.coordinator import LibraryConfigEntry

    from .forms import Form


class LibraryOptionsFlow(DeliverySteps):
    """Asks for the rules, and in steps of their own for delivery folders."""

    async def async_step_init(self, _: Form | None = None) -> ConfigFlowResult:
        """Offer what can be changed. Where others run the recorder these are the rules for footage only."""
        if not self._is_local:
            return await self.async_step_rules()
        return await self._async_show_menu(["rules"])

    async def async_step_rules(self, user_input: Form | None = None) -> ConfigFlowResult:
        """Ask until the rules make sense; the update listener takes them to the recorder."""
        entry: LibraryConfigEntry = self.config_entry
        schema = LOCAL_RETENTION_SCHEMA if self._is_local else RETENTION_SCHEMA
        fault = None
        if user_input is not None:
            try:
                _check(entry, user_input)
            except FormFaultError as err:
                fault = err
            else:
                kept = {key: value for key, value in entry.options.items() if key == CONF_DELIVERY_FOLDERS}
                return self.async_create_entry(data={**user_input, **kept})
        shown = entry.options if user_input is None else user_input
        return self.async_show_form(
            step_id="rules",
            data_schema=self.add_suggested_values_to_schema(schema, shown),
            **explained(fault, schema, **await self._async_figures(entry)),
        )

    @property
    def _is_local(self) -> bool:
        return RecorderKind(self.config_entry.data[CONF_RECORDER]) is RecorderKind.LOCAL

    async def _async_figures(self, entry: LibraryConfigEntry) -> dict[str, str]:
        """Return what the form says of the library's storage, as far as the recorder has told of it."""
        unknown = await self._async_word("unknown")
        figures = {"usable_gb": unknown, "gb_per_day": unknown, "days": unknown}
        if entry.state is ConfigEntryState.LOADED:
            picture = entry.runtime_data.coordinator.data
            usable = usable_on(picture.volumes.values())
            figures["usable_gb"] = shown_gb(usable)
            if per_day := sum(camera.bytes_per_day or 0 for camera in picture.cameras.values()):
                figures |= {"gb_per_day": shown_gb(per_day), "days": shown_days(usable, per_day)}
        return figures


def _check(entry: ConfigEntry, form: Form) -> None:
    """Refuse rules that make no sense, alone or beside a camera's own ones. Raises `FormFaultError`."""
    library = Keeping.of(form)
    library.check()
    check_days(form.get(CONF_EXPORT_DAYS), CONF_EXPORT_DAYS)
    check_quota(form.get(CONF_EXPORT_QUOTA_GB), CONF_EXPORT_QUOTA_GB)
    check_delivery_days(form.get(CONF_DELIVERY_DAYS), CONF_DELIVERY_DAYS)
    for camera in camera_subentries(entry):
        try:
            Keeping.of(camera.data).over(library).check()
        except FormFaultError as err:
            raise FormFaultError(FORM, "contradicts_camera", camera=camera.title) from err
