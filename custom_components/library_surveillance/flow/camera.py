"""The camera subentry's flow: fill in, try through the recorder, look at the picture, then save.

Nothing is stored before the camera has shown what it sends; every error leaves all as it was.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from homeassistant.config_entries import SOURCE_RECONFIGURE, ConfigEntryState, ConfigSubentryFlow, SubentryFlowResult
from homeassistant.const import CONF_URL

from recorder_core.errors import CameraError

from .address import camera_key, parse_address
from .camera_draft import CameraDraft
from .fault import FormFaultError, explained
from .forms import CAMERA_SCHEMA, SECTION_RETENTION
from .keeping import Keeping
from .name import check_name
from .trial import CameraTrial, async_describe, async_try_camera

if TYPE_CHECKING:
    from custom_components.library_surveillance.coordinator import LibraryConfigEntry

    from .forms import Form


class CameraFlow(ConfigSubentryFlow):
    """Adds a camera or changes one."""

    _trial: CameraTrial

    def __init__(self) -> None:
        """Start with an empty form."""
        self._draft = CameraDraft()

    async def async_step_user(self, user_input: Form | None = None) -> SubentryFlowResult:
        """Ask for a new camera."""
        return await self._async_form("user", user_input)

    async def async_step_reconfigure(self, user_input: Form | None = None) -> SubentryFlowResult:
        """Ask what to change about a camera."""
        if not self._draft.url:
            self._draft = CameraDraft.from_subentry(self._get_reconfigure_subentry())
        return await self._async_form("reconfigure", user_input)

    async def async_step_trial(self, _: Form | None = None) -> SubentryFlowResult:
        """Show what the camera sends; the next step saves it or goes back to the form."""
        return self.async_show_menu(
            step_id="trial",
            menu_options=["save", str(self.source)],
            description_placeholders=await async_describe(self.hass, self._trial, self._camera_id, self._keeping),
        )

    async def async_step_save(self, _: Form | None = None) -> SubentryFlowResult:
        """Store the camera; the update listener takes it to the recorder."""
        draft = self._draft
        if self.source == SOURCE_RECONFIGURE:
            return self.async_update_and_abort(
                self._get_entry(),
                self._get_reconfigure_subentry(),
                title=draft.name,
                data=draft.data(),
                unique_id=camera_key(draft.url),
            )
        return self.async_create_entry(title=draft.name, data=draft.data(), unique_id=camera_key(draft.url))

    @property
    def _camera_id(self) -> str | None:
        """The id of the camera that is changed, None for a new one."""
        return self._reconfigure_subentry_id if self.source == SOURCE_RECONFIGURE else None

    @property
    def _keeping(self) -> Keeping:
        """The camera's rules, and the library's where it has none."""
        return self._draft.keeping.over(Keeping.of(self._get_entry().options))

    async def _async_form(self, step_id: str, user_input: Form | None) -> SubentryFlowResult:
        """Show the form until the camera answers; what was typed stays, but for the password."""
        entry: LibraryConfigEntry = self._get_entry()
        if entry.state is not ConfigEntryState.LOADED:
            return self.async_abort(reason="entry_not_loaded")
        fault = None
        if user_input is not None:
            self._draft = self._draft.typed(user_input)
            try:
                self._check()
                self._trial = await async_try_camera(entry.runtime_data.client, self._draft)
            except FormFaultError as err:
                fault = err
            else:
                return await self.async_step_trial()
        return self.async_show_form(
            step_id=step_id,
            data_schema=self.add_suggested_values_to_schema(CAMERA_SCHEMA, self._draft.form_values()),
            **explained(fault, CAMERA_SCHEMA),
        )

    def _check(self) -> None:
        """Refuse what can be refused without asking the camera; take credentials out of the address."""
        check_name(self._draft.name)
        self._keeping.check(SECTION_RETENTION)
        try:
            self._draft = self._draft.at(parse_address(self._draft.url))
        except CameraError:
            raise FormFaultError(CONF_URL, "bad_url") from None  # its cause may quote a password
        key = camera_key(self._draft.url)
        if any(
            subentry.unique_id == key and subentry.subentry_id != self._camera_id
            for subentry in self._get_entry().subentries.values()
        ):
            raise FormFaultError(CONF_URL, "duplicate_url")
