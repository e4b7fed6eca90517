"""How an entry reaches its recorder: a client, and for a local one the process behind it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from homeassistant.const import CONF_TOKEN, CONF_URL
from homeassistant.util.ssl import get_default_context

from recorder_core.api.client import RecorderClient
from recorder_core.errors import ErrorCode, RecorderError
from recorder_core.models import API_VERSION, RecorderStatus

from .const import CONF_INDEX_PATH, CONF_RECORDER, CONF_SOCKET, RecorderKind
from .recorder_process import LocalRecorder
from .socket_path import socket_path

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from homeassistant.core import HomeAssistant


@dataclass(frozen=True, slots=True)
class RecorderConnection:
    """`local` is None where somebody else runs the recorder."""

    client: RecorderClient
    local: LocalRecorder | None

    async def async_reach(self) -> RecorderStatus:
        """Return the status of a recorder that this version can talk to; a local one is started.

        Raises `RecorderError` or `RecorderStartError`.
        """
        if self.local is not None:
            return await self.local.async_ensure_running()
        status = await self.client.status()
        if status.api_version != API_VERSION:
            raise RecorderError(ErrorCode.VERSION_MISMATCH, "The recorder speaks another version of the API.")
        return status


def connection_for(hass: HomeAssistant, data: Mapping[str, Any]) -> RecorderConnection:  # Any: an entry's data
    """Return the connection that an entry's data describe; nothing is contacted yet."""
    kind = RecorderKind(data[CONF_RECORDER])
    if kind is RecorderKind.LOCAL:
        index_path = Path(data[CONF_INDEX_PATH])
        client = RecorderClient(socket=socket_path(index_path))
        return RecorderConnection(client, LocalRecorder(hass, index_path, client))
    if kind is RecorderKind.SOCKET:
        return RecorderConnection(RecorderClient(socket=Path(data[CONF_SOCKET])), None)
    client = RecorderClient(url=data[CONF_URL], token=data[CONF_TOKEN], ssl_context=get_default_context())
    return RecorderConnection(client, None)
