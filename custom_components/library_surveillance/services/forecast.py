"""The action `get_forecast`: when the footage of an interval will go if nothing changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from homeassistant.core import SupportsResponse
from homeassistant.helpers import config_validation as cv

from custom_components.library_surveillance.errors import translated
from custom_components.library_surveillance.times import iso_or_none, us_of
from recorder_core.errors import RecorderError

from .action import ATTR_END, ATTR_START, Action
from .cameras import async_targeted_wholly, entity_ids_of
from .libraries import client_of

if TYPE_CHECKING:
    import probatio as vol  # the engine that answers to the name below, and that Home Assistant's annotations name
    from homeassistant.core import HomeAssistant, ServiceCall, ServiceResponse
    from homeassistant.util.json import JsonObjectType

    from recorder_core.models import Forecast
else:
    import voluptuous as vol


async def _async_get_forecast(call: ServiceCall) -> ServiceResponse:
    """Ask about every targeted camera."""
    start_us, end_us = us_of(call.data[ATTR_START]), us_of(call.data[ATTR_END])
    forecasts = []
    for cameras in await async_targeted_wholly(call):
        async with client_of(call.hass, cameras.entry) as client:
            for camera_id in cameras.camera_ids:
                try:
                    forecasts.append(await client.forecast(camera_id, start_us, end_us))
                except RecorderError as err:
                    raise translated(err) from err
    return {"forecasts": [_response(call.hass, forecast) for forecast in forecasts]}


def _response(hass: HomeAssistant, forecast: Forecast) -> JsonObjectType:
    """Return a forecast; a time of None means never. `missing` and `destroyed` are seconds of what has passed."""
    return {
        "camera_id": forecast.camera_id,
        "entity_id": next(iter(entity_ids_of(hass, [forecast.camera_id])), None),
        "first": iso_or_none(forecast.first_us),
        "last": iso_or_none(forecast.last_us),
        "rule": None if forecast.rule is None else forecast.rule.value,
        "held": forecast.held,
        "hold_ids": [*forecast.hold_ids],
        "stored_bytes": forecast.stored_bytes,
        "missing": forecast.missing_us / 1_000_000,
        "destroyed": forecast.destroyed_us / 1_000_000,
    }


FORECAST_ACTIONS: Final = (
    Action(
        name="get_forecast",
        targets=True,
        fields={vol.Required(ATTR_START): cv.datetime, vol.Required(ATTR_END): cv.datetime},
        handler=_async_get_forecast,
        responds=SupportsResponse.ONLY,
    ),
)
