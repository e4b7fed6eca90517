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
        ErrorCode.HELD,
        ErrorCode.HOLD_OVER,
        ErrorCode.INTERVAL_INVERTED,
        ErrorCode.INTERVAL_TOO_LONG,
        ErrorCode.INTERVAL_FUTURE,
        ErrorCode.NO_FOOTAGE,
    }
)


def translated(error: RecorderError) -> HomeAssistantError:
    """Return the recorder's error as one that Home Assistant shows in the user's language."""
    return translated_code(error.code)


def translated_code(code: ErrorCode) -> HomeAssistantError:
    """Return what Home Assistant shows for a code of the recorder."""
    kind = ServiceValidationError if code in _CALLERS_FAULT else HomeAssistantError
    return kind(translation_domain=DOMAIN, translation_key=code.value)
