"""Names that the whole integration shares."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

DOMAIN: Final = "library_surveillance"

# Entry data
CONF_RECORDER: Final = "recorder"
CONF_FOOTAGE_PATH: Final = "footage_path"
CONF_INDEX_PATH: Final = "index_path"
CONF_MIN_FREE_GB: Final = "min_free_gb"
CONF_MAX_GB: Final = "max_gb"
CONF_SOCKET: Final = "socket"
CONF_PROFILE: Final = "profile"

# Camera subentry data; the recorder's camera id is the subentry's id
SUBENTRY_CAMERA: Final = "camera"
CONF_EXPOSE_VIDEO: Final = "expose_video"
CONF_SOURCE: Final = "source"

# How long records are kept: of one camera in its subentry's data, for all others in the entry's options
CONF_RETENTION_DAYS: Final = "retention_days"
CONF_MINIMUM_DAYS: Final = "minimum_days"
CONF_DESTROY_AFTER_DAYS: Final = "destroy_after_days"
CONF_QUOTA_GB: Final = "quota_gb"
CONF_EXPORT_DAYS: Final = "export_days"
CONF_EXPORT_QUOTA_GB: Final = "export_quota_gb"
CONF_DELIVERY_DAYS: Final = "delivery_days"

# Folders for copies of exports, in the entry's options: of each its name and its path
CONF_DELIVERY_FOLDERS: Final = "delivery_folders"

# What `entry.async_start_reauth(hass, data={CONF_SUBENTRY_ID: …})` names when a camera refuses its credentials
CONF_SUBENTRY_ID: Final = "subentry_id"

GB: Final = 1_000_000_000
"""A gigabyte as on a disk's label, in bytes."""


class RecorderKind(StrEnum):
    """Who runs the recorder."""

    LOCAL = "local"
    SOCKET = "socket"
    URL = "url"


class Profile(StrEnum):
    """The libraries whose policies ship with the product; none is chosen by default."""

    MISSOULA = "missoula"
    ARAPAHOE = "arapahoe"
    HANSON = "hanson"
