"""How long footage and exports are kept, as entries and subentries store it. Pure; unset is no limit (invariant 6)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recorder_core.models import Retention

from .const import (
    CONF_DESTROY_AFTER_DAYS,
    CONF_EXPORT_DAYS,
    CONF_EXPORT_QUOTA_GB,
    CONF_MINIMUM_DAYS,
    CONF_QUOTA_GB,
    CONF_RETENTION_DAYS,
    GB,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any


def retention_of(data: Mapping[str, Any]) -> Retention:  # Any: the data of an entry or a subentry
    """Return the rules for a camera's footage."""
    return Retention(
        retention_days=data.get(CONF_RETENTION_DAYS),
        quota_bytes=_bytes_of(data.get(CONF_QUOTA_GB)),
        minimum_days=data.get(CONF_MINIMUM_DAYS),
        destroy_after_days=data.get(CONF_DESTROY_AFTER_DAYS),
    )


def export_retention_of(options: Mapping[str, Any]) -> Retention:  # Any: an entry's options
    """Return the rules for clips, stills and packages."""
    return Retention(
        retention_days=options.get(CONF_EXPORT_DAYS), quota_bytes=_bytes_of(options.get(CONF_EXPORT_QUOTA_GB))
    )


def _bytes_of(gb: float | None) -> int | None:
    return None if gb is None else round(gb * GB)
