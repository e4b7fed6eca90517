"""The actions: a schema, a handler and a registration each.

Responses and call data reach traces and Home Assistant's database, so they carry camera, times, hashes, paths and ids,
never words about people.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import ATTR_ENTITY_ID
from homeassistant.core import HomeAssistant, ServiceCall, ServiceResponse, SupportsResponse, callback
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import config_validation as cv, entity_registry as er

from recorder_core.errors import ErrorCode, RecorderError
from recorder_core.models import ExportJob, ExportRequest, ExportState, StartMode

import voluptuous as vol  # isort: skip  # Home Assistant answers to this name once it is imported

from .access import async_require_administrator
from .const import DOMAIN
from .errors import translated, translated_code
from .times import iso_of, us_of

if TYPE_CHECKING:
    from homeassistant.util.json import JsonObjectType

    from .coordinator import LibraryConfigEntry

SERVICE_EXPORT_CLIP: Final = "export_clip"
ATTR_START: Final = "start"
ATTR_END: Final = "end"
ATTR_START_MODE: Final = "start_mode"

EXPORT_CLIP_SCHEMA: Final = vol.Schema(
    {
        vol.Required(ATTR_ENTITY_ID): cv.entity_id,
        vol.Required(ATTR_START): cv.datetime,
        vol.Required(ATTR_END): cv.datetime,
        vol.Optional(ATTR_START_MODE, default=StartMode.LEAD_IN.value): vol.In([mode.value for mode in StartMode]),
    }
)

_LONG_POLL_S: Final = 20.0


@callback
def async_setup_services(hass: HomeAssistant) -> None:
    """Register all actions."""
    hass.services.async_register(
        DOMAIN,
        SERVICE_EXPORT_CLIP,
        _async_export_clip,
        schema=EXPORT_CLIP_SCHEMA,  # type: ignore[arg-type]  # the name stands for Home Assistant's engine at run time
        supports_response=SupportsResponse.ONLY,
    )


async def _async_export_clip(call: ServiceCall) -> ServiceResponse:
    """Cut a clip and return its files when they are there. The interval is the recorder's to judge."""
    user = await async_require_administrator(call)
    entry, camera_id = _camera_of(call.hass, call.data[ATTR_ENTITY_ID])
    request = ExportRequest(
        camera_id=camera_id,
        start_us=us_of(call.data[ATTR_START]),
        end_us=us_of(call.data[ATTR_END]),
        start_mode=StartMode(call.data[ATTR_START_MODE]),
        label=user.id,
    )
    client = entry.runtime_data.client
    try:
        job = await client.export(request)
        while job.state in (ExportState.QUEUED, ExportState.RUNNING):
            job = await client.export_job(job.export_id, wait_s=_LONG_POLL_S)
    except RecorderError as err:
        raise translated(err) from err
    if job.state is ExportState.FAILED:
        raise translated_code(ErrorCode.EXPORT_FAILED if job.problem is None else job.problem.code)
    return _response(job)


def _camera_of(hass: HomeAssistant, entity_id: str) -> tuple[LibraryConfigEntry, str]:
    """Return the loaded entry and the camera behind one of our camera entities."""
    entity = er.async_get(hass).async_get(entity_id)
    if entity is None or entity.platform != DOMAIN or entity.domain != "camera" or entity.config_subentry_id is None:
        raise _invalid("not_our_camera", entity_id=entity_id)
    entry: LibraryConfigEntry | None = hass.config_entries.async_get_entry(entity.config_entry_id or "")
    if entry is None or entry.state is not ConfigEntryState.LOADED:
        raise _invalid("entry_not_loaded", entity_id=entity_id)
    return entry, entity.config_subentry_id


def _invalid(key: str, **placeholders: str) -> ServiceValidationError:
    return ServiceValidationError(translation_domain=DOMAIN, translation_key=key, translation_placeholders=placeholders)


def _response(job: ExportJob) -> JsonObjectType:
    """Return an export as the action's response: times as ISO 8601 in UTC, durations in seconds."""
    return {
        "export_id": job.export_id,
        "duration": job.duration_us / 1_000_000,
        "files": [
            {
                "path": file.path,
                "sha256": file.sha256,
                "start": iso_of(file.start_us),
                "end": iso_of(file.end_us),
                "duration": file.duration_us / 1_000_000,
                "frames": file.frames,
                "lead_in": file.lead_in_us / 1_000_000,
            }
            for file in job.files
        ],
        "gaps": [
            {
                "start": iso_of(gap.start_us),
                "end": None if gap.end_us is None else iso_of(gap.end_us),
                "reason": gap.reason,
            }
            for gap in job.gaps
        ],
    }
