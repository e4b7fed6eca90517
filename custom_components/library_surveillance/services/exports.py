"""The actions that take footage out of the store, and the one that removes what was taken out. For administrators.

The interval, the room for the files and what a hold keeps are the recorder's to judge.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from homeassistant.const import ATTR_ENTITY_ID
from homeassistant.core import SupportsResponse
from homeassistant.helpers import config_validation as cv

from custom_components.library_surveillance.access import async_require_administrator
from custom_components.library_surveillance.errors import translated
from custom_components.library_surveillance.times import iso_of, iso_or_none, us_of, us_or_none
from recorder_core.errors import ErrorCode, RecorderError
from recorder_core.models import (
    DeliveryRequest,
    ExportJob,
    ExportRequest,
    ExportState,
    PackageRequest,
    StartMode,
    StillFormat,
    StillRequest,
)

from .action import (
    ATTR_END,
    ATTR_EXPIRES,
    ATTR_EXPORT_ID,
    ATTR_START,
    ATTR_START_MODE,
    Action,
    failed,
    folder_name,
    opaque_id,
)
from .cameras import async_targeted_in_one_library, async_targeted_one, entity_ids_of
from .deliveries import async_deliver, require_folder
from .libraries import async_ask_who_knows, client_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    import probatio as vol  # the engine that answers to the name below, and that Home Assistant's annotations name
    from homeassistant.auth.models import User
    from homeassistant.core import HomeAssistant, ServiceCall, ServiceResponse
    from homeassistant.exceptions import HomeAssistantError
    from homeassistant.util.json import JsonObjectType

    from custom_components.library_surveillance.coordinator import LibraryConfigEntry
    from recorder_core.api.client import RecorderClient
    from recorder_core.models import GapView
else:
    import voluptuous as vol

ATTR_AT: Final = "at"
ATTR_FORMAT: Final = "format"
ATTR_REQUEST_ID: Final = "request_id"
ATTR_BASIS: Final = "basis"
ATTR_DELIVER_TO: Final = "deliver_to"

_LONG_POLL_S: Final = 20.0


async def _async_export_clip(call: ServiceCall) -> ServiceResponse:
    """Cut a clip and return its files when they are there."""
    user = await async_require_administrator(call)
    entry, camera_id = await async_targeted_one(call, call.data[ATTR_ENTITY_ID])
    request = ExportRequest(
        camera_id=camera_id,
        start_us=us_of(call.data[ATTR_START]),
        end_us=us_of(call.data[ATTR_END]),
        start_mode=StartMode(call.data[ATTR_START_MODE]),
        actor=user.id,
    )
    return await _async_made(call, entry, user, lambda client: client.export(request))


async def _async_export_still(call: ServiceCall) -> ServiceResponse:
    """Make a picture of the frame that was on screen at a moment."""
    user = await async_require_administrator(call)
    entry, camera_id = await async_targeted_one(call, call.data[ATTR_ENTITY_ID])
    request = StillRequest(
        camera_id=camera_id,
        at_us=us_of(call.data[ATTR_AT]),
        format=StillFormat(call.data[ATTR_FORMAT]),
        actor=user.id,
    )
    return await _async_made(call, entry, user, lambda client: client.still_export(request))


async def _async_export_package(call: ServiceCall) -> ServiceResponse:
    """Pack the footage of several cameras of a library as evidence: one file with manifest, proofs and signature."""
    user = await async_require_administrator(call)
    cameras = await async_targeted_in_one_library(call)
    request = PackageRequest(
        camera_ids=cameras.camera_ids,
        start_us=us_of(call.data[ATTR_START]),
        end_us=us_of(call.data[ATTR_END]),
        start_mode=StartMode(call.data[ATTR_START_MODE]),
        request_id=call.data.get(ATTR_REQUEST_ID),
        basis=call.data.get(ATTR_BASIS),
        expires_us=us_or_none(call.data.get(ATTR_EXPIRES)),
        actor=user.id,
    )
    return await _async_made(call, cameras.entry, user, lambda client: client.package(request))


async def _async_remove_export(call: ServiceCall) -> ServiceResponse:
    """Remove an export's files, or cancel one that is being made, whichever library has it."""
    user = await async_require_administrator(call)
    job = await async_ask_who_knows(
        call.hass,
        lambda client: client.remove_export(call.data[ATTR_EXPORT_ID], user.id),
        ErrorCode.UNKNOWN_EXPORT,
    )
    return {"export_id": job.export_id, "state": job.state.value}


async def _async_made(
    call: ServiceCall, entry: LibraryConfigEntry, user: User, order: Callable[[RecorderClient], Awaitable[ExportJob]]
) -> ServiceResponse:
    """Order an export and answer when it is there, and delivered if asked for. The feed tells of its progress."""
    folder = call.data.get(ATTR_DELIVER_TO)
    if folder is not None:
        require_folder(entry, folder)
    async with client_of(call.hass, entry) as client:
        job = await _async_over(client, order)
        if job.state is not ExportState.DONE:
            raise _ended(job)
        response = _response(call.hass, job)
        if folder is not None:
            response["delivery"] = await async_deliver(client, job, DeliveryRequest(folder=folder, actor=user.id))
        return response


