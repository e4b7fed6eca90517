"""The recorder's times (UTC in microseconds since 1970) as Home Assistant's, and back. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from homeassistant.util import dt as dt_util

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def time_of(us: int) -> datetime:
    """Return a moment in UTC."""
    return _EPOCH + timedelta(microseconds=us)


def us_of(moment: datetime) -> int:
    """Return a moment's microseconds; one without a zone is in Home Assistant's own.

    It is counted without turning it into UTC, where the first and the last day that Python knows may not exist.
    """
    aware = moment if moment.tzinfo else moment.replace(tzinfo=dt_util.get_default_time_zone())
    return (aware - _EPOCH) // timedelta(microseconds=1)


def iso_of(us: int) -> str:
    """Return a moment as ISO 8601 in UTC."""
    return time_of(us).isoformat()


def us_or_none(moment: datetime | None) -> int | None:
    """Return a moment's microseconds, if there is one."""
    return None if moment is None else us_of(moment)


def iso_or_none(us: int | None) -> str | None:
    """Return a moment as ISO 8601 in UTC, if there is one."""
    return None if us is None else iso_of(us)
