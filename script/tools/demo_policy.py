"""What the libraries of the demonstration say about keeping footage, as rules of the camera dialog.

A library whose policy names no time gets none here: nothing of another library's fills the gap.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class FootagePolicy:
    """The rules that each camera gets, and in words where they come from.

    `incident_area` is where something happens in the demonstration: its cameras' footage is held.
    """

    words: str
    incident_area: str
    rules: Mapping[str, float] = field(default_factory=dict)


POLICIES: Final = {
    "missoula": FootagePolicy(
        words="The library's draft policy names no time. Footage stays until the disk is full; then the oldest goes.",
        incident_area="Parking lot",
    ),
    "arapahoe": FootagePolicy(
        words=(
            "The policy: kept “for a limited amount of time and automatically deleted as system storage capacity "
            "dictates”. When the disk is full, the oldest footage goes."
        ),
        incident_area="North branch",
    ),
    "hanson": FootagePolicy(
        words=(
            "The policy: “typically deleted after 30 days”. Footage goes after 30 days; if the disk cannot hold as "
            "much, a repair issue says so."
        ),
        incident_area="Entrances",
        rules={"retention_days": 30, "minimum_days": 30},
    ),
}
