"""The forms of the config flow: fields, selectors, defaults. Every field has its sentence in `translations/`.

Limits are checked by the flow and not by the selectors, so that each refusal is a translated sentence.
Where a refused field lies in a section, the error is shown at the section: Home Assistant shows none inside.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from homeassistant.const import (
    CONF_NAME,
    CONF_PASSWORD,
    CONF_PATH,
    CONF_TOKEN,
    CONF_URL,
    CONF_USERNAME,
    CONF_VERIFY_SSL,
)
from homeassistant.data_entry_flow import section
from homeassistant.helpers.selector import (
    BooleanSelector,
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    TextSelector,
    TextSelectorConfig,
    TextSelectorType,
)

from custom_components.library_surveillance.const import (
    CONF_DELIVERY_DAYS,
    CONF_DESTROY_AFTER_DAYS,
    CONF_EXPORT_DAYS,
    CONF_EXPORT_QUOTA_GB,
    CONF_EXPOSE_VIDEO,
    CONF_FOOTAGE_PATH,
    CONF_INDEX_PATH,
    CONF_MAX_GB,
    CONF_MIN_FREE_GB,
    CONF_MINIMUM_DAYS,
    CONF_PROFILE,
    CONF_QUOTA_GB,
    CONF_RETENTION_DAYS,
    CONF_SOCKET,
    CONF_SOURCE,
    Profile,
    RecorderKind,
)
from recorder_core.models import SourceKind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import probatio as vol  # the engine that answers to the name below, and that Home Assistant's annotations name
else:
    import voluptuous as vol

type Form = dict[str, Any]  # Any: whatever the schema of a form lets through

SECTION_ADVANCED: Final = "advanced"
SECTION_RETENTION: Final = "retention"
CONF_FOLDER: Final = "folder"
CONF_CAMERAS: Final = "cameras"
CONF_MBIT_S: Final = "mbit_s"
DEFAULT_MIN_FREE_GB: Final = 10
DEFAULT_CAMERAS: Final = 11
DEFAULT_MBIT_S: Final = 4
MOST_CAMERAS: Final = 1000
MOST_MBIT_S: Final = 1000

_TEXT: Final = TextSelector(TextSelectorConfig(autocomplete="off"))
_SECRET: Final = TextSelector(TextSelectorConfig(type=TextSelectorType.PASSWORD, autocomplete="new-password"))


def _number(unit: str | None = None, translation_key: str | None = None) -> NumberSelector:
    """Return a field for a number. A unit that is a word has its translations under a key."""
    config = NumberSelectorConfig(mode=NumberSelectorMode.BOX, step="any")
    if unit is not None:
        config["unit_of_measurement"] = unit
    if translation_key is not None:
        config["translation_key"] = translation_key
    return NumberSelector(config)


_DAY_COUNT: Final = _number("days", "days")


_LIMITS: Final = {
    vol.Required(CONF_MIN_FREE_GB, default=DEFAULT_MIN_FREE_GB): _number("GB"),
    vol.Optional(CONF_MAX_GB): _number("GB"),
}
_DAYS: Final = {
    vol.Optional(CONF_RETENTION_DAYS): _DAY_COUNT,
    vol.Optional(CONF_MINIMUM_DAYS): _DAY_COUNT,
    vol.Optional(CONF_DESTROY_AFTER_DAYS): _DAY_COUNT,
}
_PROFILE: Final = {
    vol.Required(CONF_PROFILE): SelectSelector(
        SelectSelectorConfig(
            options=[profile.value for profile in Profile],
            mode=SelectSelectorMode.LIST,
            translation_key="profile",
        )
    )
}
_SOCKET: Final = {vol.Required(CONF_SOCKET): _TEXT}
_URL: Final = {vol.Required(CONF_URL): TextSelector(TextSelectorConfig(type=TextSelectorType.URL))}

LOCAL_SCHEMA: Final = vol.Schema(
    {
        vol.Required(CONF_FOOTAGE_PATH): _TEXT,
        **_LIMITS,
        vol.Required(SECTION_ADVANCED): section(
            vol.Schema({vol.Optional(CONF_INDEX_PATH): _TEXT}), {"collapsed": True}
        ),
    }
)
SOCKET_SCHEMA: Final = vol.Schema(_SOCKET)
URL_SCHEMA: Final = vol.Schema({**_URL, vol.Required(CONF_TOKEN): _SECRET})
PROFILE_SCHEMA: Final = vol.Schema(_PROFILE)
LIBRARY_SCHEMA: Final = vol.Schema(
    {
        vol.Required(CONF_NAME): _TEXT,
        vol.Required(CONF_CAMERAS, default=DEFAULT_CAMERAS): _number(),
        vol.Required(CONF_MBIT_S, default=DEFAULT_MBIT_S): _number("Mbit/s"),
    }
)
RECONFIGURE_SCHEMAS: Final = {
    RecorderKind.LOCAL: vol.Schema({**_LIMITS, **_PROFILE}),
    RecorderKind.SOCKET: vol.Schema({**_SOCKET, **_PROFILE}),
    RecorderKind.URL: vol.Schema({**_URL, vol.Optional(CONF_TOKEN): _SECRET, **_PROFILE}),
}
RETENTION_SCHEMA: Final = vol.Schema(_DAYS)
LOCAL_RETENTION_SCHEMA: Final = vol.Schema(
    {
        **_DAYS,
        vol.Optional(CONF_EXPORT_DAYS): _DAY_COUNT,
        vol.Optional(CONF_EXPORT_QUOTA_GB): _number("GB"),
        vol.Optional(CONF_DELIVERY_DAYS): _DAY_COUNT,
    }
)
DELIVERY_FOLDER_SCHEMA: Final = vol.Schema({vol.Required(CONF_NAME): _TEXT, vol.Required(CONF_PATH): _TEXT})
TOKEN_SCHEMA: Final = vol.Schema({vol.Required(CONF_TOKEN): _SECRET})
CREDENTIALS_SCHEMA: Final = vol.Schema({vol.Required(CONF_USERNAME): _TEXT, vol.Required(CONF_PASSWORD): _SECRET})
CAMERA_SCHEMA: Final = vol.Schema(
    {
        vol.Required(CONF_NAME): _TEXT,
        vol.Required(CONF_URL): _TEXT,
        vol.Optional(CONF_USERNAME): _TEXT,
        vol.Optional(CONF_PASSWORD): _SECRET,
        vol.Required(CONF_EXPOSE_VIDEO, default=False): BooleanSelector(),
        vol.Required(SECTION_RETENTION, default=dict): section(
            vol.Schema({**_DAYS, vol.Optional(CONF_QUOTA_GB): _number("GB")}), {"collapsed": True}
        ),
        vol.Required(SECTION_ADVANCED): section(
            vol.Schema(
                {
                    vol.Required(CONF_SOURCE, default=SourceKind.AUTO.value): SelectSelector(
                        SelectSelectorConfig(
                            options=[kind.value for kind in SourceKind],
                            mode=SelectSelectorMode.LIST,
                            translation_key="source",
                        )
                    ),
                    vol.Required(CONF_VERIFY_SSL, default=True): BooleanSelector(),
                }
            ),
            {"collapsed": True},
        ),
    }
)


def delivery_folder_choice(folders: Sequence[Mapping[str, str]]) -> vol.Schema:
    """Return the form that asks for one of these delivery folders."""
    options = [
        SelectOptionDict(value=folder[CONF_NAME], label=f"{folder[CONF_NAME]} ({folder[CONF_PATH]})")
        for folder in folders
    ]
    config = SelectSelectorConfig(options=options, mode=SelectSelectorMode.LIST)
    return vol.Schema({vol.Required(CONF_FOLDER): SelectSelector(config)})
