"""Trying a camera through the recorder, and telling people what came of it.

Nothing is stored by it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from homeassistant.const import CONF_PASSWORD, CONF_URL, CONF_USERNAME
from homeassistant.helpers.translation import async_get_translations

from custom_components.library_surveillance.const import DOMAIN
from recorder_core.errors import ErrorCode, RecorderError

from .estimate import bytes_per_day, others_per_day, shown_days, shown_gb, usable_on
from .fault import FORM, FormFaultError
from .keeping import explain

if TYPE_CHECKING:
    from homeassistant.core import HomeAssistant

    from recorder_core.api.client import RecorderClient
    from recorder_core.models import ProbeResult, RecorderStatus

    from .camera_draft import CameraDraft
    from .keeping import Keeping

# Where a form shows what the recorder found; a code that is not here is no fault of the camera.
_FIELDS: Final = {
    ErrorCode.BAD_URL: CONF_URL,
    ErrorCode.UNREACHABLE: CONF_URL,
    ErrorCode.CONNECTION_REFUSED: CONF_URL,
    ErrorCode.TIMEOUT: CONF_URL,
    ErrorCode.TLS_FAILED: CONF_URL,
    ErrorCode.NOT_FOUND: CONF_URL,
    ErrorCode.NO_VIDEO: CONF_URL,
    ErrorCode.UNSUPPORTED_CODEC: CONF_URL,
    ErrorCode.AUTH_FAILED: CONF_PASSWORD,
    ErrorCode.AUTH_REQUIRED: CONF_USERNAME,
    ErrorCode.PROTOCOL: FORM,
    ErrorCode.REJECTED: FORM,
    ErrorCode.CONNECTION_LOST: FORM,
    ErrorCode.STALLED: FORM,
    ErrorCode.DECODER_FAILED: FORM,
    ErrorCode.RECORDER_UNREACHABLE: FORM,
    ErrorCode.UNAUTHORIZED: FORM,
    ErrorCode.VERSION_MISMATCH: FORM,
}


@dataclass(frozen=True, slots=True)
class CameraTrial:
    """What a camera turned out to be, and the recorder that it would join."""

    camera: ProbeResult
    recorder: RecorderStatus


async def async_try_camera(client: RecorderClient, draft: CameraDraft, *, still: bool = True) -> CameraTrial:
    """Let the recorder open the camera and take a picture. It takes as long as the camera needs, 15 s at most.

    Raises `FormFaultError`.
    """
    try:
        return CameraTrial(await client.probe(draft.probe_request(still=still)), await client.status())
    except RecorderError as err:
        key = err.code.value if err.code in _FIELDS else "recorder_failed"
        raise FormFaultError(_FIELDS.get(err.code, FORM), key, detail=err.message) from err


async def async_describe(
    hass: HomeAssistant, trial: CameraTrial, camera_id: str | None, keeping: Keeping
) -> dict[str, str]:
    """Return the placeholders of the step that shows the trial; `camera_id` is None for a camera that is new.

    `keeping` are the rules that will hold for it.

    The picture travels inside the description: it is gone with the dialog, and no address serves it to anyone else.
    """
    sentences = await async_get_translations(hass, hass.config.language, "selector", {DOMAIN})

    def say(key: str) -> str:
        return sentences[f"component.{DOMAIN}.selector.trial.options.{key}"]

    camera = trial.camera
    unknown = say("unknown")
    gb_per_day = days = kept = unknown
    if camera.bitrate:
        adds = bytes_per_day(camera.bitrate)
        usable = usable_on(trial.recorder.volumes)
        together = adds + others_per_day(trial.recorder.cameras, camera_id, adds)
        gb_per_day, days = shown_gb(adds), shown_days(usable, together)
        kept = " ".join(say(key).format(**values) for key, values in explain(keeping, adds, usable / together))
    return {
        "picture": say("no_picture")
        if camera.still_jpeg is None
        else f"![](data:image/jpeg;base64,{camera.still_jpeg})",
        "codec": camera.codec,
        "resolution": f"{camera.width} × {camera.height}",  # noqa: RUF001 - the sign between two lengths
        "fps": unknown if camera.fps is None else f"{camera.fps:.1f}",
        "bitrate": unknown if camera.bitrate is None else f"{camera.bitrate / 1_000_000:.2f}",
        "audio": say("audio_offered" if camera.audio_offered else "no_audio"),
        "clock_offset": unknown if camera.clock_offset_us is None else f"{camera.clock_offset_us / 1_000_000:+.2f}",
        "source": camera.source.value,
        "gb_per_day": gb_per_day,
        "days": days,
        "kept": kept,
    }
