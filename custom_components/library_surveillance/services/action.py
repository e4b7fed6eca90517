"""What an action is, and the values that several of them take.

Call data reach the event bus, traces and Home Assistant's database, and so do responses. Actions therefore carry ids,
kinds, times, counts and paths, never words about people; what is no opaque id is refused before anybody can read it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from homeassistant.core import SupportsResponse
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import config_validation as cv

from custom_components.library_surveillance.const import DOMAIN
from recorder_core.models import LONGEST_FOLDER_NAME, is_folder_name

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping

    import probatio as vol  # the engine that answers to the name below, and that Home Assistant's annotations name
    from homeassistant.core import ServiceCall, ServiceResponse
else:
    import voluptuous as vol

ATTR_START: Final = "start"
ATTR_END: Final = "end"
ATTR_START_MODE: Final = "start_mode"
ATTR_EXPIRES: Final = "expires"
ATTR_EXPORT_ID: Final = "export_id"

_OPAQUE: Final = re.compile(r"(?=.*[0-9])[A-Za-z0-9][A-Za-z0-9._:/-]{0,63}")
"""An id that is no name: one word with a digit in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """A name, what it takes, what it does. With `targets` it takes cameras by entity, device, area, floor or label."""

    name: str
    fields: Mapping[vol.Marker, Any]  # Any: whatever the engine takes as a validator
    handler: Callable[[ServiceCall], Coroutine[Any, Any, ServiceResponse]]  # Any: Home Assistant's own annotation
    targets: bool = False
    responds: SupportsResponse = SupportsResponse.OPTIONAL

    @property
    def schema(self) -> vol.Schema:
        """What its data are held against."""
        return vol.Schema({**self.fields, **cv.ENTITY_SERVICE_FIELDS} if self.targets else dict(self.fields))


def invalid(key: str, **placeholders: str) -> ServiceValidationError:
    """Return a refusal that is the caller's to mend."""
    return ServiceValidationError(translation_domain=DOMAIN, translation_key=key, translation_placeholders=placeholders)


def failed(key: str, **placeholders: str) -> HomeAssistantError:
    """Return why something went wrong that was asked for rightly."""
    return HomeAssistantError(translation_domain=DOMAIN, translation_key=key, translation_placeholders=placeholders)


def opaque_id(field: str) -> Callable[[object], str]:
    """Return the validator of a field that takes an opaque id. What a schema refuses is never put on the event bus.

    It raises `ServiceValidationError`, which unlike the engine's own error is translated. That names the field, and
    does not quote the value.
    """

    def validate(value: object) -> str:
        text = cv.string(value)
        if _OPAQUE.fullmatch(text) is None:
            raise invalid("not_opaque", field=field)
        return text

    return validate


def folder_name(field: str) -> Callable[[object], str]:
    """Return the validator of a field that takes the name of a delivery folder. It raises `ServiceValidationError`."""

    def validate(value: object) -> str:
        text = cv.string(value)
        if not is_folder_name(text):
            raise invalid("no_folder_name", field=field, most=str(LONGEST_FOLDER_NAME))
        return text

    return validate
