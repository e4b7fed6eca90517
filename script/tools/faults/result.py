"""What the suite's kinds of faults are given, and what each reports."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from enum import Enum
from math import inf
from typing import TYPE_CHECKING, Final

from .checker import LOSS_LIMIT_S

if TYPE_CHECKING:
    from pathlib import Path
    from random import Random

    from .checker import Verdict

RPO_S: Final = 5.0
"""How long what was written may not be on the disk yet."""


class Cost(Enum):
    """What a fault may cost in one piece of a camera's frames, in seconds."""

    KILL = LOSS_LIMIT_S
    POWER = RPO_S + LOSS_LIMIT_S
    """A filesystem that loses what was not synced."""
    ANY = inf
    """Footage is destroyed on purpose."""


@dataclass(frozen=True, slots=True)
class Ground:
    """Where a kind of fault happens: an empty folder, its own source of chance, and how often it is to happen."""

    folder: Path
    random: Random
    short: bool


@dataclass(slots=True)
class Result:
    """What a kind of fault did. `wrong` holds a sentence for whatever should not be; `figures` is for people.

    `losses` are the longest losses by what they may be.
    """

    count: int = 0
    kills: int = 0
    interleavings: int = 0
    closed_segments_lost: int = 0
    held_bytes_deleted: int = 0
    losses: dict[Cost, float] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    figures: dict[str, float | int] = field(default_factory=dict)

    def take(self, verdict: Verdict, what: str, cost: Cost = Cost.KILL) -> None:
        """Add what the checker found after `what`, which may cost that much."""
        self.closed_segments_lost += verdict.closed_segments_lost
        self.held_bytes_deleted += verdict.held_bytes_deleted
        self.losses[cost] = max(self.losses.get(cost, 0.0), verdict.max_loss_s)
        if not verdict.is_good or verdict.max_loss_s > cost.value:
            self.wrong.append(f"{what}: {asdict(verdict)}")

    def loss_s(self, cost: Cost) -> float:
        """Return the longest loss of that kind."""
        return self.losses.get(cost, 0.0)

    def bites(self, what: str, *, found: bool) -> None:
        """Note that something was broken on purpose, which the checker must have found."""
        self.figures["planted"] = self.figures.get("planted", 0) + 1
        if not found:
            self.wrong.append(f"the checker does not see {what}")
