"""What a recorder that Home Assistant runs is told of its library as a whole.

An unset limit is no limit (invariant 6). What is wrong with a delivery folder keeps nothing else from being set.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Final

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

_OF_FOLDERS: Final = frozenset({ErrorCode.DELIVERY_FOLDER_MISSING, ErrorCode.DELIVERY_FOLDER_IN_USE})
"""What the recorder says against a change of its delivery folders."""


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
    refused: RecorderError | None = None
    # Refused without any as well, it has settings already, with a folder that copies lie in.
    for attempt in (settings, replace(settings, delivery_folders=[])):
        try:
            await client.apply_settings(attempt)
        except RecorderError as err:
            if err.code not in _OF_FOLDERS:
                raise
            _LOGGER.warning("The recorder refuses to change its delivery folders: %s", err)
            refused = refused or err
        else:
            break
    return refused