async def _async_over(client: RecorderClient, order: Callable[[RecorderClient], Awaitable[ExportJob]]) -> ExportJob:
    """Order an export and return it once it is over. Raises a translated error; one that was begun is named then."""
    job: ExportJob | None = None
    try:
        job = await order(client)
        while job.state in (ExportState.QUEUED, ExportState.RUNNING):
            job = await client.export_job(job.export_id, wait_s=_LONG_POLL_S)
    except RecorderError as err:
        if job is None or err.code is not ErrorCode.RECORDER_UNREACHABLE:
            raise translated(err) from err
        raise failed("export_out_of_sight", export_id=job.export_id) from err
    return job


def _ended(job: ExportJob) -> HomeAssistantError:
    """Return why an export ended without files."""
    if job.problem is not None:
        return translated(RecorderError(job.problem.code, job.problem.message))
    code = ErrorCode.EXPORT_FAILED if job.state is ExportState.FAILED else ErrorCode.EXPORT_CANCELLED
    return translated(RecorderError(code, "It left no files."))


def _response(hass: HomeAssistant, job: ExportJob) -> JsonObjectType:
    """Return an export as the action's response: times as ISO 8601 in UTC, durations in seconds."""
    camera_ids = job.camera_ids or [job.camera_id]
    return {
        "export_id": job.export_id,
        "camera_ids": [*camera_ids],
        "entity_ids": [*entity_ids_of(hass, camera_ids)],
        "duration": job.duration_us / 1_000_000,
        "expires": iso_or_none(job.expires_us),
        "files": [
            {
                "path": file.path,
                "sha256": file.sha256,
                "size": file.size,
                "start": iso_of(file.start_us),
                "end": iso_of(file.end_us),
                "duration": file.duration_us / 1_000_000,
                "frames": file.frames,
                "lead_in": file.lead_in_us / 1_000_000,
                "derived": file.derived,
            }
            for file in job.files
        ],
        "gaps": [_gap(hass, gap) for gap in job.gaps],
        "not_shown": [_gap(hass, gap) for gap in job.not_shown],
    }


def _gap(hass: HomeAssistant, gap: GapView) -> JsonObjectType:
    return {
        "camera_id": gap.camera_id,
        "entity_id": next(iter(entity_ids_of(hass, [gap.camera_id])), None),
        "start": iso_of(gap.start_us),
        "end": iso_or_none(gap.end_us),
        "reason": gap.reason,
    }


_START_MODES: Final = vol.In([mode.value for mode in StartMode])
_DELIVERY: Final[Mapping[vol.Marker, Any]] = {  # Any: as in `Action`
    vol.Optional(ATTR_DELIVER_TO): folder_name(ATTR_DELIVER_TO)
}

EXPORT_ACTIONS: Final = (
    Action(
        name="export_clip",
        fields={
            vol.Required(ATTR_ENTITY_ID): cv.entity_id,
            vol.Required(ATTR_START): cv.datetime,
            vol.Required(ATTR_END): cv.datetime,
            vol.Optional(ATTR_START_MODE, default=StartMode.LEAD_IN.value): _START_MODES,
            **_DELIVERY,
        },
        handler=_async_export_clip,
        responds=SupportsResponse.ONLY,
    ),
    Action(
        name="export_still",
        fields={
            vol.Required(ATTR_ENTITY_ID): cv.entity_id,
            vol.Required(ATTR_AT): cv.datetime,
            vol.Optional(ATTR_FORMAT, default=StillFormat.PNG.value): vol.In([kind.value for kind in StillFormat]),
            **_DELIVERY,
        },
        handler=_async_export_still,
        responds=SupportsResponse.ONLY,
    ),
    Action(
        name="export_package",
        targets=True,
        fields={
            vol.Required(ATTR_START): cv.datetime,
            vol.Required(ATTR_END): cv.datetime,
            vol.Optional(ATTR_START_MODE, default=StartMode.NEXT_SYNC.value): _START_MODES,
            vol.Optional(ATTR_REQUEST_ID): opaque_id(ATTR_REQUEST_ID),
            vol.Optional(ATTR_BASIS): opaque_id(ATTR_BASIS),
            vol.Optional(ATTR_EXPIRES): cv.datetime,
            **_DELIVERY,
        },
        handler=_async_export_package,
        responds=SupportsResponse.ONLY,
    ),
    Action(
        name="remove_export",
        fields={vol.Required(ATTR_EXPORT_ID): opaque_id(ATTR_EXPORT_ID)},
        handler=_async_remove_export,
    ),
)
