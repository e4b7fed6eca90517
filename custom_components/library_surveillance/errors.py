"""The one place where what the recorder refuses becomes what Home Assistant shows.

Every `ErrorCode` is the key of a sentence under `exceptions` in the translations; a test holds that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from homeassistant.exceptions import HomeAssistantError, ServiceValidationError

from recorder_core.errors import ErrorCode

from .const import DOMAIN

if TYPE_CHECKING:
    from recorder_core.errors import RecorderError

# The caller asked for what cannot be; everything else went wrong on the way.
_CALLERS_FAULT: Final = frozenset(
    {
        ErrorCode.BAD_REQUEST,
        ErrorCode.UNKNOWN_CAMERA,
        ErrorCode.UNKNOWN_EXPORT,
        ErrorCode.UNKNOWN_HOLD,
        ErrorCode.UNKNOWN_DELIVERY,
        ErrorCode.UNKNOWN_DELIVERY_FOLDER,
        ErrorCode.EXPORT_NOT_DONE,
        ErrorCode.HELD,
        ErrorCode.HOLD_OVER,
        ErrorCode.KEY_TAKEN,
        ErrorCode.INTERVAL_INVERTED,
        ErrorCode.INTERVAL_TOO_LONG,
        ErrorCode.INTERVAL_FUTURE,
        ErrorCode.NO_FOOTAGE,
    }
)


def translated(error: RecorderError) -> HomeAssistantError:
    """Return the recorder's error as one that Home Assistant shows in the user's language."""
    kind = ServiceValidationError if error.code in _CALLERS_FAULT else HomeAssistantError
    return kind(
        translation_domain=DOMAIN, translation_key=error.code.value, translation_placeholders=placeholders_of(error)
    )


def placeholders_of(error: RecorderError) -> dict[str, str]:
    """Return what the sentence of any code may quote: what the recorder says itself, in English, about this case."""
    return {"detail": error.message.rstrip(".")}
