"""What a recorder that Home Assistant runs is told of its library as a whole.

An unset limit is no limit (invariant 6). What is wrong with a delivery folder keeps nothing else from being set.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from homeassistant.const import CONF_NAME, CONF_PATH

from recorder_core.errors import ErrorCode, RecorderError
from recorder_core.models import DeliveryFolder, Settings, VolumeConfig

from .const import (
    CONF_DELIVERY_DAYS,
    CONF_DELIVERY_FOLDERS,
    CONF_FOOTAGE_PATH,
    CONF_MAX_GB,
    CONF_MIN_FREE_GB,
    GB,
)
from .retention import export_retention_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from recorder_core.api.client import RecorderClient

_LOGGER = logging.getLogger(__name__)


def settings_of(
    data: Mapping[str, Any],  # Any: an entry's data
    options: Mapping[str, Any],  # Any: an entry's options
    time_zone: str,
) -> Settings:
    """Return the recorder's settings for an entry."""
    min_free, most = data.get(CONF_MIN_FREE_GB), data.get(CONF_MAX_GB)
    volume = VolumeConfig(
        path=data[CONF_FOOTAGE_PATH],
        min_free_bytes=None if min_free is None else round(min_free * GB),
        max_bytes=None if most is None else round(most * GB),
    )
    folders = options.get(CONF_DELIVERY_FOLDERS, ())
    return Settings(
        volumes=[volume],
        time_zone=time_zone,
        exports=export_retention_of(options),
        delivery_folders=[DeliveryFolder(name=one[CONF_NAME], path=one[CONF_PATH]) for one in folders],
        delivery_days=options.get(CONF_DELIVERY_DAYS, Settings().delivery_days),
    )


async def async_apply_settings(client: RecorderClient, settings: Settings) -> RecorderError | None:
    """Tell a recorder its settings, without the delivery folders if it refuses those; return why it did.

    Raises `RecorderError` where anything else is wrong.
    """
    try:
        await client.apply_settings(settings)
    except RecorderError as err:
        if not _is_of_folders(err):
            raise
        _LOGGER.warning("The recorder refuses its delivery folders: %s", err)
        refused = err
    else:
        return None
    try:
        await client.apply_settings(replace(settings, delivery_folders=[]))
    except RecorderError as err:
        if err.code is not ErrorCode.DELIVERY_FOLDER_IN_USE:
            raise
        _LOGGER.warning("The recorder keeps the settings that it has: %s", err)
    return refused


def _is_of_folders(error: RecorderError) -> bool:
    """Whether the recorder may have nothing but a delivery folder against its settings."""
    field = str(error.placeholders.get("field"))
    return field.startswith("delivery_folders") or error.code in (
        ErrorCode.DELIVERY_FOLDER_IN_USE,
        ErrorCode.STORAGE_STALLED,
    )
