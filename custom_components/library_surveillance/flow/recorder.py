"""Meeting a recorder that runs by itself: what it says of itself, or why it will not do. Nothing is changed by it."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from homeassistant.const import CONF_TOKEN, CONF_URL

from custom_components.library_surveillance.connection import connection_for
from custom_components.library_surveillance.const import CONF_SOCKET
from custom_components.library_surveillance.socket_path import ADDRESS_BYTES
from recorder_core.errors import ErrorCode, RecorderError

from .fault import FORM, FormFaultError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from homeassistant.core import HomeAssistant

    from recorder_core.models import RecorderStatus

    from .forms import Form

_TOKEN: Final = re.compile(r"[\x21-\x7e]+")
"""What a header can carry as one word."""

_PASTED: Final = frozenset({CONF_SOCKET, CONF_TOKEN})

_ERRORS: Final = {
    ErrorCode.BAD_URL: (CONF_URL, "https_required"),
    ErrorCode.UNAUTHORIZED: (CONF_TOKEN, "unauthorized"),
    ErrorCode.VERSION_MISMATCH: (FORM, "version_mismatch"),
    ErrorCode.RECORDER_UNREACHABLE: (FORM, "recorder_unreachable"),
}


def cleaned(data: Form) -> Form:
    """Return a form's data as it is kept: no blanks around addresses and tokens, no slash behind a URL."""
    return {
        key: value.strip().rstrip("/") if key == CONF_URL else value.strip() if key in _PASTED else value
        for key, value in data.items()
    }


async def async_meet(hass: HomeAssistant, data: Mapping[str, Any]) -> RecorderStatus:  # Any: an entry's data
    """Return the status of the standing recorder that an entry with this data would have.

    Raises `FormFaultError`.
    """
    if CONF_SOCKET in data and (key := await hass.async_add_executor_job(_socket_problem, data[CONF_SOCKET])):
        raise FormFaultError(CONF_SOCKET, key)
    if CONF_URL in data:
        _check_network(data[CONF_URL], data[CONF_TOKEN])
    try:
        connection = connection_for(hass, data)
        async with connection.client:
            status = await connection.async_reach()
    except RecorderError as err:
        raise _fault(err) from err
    if not status.volumes:
        raise FormFaultError(FORM, "recorder_without_storage")
    return status


def _fault(err: RecorderError) -> FormFaultError:
    """Return where and how a form shows this error."""
    if isinstance(err.placeholders.get("reason"), int):  # an HTTP status without a recorder's words
        return FormFaultError(FORM, "not_a_recorder", detail=err.message)
    field, key = _ERRORS.get(err.code, (FORM, "recorder_failed"))
    return FormFaultError(field, key, detail=err.message)


def _check_network(url: str, token: str) -> None:
    """Refuse what no request can be made of. Raises `FormFaultError`."""
    try:
        parts = urlsplit(url)
        usable = parts.hostname and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise FormFaultError(CONF_URL, "https_required")
    if "@" in parts.netloc:
        raise FormFaultError(CONF_URL, "url_with_credentials")
    if _TOKEN.fullmatch(token) is None:
        raise FormFaultError(CONF_TOKEN, "token_unusable")


def _socket_problem(text: str) -> str | None:
    """Return the key of what is wrong with a socket's path, None if a socket lies there. Blocking."""
    path = Path(text)
    if "\0" in text or not path.is_absolute():
        return "socket_not_absolute"
    if len(os.fsencode(text)) > ADDRESS_BYTES:
        return "socket_too_long"
    try:
        found = path.stat()
    except OSError:
        return "socket_missing"
    return None if stat.S_ISSOCK(found.st_mode) else "socket_is_none"
