"""The actions that put a copy of an export into a delivery folder, and take it out again; copies go by themselves too.

Delivering and removing is for administrators. Everybody may ask what lies where: answers hold ids, times and paths.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from homeassistant.const import CONF_NAME
from homeassistant.core import SupportsResponse
from homeassistant.helpers import config_validation as cv

from custom_components.library_surveillance.access import async_require_administrator
from custom_components.library_surveillance.const import CONF_DELIVERY_FOLDERS, CONF_RECORDER, RecorderKind
from custom_components.library_surveillance.errors import translated
from custom_components.library_surveillance.times import iso_of, iso_or_none, us_or_none
from recorder_core.errors import ErrorCode, RecorderError
from recorder_core.models import Delivery, DeliveryRemoval, DeliveryRequest

from .action import ATTR_EXPIRES, ATTR_EXPORT_ID, Action, failed, folder_name, invalid, opaque_id
from .libraries import async_ask_all, async_ask_who_knows

if TYPE_CHECKING:
    import probatio as vol  # the engine that answers to the name below, and that Home Assistant's annotations name
    from homeassistant.core import ServiceCall, ServiceResponse
    from homeassistant.util.json import JsonObjectType

    from custom_components.library_surveillance.coordinator import LibraryConfigEntry
    from recorder_core.api.client import RecorderClient
    from recorder_core.models import ExportJob
else:
    import voluptuous as vol

ATTR_FOLDER: Final = "folder"
ATTR_DELIVERY_ID: Final = "delivery_id"
ATTR_ACTIVE: Final = "active"


async def _async_deliver_export(call: ServiceCall) -> ServiceResponse:
    """Copy an export's files into a folder of the library that made it, and answer when they are there."""
    user = await async_require_administrator(call)
    request = DeliveryRequest(
        folder=call.data[ATTR_FOLDER], expires_us=us_or_none(call.data.get(ATTR_EXPIRES)), actor=user.id
    )

    async def deliver(client: RecorderClient) -> Delivery:
        await client.export_job(call.data[ATTR_EXPORT_ID])  # a library that did not make it need not have the folder
        return await client.deliver_export(call.data[ATTR_EXPORT_ID], request)

    return _response(await async_ask_who_knows(call.hass, deliver, ErrorCode.UNKNOWN_EXPORT))


async def _async_remove_delivery(call: ServiceCall) -> ServiceResponse:
    """Remove a copy before its time, whichever library has it. The export stays."""
    user = await async_require_administrator(call)
    delivery = await async_ask_who_knows(
        call.hass,
        lambda client: client.remove_delivery(call.data[ATTR_DELIVERY_ID], DeliveryRemoval(actor=user.id)),
        ErrorCode.UNKNOWN_DELIVERY,
    )
    return _response(delivery)


async def _async_list_deliveries(call: ServiceCall) -> ServiceResponse:
    """Return the copies of all libraries, the newest first, and which libraries could not be asked."""
    answers = await async_ask_all(call.hass, lambda client: client.deliveries(active=call.data[ATTR_ACTIVE]))
    found = sorted((one for some in answers.given for one in some), key=lambda one: one.created_us, reverse=True)
    return {"deliveries": [_response(one) for one in found], "away": [*answers.away]}


def require_folder(entry: LibraryConfigEntry, name: str) -> None:
    """Refuse a folder that a library does not have, as far as its options tell. Raises `ServiceValidationError`."""
    folders = entry.options.get(CONF_DELIVERY_FOLDERS, ())
    if entry.data[CONF_RECORDER] == RecorderKind.LOCAL and all(folder[CONF_NAME] != name for folder in folders):
        raise invalid(ErrorCode.UNKNOWN_DELIVERY_FOLDER)


async def async_deliver(client: RecorderClient, job: ExportJob, request: DeliveryRequest) -> JsonObjectType:
    """Deliver an export that was just made. Raises `HomeAssistantError`, which names the export, for that stays."""
    try:
        return _response(await client.deliver_export(job.export_id, request))
    except RecorderError as err:
        raise failed("not_delivered", export_id=job.export_id, fault=str(translated(err))) from err


def _response(delivery: Delivery) -> JsonObjectType:
    """Return a copy as responses carry it; sizes in bytes."""
    return {
        "delivery_id": delivery.delivery_id,
        "export_id": delivery.export_id,
        "folder": delivery.folder,
        "path": delivery.path,
        "state": delivery.state.value,
        "problem": None if delivery.problem is None else delivery.problem.code.value,
        "created": iso_of(delivery.created_us),
        "expires": iso_of(delivery.expires_us),
        "removed": iso_or_none(delivery.removed_us),
        "files": [{"name": file.name, "size": file.size, "sha256": file.sha256} for file in delivery.files],
    }


DELIVERY_ACTIONS: Final = (
    Action(
        name="deliver_export",
        fields={
            vol.Required(ATTR_EXPORT_ID): opaque_id(ATTR_EXPORT_ID),
            vol.Required(ATTR_FOLDER): folder_name(ATTR_FOLDER),
            vol.Optional(ATTR_EXPIRES): cv.datetime,
        },
        handler=_async_deliver_export,
    ),
    Action(
        name="remove_delivery",
        fields={vol.Required(ATTR_DELIVERY_ID): opaque_id(ATTR_DELIVERY_ID)},
        handler=_async_remove_delivery,
    ),
    Action(
        name="list_deliveries",
        fields={vol.Optional(ATTR_ACTIVE, default=True): cv.boolean},
        handler=_async_list_deliveries,
        responds=SupportsResponse.ONLY,
    ),
)
