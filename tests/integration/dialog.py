"""A dialog of the config flow as a person's browser gets it, held against the translations at every step.

Each field, option, error and abort has its sentence, each sentence gets all its values, each field its explanation.
"""

from __future__ import annotations

import json
from string import Formatter
from typing import TYPE_CHECKING, Any, Self

import probatio
from homeassistant.config_entries import SOURCE_REAUTH, SOURCE_RECONFIGURE, SOURCE_USER
from homeassistant.core import DOMAIN as HOMEASSISTANT_DOMAIN
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.translation import async_get_translations

from custom_components.library_surveillance.const import DOMAIN, SUBENTRY_CAMERA

if TYPE_CHECKING:
    from collections.abc import Mapping

    from homeassistant.config_entries import ConfigEntry
    from homeassistant.core import HomeAssistant


class Dialog:
    """One flow from its first step to its end."""

    def __init__(self, hass: HomeAssistant, category: str) -> None:
        """Belong to the config flow or, with the category `config_subentries.camera` or `options`, to another one."""
        self.hass = hass
        self.category = category
        # Any: the managers share no type, and a result is a dictionary of all that a browser is told
        managers: dict[str, Any] = {"config": hass.config_entries.flow, "options": hass.config_entries.options}
        self.manager: Any = managers.get(category, hass.config_entries.subentries)
        self.result: dict[str, Any] = {}

    @classmethod
    async def add_library(cls, hass: HomeAssistant, *choices: str) -> Self:
        """Open the dialog that adds a library, and follow these menu options."""
        dialog = cls(hass, "config")
        await dialog._take(await dialog.manager.async_init(DOMAIN, context={"source": SOURCE_USER}))
        for choice in choices:
            await dialog.choose(choice)
        return dialog

    @classmethod
    async def change_library(cls, hass: HomeAssistant, entry: ConfigEntry) -> Self:
        """Open the dialog that changes a library."""
        dialog = cls(hass, "config")
        context = {"source": SOURCE_RECONFIGURE, "entry_id": entry.entry_id}
        await dialog._take(await dialog.manager.async_init(DOMAIN, context=context))
        return dialog

    @classmethod
    async def change_options(cls, hass: HomeAssistant, entry: ConfigEntry) -> Self:
        """Open the dialog of a library's options."""
        dialog = cls(hass, "options")
        await dialog._take(await dialog.manager.async_init(entry.entry_id))
        return dialog

    @classmethod
    async def reauth(cls, hass: HomeAssistant, entry: ConfigEntry, data: Mapping[str, str] | None = None) -> Self:
        """Open the dialog that the integration starts when a secret is refused."""
        entry.async_start_reauth(hass, data=dict(data or {}))
        await hass.async_block_till_done()
        return await cls.resume(hass)

    @classmethod
    async def resume(cls, hass: HomeAssistant) -> Self:
        """Open the one reauthentication that waits for somebody."""
        dialog = cls(hass, "config")
        [flow] = hass.config_entries.flow.async_progress_by_handler(DOMAIN)
        assert flow["context"]["source"] == SOURCE_REAUTH
        await dialog._take(await dialog.manager.async_configure(flow["flow_id"]))
        return dialog

    @classmethod
    async def add_camera(cls, hass: HomeAssistant, entry: ConfigEntry) -> Self:
        """Open the dialog that adds a camera."""
        dialog = cls(hass, f"config_subentries.{SUBENTRY_CAMERA}")
        handler = (entry.entry_id, SUBENTRY_CAMERA)
        await dialog._take(await dialog.manager.async_init(handler, context={"source": SOURCE_USER}))
        return dialog

    @classmethod
    async def change_camera(cls, hass: HomeAssistant, entry: ConfigEntry, camera_id: str) -> Self:
        """Open the dialog that changes a camera."""
        dialog = cls(hass, f"config_subentries.{SUBENTRY_CAMERA}")
        handler = (entry.entry_id, SUBENTRY_CAMERA)
        context = {"source": SOURCE_RECONFIGURE, "subentry_id": camera_id}
        await dialog._take(await dialog.manager.async_init(handler, context=context))
        return dialog

    async def submit(self, **form: object) -> Self:
        """Send a filled-in form."""
        await self._take(await self.manager.async_configure(self.result["flow_id"], form))
        return self

    async def choose(self, option: str) -> Self:
        """Click a menu option."""
        await self._take(await self.manager.async_configure(self.result["flow_id"], {"next_step_id": option}))
        return self

    async def look_again(self) -> Self:
        """Load the page anew."""
        await self._take(await self.manager.async_configure(self.result["flow_id"]))
        return self

    def close(self) -> None:
        """Close the window without an answer."""
        self.manager.async_abort(self.result["flow_id"])

    @property
    def step(self) -> str:
        """The step that is shown."""
        return str(self.result["step_id"])

    @property
    def errors(self) -> dict[str, str]:
        """What is refused, by field."""
        return dict(self.result["errors"] or {})

    @property
    def values(self) -> dict[str, str]:
        """What stands in the step's sentences."""
        return dict(self.result["description_placeholders"] or {})

    @property
    def options(self) -> list[str]:
        """The menu's options."""
        return list(self.result["menu_options"])

    @property
    def created(self) -> bool:
        """Whether the dialog ended by creating something."""
        return self.result["type"] is FlowResultType.CREATE_ENTRY

    @property
    def abort_reason(self) -> str | None:
        """Why the dialog ended without creating anything, None if it did not."""
        return self.result["reason"] if self.result["type"] is FlowResultType.ABORT else None

    def shown(self) -> dict[str, object]:
        """What stands in the form's fields when it is shown; fields of sections by their own names."""
        return {
            field["name"]: field["description"]["suggested_value"]
            for field in self._fields()
            if "suggested_value" in (field.get("description") or {})
        }

    def _fields(self) -> list[dict[str, Any]]:
        """Return all fields as they travel to a browser."""
        return [inner for field in self._items() for inner in field.get("schema", [field])]

    def _items(self) -> list[dict[str, Any]]:
        """Return the form's fields and sections as they travel to a browser."""
        items = probatio.to_field_list(self.result["data_schema"], custom_serializer=cv.custom_serializer)
        travelled: list[dict[str, Any]] = json.loads(json.dumps(items))
        return travelled

    async def _take(self, result: dict[str, Any]) -> None:
        """Keep an answer of the flow and hold it against the translations."""
        self.result = result
        if result["type"] is FlowResultType.FORM:
            await self._check_form()
        elif result["type"] is FlowResultType.MENU:
            for option in result["menu_options"]:
                await self._check(f"step.{self.step}.menu_options.{option}")
            await self._check(f"step.{self.step}.description")
            await self._check(f"step.{self.step}.title", gaps_filled=False)
        elif result["type"] is FlowResultType.ABORT and result.get("translation_domain") != HOMEASSISTANT_DOMAIN:
            await self._check(f"abort.{result['reason']}")

    async def _check_form(self) -> None:
        step = f"step.{self.step}"
        await self._check(f"{step}.title")
        fields = self._items()
        names = {field["name"] for field in fields}
        for field in fields:
            if "schema" in field:
                await self._check(f"{step}.sections.{field['name']}.name")
                for inner in field["schema"]:
                    await self._check_field(f"{step}.sections.{field['name']}", inner)
            else:
                await self._check_field(step, field)
        for place, error in self.errors.items():
            assert place in names | {"base"}, f"nobody sees an error at {place}"
            await self._check(f"error.{error}")

    async def _check_field(self, step: str, field: dict[str, Any]) -> None:
        await self._check(f"{step}.data.{field['name']}")
        await self._check(f"{step}.data_description.{field['name']}")
        select = field.get("selector", {}).get("select", {})
        if key := select.get("translation_key"):
            sentences = await async_get_translations(self.hass, "en", "selector", {DOMAIN})
            for option in select["options"]:
                assert sentences[f"component.{DOMAIN}.selector.{key}.options.{option}"]

    async def _check(self, key: str, *, gaps_filled: bool = True) -> None:
        """Assert that a sentence exists and that the step has a value for each of its gaps.

        Home Assistant's frontend fills no gap in the title of a menu.
        """
        category = self.category.partition(".")[0]
        sentences = await async_get_translations(self.hass, "en", category, {DOMAIN})
        sentence = sentences[f"component.{DOMAIN}.{self.category}.{key}"]
        gaps = {name for _, name, _, _ in Formatter().parse(sentence) if name}
        assert gaps <= (set(self.values) if gaps_filled else set()), (key, gaps)
