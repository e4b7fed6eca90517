"""What a sweep must remember over a restart: what it thinks of the clock, and of which reviews it has told.

A small file in the data folder, replaced whole. Without it, or if it cannot be read, the clock is looked at as for the
first time, and somebody is reminded of a review once more.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from recorder_core.json_data import JsonData
from recorder_core.storage.files import write_private

from .clock_trust import ClockTrust

if TYPE_CHECKING:
    from pathlib import Path

_LOGGER = logging.getLogger(__name__)

SWEEP = "sweep.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepState(JsonData):
    """The content of `sweep.json`. `reminded` has the moments of the reviews that were told of, by the holds' ids."""

    clock: ClockTrust | None = None
    reminded: dict[str, int] = field(default_factory=dict)


def load_state(folder: Path) -> SweepState:
    """Read the file in the data folder. Blocks."""
    try:
        return SweepState.from_json((folder / SWEEP).read_bytes())
    except FileNotFoundError:
        return SweepState()
    except OSError, ValueError, TypeError, LookupError:  # whatever is wrong with it, it is made anew
        _LOGGER.warning("%s cannot be read; whether the clock can be trusted is found out anew", SWEEP)
        return SweepState()


def save_state(folder: Path, state: SweepState) -> None:
    """Replace the file in the data folder. Blocks until it is on the disk; raises OSError."""
    write_private(folder / SWEEP, state.to_jsonb())
