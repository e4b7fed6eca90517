"""Whether the wall clock may say that footage is old. Pure: one look follows from the one before.

Footage that was deleted for a wrong clock does not come back, so nothing is deleted by age after the clock went forward
by over an hour, or while nothing disciplines it, until somebody confirms the time or a day has passed on the monotonic
clock, which does not step. Within one boot the wall clock minus the monotonic one changes by steps alone, for the
kernel slews both. Over a restart of the machine a step cannot be told from the time that it was off, so there only a
clock that is disciplined is believed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from recorder_core.json_data import JsonData

STEP_US = 3_600_000_000
"""A step forward of more than that puts the clock in doubt."""

PATIENCE_US = 86_400_000_000
"""How long a doubt lasts that nobody clears."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading(JsonData):
    """One look at the clocks. `boot_id` says which start of the machine the monotonic one counts from."""

    wall_us: int
    monotonic_us: int
    boot_id: str
    synchronised: bool

    @property
    def offset_us(self) -> int:
        """Wall minus monotonic time."""
        return self.wall_us - self.monotonic_us


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockTrust(JsonData):
    """What is thought of the clock.

    `anchor_us` is the wall minus the monotonic time that later looks are held against. `doubt_us` is how much longer
    the clock stays in doubt; None while it is believed. `stepped` says that it is in doubt for a step, which a clock
    that is disciplined later does not clear.
    """

    reading: Reading
    anchor_us: int
    doubt_us: int | None = None
    stepped: bool = False


def look(before: ClockTrust | None, now: Reading) -> ClockTrust:
    """Return what is to be thought of the clock now; `before` is None where it was never looked at."""
    if before is None:
        return ClockTrust(reading=now, anchor_us=now.offset_us, doubt_us=None if now.synchronised else PATIENCE_US)
    same_boot = now.boot_id == before.reading.boot_id
    passed_us = max(now.monotonic_us - before.reading.monotonic_us, 0) if same_boot else 0
    if same_boot:
        step_us = now.offset_us - before.anchor_us
    else:
        step_us = 0 if now.synchronised else now.wall_us - before.reading.wall_us
    doubt_us = None if before.doubt_us is None or before.doubt_us <= passed_us else before.doubt_us - passed_us
    anchor_us = min(before.anchor_us, now.offset_us) if same_boot else now.offset_us
    if step_us > STEP_US:
        return ClockTrust(reading=now, anchor_us=now.offset_us, doubt_us=PATIENCE_US, stepped=True)
    stepped = before.stepped and doubt_us is not None
    if not now.synchronised and before.reading.synchronised:
        doubt_us = PATIENCE_US
    elif now.synchronised and not stepped:
        doubt_us = None
    return ClockTrust(reading=now, anchor_us=anchor_us, doubt_us=doubt_us, stepped=stepped)


def confirmed(trust: ClockTrust) -> ClockTrust:
    """Return it after somebody has said that the time is right."""
    return replace(trust, anchor_us=trust.reading.offset_us, doubt_us=None, stepped=False)
