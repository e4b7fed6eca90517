"""The actions, a file for each subject; they are registered from one table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from homeassistant.core import callback

from custom_components.library_surveillance.const import DOMAIN

from .deliveries import DELIVERY_ACTIONS
from .exports import EXPORT_ACTIONS
from .forecast import FORECAST_ACTIONS
from .holds import HOLD_ACTIONS

if TYPE_CHECKING:
    from homeassistant.core import HomeAssistant

ACTIONS: Final = (*HOLD_ACTIONS, *EXPORT_ACTIONS, *DELIVERY_ACTIONS, *FORECAST_ACTIONS)


@callback
def async_setup_services(hass: HomeAssistant) -> None:
    """Register all actions."""
    for action in ACTIONS:
        hass.services.async_register(
            DOMAIN, action.name, action.handler, schema=action.schema, supports_response=action.responds
        )
