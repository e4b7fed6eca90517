"""How long footage is to be kept, as a form has it: what is refused, and what it comes to. Pure.

A rule that is not set is no rule (invariant 6).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from custom_components.library_surveillance.const import (
    CONF_DESTROY_AFTER_DAYS,
    CONF_MINIMUM_DAYS,
    CONF_QUOTA_GB,
    CONF_RETENTION_DAYS,
    GB,
)

from .estimate import shown_gb
from .fault import FormFaultError
from .limits import check_gb

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

LEAST_DAYS: Final = 1
MOST_DAYS: Final = 36_500
MOST_DELIVERY_DAYS: Final = 365
"""The recorder keeps no copy longer: what is to stay is for the export."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Keeping:
    """The rules for a camera's footage; None where there is none."""

    retention_days: float | None = None
    quota_gb: float | None = None
    minimum_days: float | None = None
    destroy_after_days: float | None = None

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Keeping:  # Any: a form, or what was stored of one
        """Return the rules of a filled-in form, a subentry's data or an entry's options."""
        return cls(
            retention_days=data.get(CONF_RETENTION_DAYS),
            quota_gb=data.get(CONF_QUOTA_GB),
            minimum_days=data.get(CONF_MINIMUM_DAYS),
            destroy_after_days=data.get(CONF_DESTROY_AFTER_DAYS),
        )

    def data(self) -> dict[str, float]:
        """Return the rules that are set as they are stored."""
        rules = {
            CONF_RETENTION_DAYS: self.retention_days,
            CONF_QUOTA_GB: self.quota_gb,
            CONF_MINIMUM_DAYS: self.minimum_days,
            CONF_DESTROY_AFTER_DAYS: self.destroy_after_days,
        }
        return {key: value for key, value in rules.items() if value is not None}

    def over(self, library: Keeping) -> Keeping:
        """Return these rules, and the library's where there is none."""
        return Keeping.of({**library.data(), **self.data()})

    def check(self, place: str | None = None) -> None:
        """Refuse rules that make no sense, at their fields or at `place`. Raises `FormFaultError`."""
        for key in (CONF_RETENTION_DAYS, CONF_MINIMUM_DAYS, CONF_DESTROY_AFTER_DAYS):
            check_days(self.data().get(key), place or key)
        check_quota(self.quota_gb, place or CONF_QUOTA_GB)
        if _exceeds(self.minimum_days, self.retention_days):
            raise FormFaultError(place or CONF_MINIMUM_DAYS, "minimum_above_retention")
        for key, days in ((CONF_RETENTION_DAYS, self.retention_days), (CONF_MINIMUM_DAYS, self.minimum_days)):
            if _exceeds(days, self.destroy_after_days):
                raise FormFaultError(place or key, "above_law")


def _exceeds(days: float | None, most: float | None) -> bool:
    return days is not None and most is not None and days > most


def check_days(days: float | None, place: str) -> None:
    """Refuse a number of days that is a mistake. Raises `FormFaultError`."""
    # Written as "not between": a number may be NaN, which is neither below nor above anything.
    if days is not None and not LEAST_DAYS <= days <= MOST_DAYS:
        raise FormFaultError(place, "days_out_of_range", least=str(LEAST_DAYS), most=str(MOST_DAYS))


def check_delivery_days(days: float | None, place: str) -> None:
    """Refuse a time for copies in delivery folders that the recorder would. Raises `FormFaultError`."""
    if days is not None and not LEAST_DAYS <= days <= MOST_DELIVERY_DAYS:
        raise FormFaultError(place, "delivery_days_out_of_range", least=str(LEAST_DAYS), most=str(MOST_DELIVERY_DAYS))


def check_quota(gb: float | None, place: str) -> None:
    """Refuse a quota that is a mistake. Raises `FormFaultError`."""
    check_gb(gb, place, "quota_out_of_range")


def explain(keeping: Keeping, per_day: int, room_days: float) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield the keys of the sentences that say what rules come to for a camera, with their values.

    It writes `per_day` bytes, more than 0; `room_days` is how many days of all cameras together fit.
    """
    fits = room_days
    if keeping.retention_days is None and keeping.quota_gb is None and keeping.destroy_after_days is None:
        yield "kept_while_room", {}
    for key, days in (("kept_days", keeping.retention_days), ("kept_law", keeping.destroy_after_days)):
        if days is not None:
            yield key, {"days": f"{days:g}", "gb": shown_gb(round(days * per_day))}
    if keeping.quota_gb is not None:
        quota_days = keeping.quota_gb * GB / per_day
        fits = min(fits, quota_days)
        yield "kept_quota", {"gb": f"{keeping.quota_gb:g}", "days": f"{quota_days:.1f}"}
    if keeping.minimum_days is not None and fits < keeping.minimum_days:
        yield "minimum_missed", {"minimum": f"{keeping.minimum_days:g}", "days": f"{fits:.1f}"}
