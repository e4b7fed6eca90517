"""The config flow: one entry is one library with its recorder; cameras are subentries (`flow.camera`).

Nothing is created before the last step, and every refusal leaves all as it was. An entry is unique by its recorder's
data folder, or by the store of a recorder that others run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from homeassistant.const import CONF_NAME, CONF_TOKEN
from homeassistant.core import callback

from .const import (
    CONF_FOOTAGE_PATH,
    CONF_INDEX_PATH,
    CONF_RECORDER,
    DOMAIN,
    SUBENTRY_CAMERA,
    RecorderKind,
)
from .flow.camera import CameraFlow
from .flow.change import ChangeSteps
from .flow.estimate import bytes_per_day, shown_days, shown_gb, usable_on
from .flow.fault import FormFaultError, explained
from .flow.folders import Neighbours, Room, find_room, take_room
from .flow.forms import (
    CONF_CAMERAS,
    CONF_MBIT_S,
    LIBRARY_SCHEMA,
    LOCAL_SCHEMA,
    MOST_CAMERAS,
    MOST_MBIT_S,
    PROFILE_SCHEMA,
    SOCKET_SCHEMA,
    URL_SCHEMA,
)
from .flow.limits import Limits
from .flow.name import check_name
from .flow.options import LibraryOptionsFlow
from .flow.recorder import async_meet, cleaned

if TYPE_CHECKING:
    import probatio as vol
    from homeassistant.config_entries import ConfigEntry, ConfigFlowResult, ConfigSubentryFlow

    from recorder_core.models import RecorderStatus

    from .flow.forms import Form


class LibraryConfigFlow(ChangeSteps, domain=DOMAIN):
    """Sets up a library: its recorder, its profile, its name."""

    _room: Room
    _recorder: RecorderStatus

    def __init__(self) -> None:
        """Start with empty forms."""
        self._kind = RecorderKind.LOCAL
        # What was typed into each form, for the way back from the summary.
        self._typed: dict[str, Form] = {}

    @classmethod
    @callback
    def async_get_supported_subentry_types(cls, _: ConfigEntry) -> dict[str, type[ConfigSubentryFlow]]:
        """Return what a library has many of."""
        return {SUBENTRY_CAMERA: CameraFlow}

    @staticmethod
    @callback
    def async_get_options_flow(_: ConfigEntry) -> LibraryOptionsFlow:
        """Return the dialog for what holds for the whole library."""
        return LibraryOptionsFlow()

    async def async_step_user(self, _: Form | None = None) -> ConfigFlowResult:
        """Ask who runs the recorder; a step for each answer follows."""
        return self.async_show_menu(step_id="user", menu_options=[kind.value for kind in RecorderKind])

    async def async_step_local(self, user_input: Form | None = None) -> ConfigFlowResult:
        """Ask where the footage goes and how much of it there may be."""
        fault = None
        if user_input is not None:
            self._kind = RecorderKind.LOCAL
            self._typed["local"] = user_input
            try:
                self._room = await self.hass.async_add_executor_job(find_room, user_input, Neighbours.of(self.hass))
            except FormFaultError as err:
                fault = err
            else:
                await self.async_set_unique_id(f"local:{self._room.index}")
                return await self.async_step_profile()
        return self._show("local", LOCAL_SCHEMA, fault)

    async def async_step_socket(self, user_input: Form | None = None) -> ConfigFlowResult:
        """Ask for the Unix socket of a recorder that runs on this machine."""
        return await self._async_step_recorder(RecorderKind.SOCKET, SOCKET_SCHEMA, user_input)

    async def async_step_url(self, user_input: Form | None = None) -> ConfigFlowResult:
        """Ask for address and token of a recorder that runs elsewhere."""
        return await self._async_step_recorder(RecorderKind.URL, URL_SCHEMA, user_input)

    async def _async_step_recorder(
        self, kind: RecorderKind, schema: vol.Schema, user_input: Form | None
    ) -> ConfigFlowResult:
        fault = None
        if user_input is not None:
            self._kind = kind
            self._typed[kind] = cleaned(user_input)
            try:
                self._recorder = await async_meet(self.hass, {CONF_RECORDER: kind, **self._typed[kind]})
            except FormFaultError as err:
                fault = err
            else:
                await self.async_set_unique_id(self._recorder.store_id)
                self._abort_if_unique_id_configured()
                if self._is_run_here(self._recorder.store_id):
                    return self.async_abort(reason="already_configured")
                return await self.async_step_profile()
        return self._show(kind, schema, fault)

    async def async_step_profile(self, user_input: Form | None = None) -> ConfigFlowResult:
        """Ask whose rules will hold."""
        if user_input is not None:
            self._typed["profile"] = user_input
            return await self.async_step_library()
        return self._show("profile", PROFILE_SCHEMA, None)

    async def async_step_library(self, user_input: Form | None = None) -> ConfigFlowResult:
        """Ask for the library's name, and for what the estimate of days needs."""
        fault = None
        if user_input is not None:
            self._typed["library"] = {**user_input, CONF_NAME: user_input[CONF_NAME].strip()}
            try:
                _check_library(self._typed["library"])
            except FormFaultError as err:
                fault = err
            else:
                if self._kind is RecorderKind.LOCAL:
                    return await self.async_step_confirm_local()
                return await self.async_step_confirm_recorder()
        return self._show("library", LIBRARY_SCHEMA, fault)

    async def async_step_confirm_local(self, _: Form | None = None) -> ConfigFlowResult:
        """Show where the footage goes and how long it will last."""
        room = self._room
        return self._show_summary(
            "confirm_local",
            Limits.of(self._typed["local"]).usable(room.free_bytes),
            footage=str(room.footage),
            index=str(room.index),
            filesystem=room.filesystem,
            total_gb=shown_gb(room.total_bytes),
            free_gb=shown_gb(room.free_bytes),
        )

    async def async_step_confirm_recorder(self, _: Form | None = None) -> ConfigFlowResult:
        """Show which recorder answered and how long its footage will last."""
        recorder = self._recorder
        return self._show_summary(
            "confirm_recorder",
            usable_on(recorder.volumes),
            version=recorder.version,
            folders=", ".join(volume.path for volume in recorder.volumes),
            known_cameras=str(len(recorder.cameras)),
            total_gb=shown_gb(sum(volume.total_bytes for volume in recorder.volumes)),
            free_gb=shown_gb(sum(volume.free_bytes for volume in recorder.volumes)),
        )

    async def async_step_create(self, _: Form | None = None) -> ConfigFlowResult:
        """Create the entry, and for a local recorder its folders."""
        typed = self._typed[self._kind]
        data: Form = typed
        if self._kind is RecorderKind.LOCAL:
            try:
                await self.hass.async_add_executor_job(take_room, typed, Neighbours.of(self.hass))
            except FormFaultError as err:
                return self._show("local", LOCAL_SCHEMA, err)
            data = {
                CONF_FOOTAGE_PATH: str(self._room.footage),
                CONF_INDEX_PATH: str(self._room.index),
                **Limits.of(typed).data(),
            }
        return self.async_create_entry(
            title=self._typed["library"][CONF_NAME],
            data={CONF_RECORDER: self._kind.value, **data, **self._typed["profile"]},
        )

    def _show(self, step_id: str, schema: vol.Schema, fault: FormFaultError | None) -> ConfigFlowResult:
        """Show a form with what was typed, but for the token."""
        shown = {key: value for key, value in self._typed.get(step_id, {}).items() if key != CONF_TOKEN}
        return self.async_show_form(
            step_id=step_id,
            data_schema=self.add_suggested_values_to_schema(schema, shown),
            **explained(fault, schema),
        )

    def _show_summary(self, step_id: str, usable: int, **values: str) -> ConfigFlowResult:
        """Show what will be, and how many days of footage fit."""
        library = self._typed["library"]
        per_day = bytes_per_day(library[CONF_CAMERAS] * library[CONF_MBIT_S] * 1_000_000)
        return self.async_show_menu(
            step_id=step_id,
            menu_options=["create", "library", self._kind.value],
            description_placeholders={
                "library": library[CONF_NAME],
                "cameras": f"{library[CONF_CAMERAS]:g}",
                "mbit_s": f"{library[CONF_MBIT_S]:g}",
                "usable_gb": shown_gb(usable),
                "gb_per_day": shown_gb(per_day),
                "days": shown_days(usable, per_day),
                **values,
            },
        )

    def _is_run_here(self, store_id: str) -> bool:
        """Return whether an entry whose recorder Home Assistant runs has this store."""
        return any(
            entry.runtime_data.coordinator.data.recorder.store_id == store_id
            for entry in self.hass.config_entries.async_loaded_entries(DOMAIN)
        )


def _check_library(form: Form) -> None:
    """Refuse names that will not do and figures that no estimate can use. Raises `FormFaultError`."""
    check_name(form[CONF_NAME])
    if form[CONF_CAMERAS] not in range(1, MOST_CAMERAS + 1):
        raise FormFaultError(CONF_CAMERAS, "cameras_out_of_range", most=str(MOST_CAMERAS))
    if not 0 < form[CONF_MBIT_S] <= MOST_MBIT_S:
        raise FormFaultError(CONF_MBIT_S, "mbit_s_out_of_range", most=str(MOST_MBIT_S))
