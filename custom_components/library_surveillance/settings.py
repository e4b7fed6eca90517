"""What a recorder that Home Assistant runs is told of its library as a whole.

An unset limit is no limit (invariant 6). A delivery folder that will not do keeps nothing else from being set. Where
the recorder has one more, in which copies still lie, it keeps all the settings that it has, and an issue says so.
"""

from __future__ import annotations

import logging
import re
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

_FOLDER: Final = re.compile(r"delivery_folders\[(\d+)\]")


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
    """Tell a recorder its settings, without the delivery folders that it refuses; return why it did the first.

    The others stay: were they dropped and came back, the recorder would take them for new and mark them as folders of
    its own, an empty mount point of a share that is away just then, too.

    Raises `RecorderError` where anything else is wrong.
    """
    refused: RecorderError | None = None
    while True:
        try:
            await client.apply_settings(settings)
        except RecorderError as err:
            if err.code is ErrorCode.DELIVERY_FOLDER_IN_USE:
                _LOGGER.warning("The recorder keeps the settings that it has: %s", err)
                return refused or err
            if (at := _folder_of(err)) is None:
                raise
            _LOGGER.warning("The recorder refuses a delivery folder: %s", err)
            refused = refused or err
            folders = settings.delivery_folders
            settings = replace(settings, delivery_folders=[*folders[:at], *folders[at + 1 :]])
        else:
            return refused


def _folder_of(error: RecorderError) -> int | None:
    """Return which delivery folder the recorder has something against, None if it is none."""
    found = _FOLDER.match(str(error.placeholders.get("field")))
    return None if found is None else int(found[1])
