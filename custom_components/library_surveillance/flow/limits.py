"""How much stays free and how much footage there may be. Pure; an unset limit is no limit (invariant 6)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from custom_components.library_surveillance.const import CONF_MAX_GB, CONF_MIN_FREE_GB, GB

from .estimate import shown_gb, usable_bytes
from .fault import FormFaultError

if TYPE_CHECKING:
    from .forms import Form

LEAST_GB: Final = 1
"""Less than this for footage is no recorder but a mistake, and less than this kept free leaves the index no room."""

MOST_GB: Final = 1_000_000_000
"""More bytes than these, a billion GB, have no room in a number of 64 bits, and are no limit but a mistake."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """A volume's limits in GB; `max_gb` None is no limit."""

    min_free_gb: float
    max_gb: float | None

    @classmethod
    def of(cls, form: Form) -> Limits:
        """Return the limits of a filled-in form."""
        return cls(min_free_gb=form[CONF_MIN_FREE_GB], max_gb=form.get(CONF_MAX_GB))

    def data(self) -> dict[str, float | None]:
        """Return them as an entry keeps them."""
        return {CONF_MIN_FREE_GB: self.min_free_gb, CONF_MAX_GB: self.max_gb}

    def check(self) -> None:
        """Refuse limits that make no sense on any disk."""
        check_gb(self.min_free_gb, CONF_MIN_FREE_GB, "min_free_out_of_range")
        check_gb(self.max_gb, CONF_MAX_GB, "max_out_of_range")

    def check_fit(self, total_bytes: int, free_bytes: int) -> None:
        """Refuse limits that leave no room on this disk. `free_bytes` counts footage that lies there already."""
        values = {"total_gb": shown_gb(total_bytes), "free_gb": shown_gb(free_bytes)}
        if (self.min_free_gb + LEAST_GB) * GB > free_bytes:
            raise FormFaultError(CONF_MIN_FREE_GB, "too_little_space", **values)
        if self.max_gb is not None and (self.min_free_gb + self.max_gb) * GB > total_bytes:
            raise FormFaultError(CONF_MAX_GB, "max_exceeds_disk", **values)

    def usable(self, free_bytes: int) -> int:
        """Return the bytes of footage that fit on a disk with so much free."""
        return usable_bytes(
            free_bytes=free_bytes,
            min_free_bytes=round(self.min_free_gb * GB),
            max_bytes=None if self.max_gb is None else round(self.max_gb * GB),
        )


def check_gb(gb: float | None, place: str, key: str) -> None:
    """Refuse a size that is a mistake with a sentence. Raises `FormFaultError`."""
    # Written as "not between": a number may be NaN, which is neither below nor above anything.
    if gb is not None and not LEAST_GB <= gb <= MOST_GB:
        raise FormFaultError(place, key, least=str(LEAST_GB), most=str(MOST_GB))
