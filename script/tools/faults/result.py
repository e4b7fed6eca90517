"""What the suite's kinds of faults are given, and what each reports."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path
    from random import Random

    from .checker import Verdict

LOSS_LIMIT_S = 1.5
"""What a kill may cost: the open fragment of a second, and what was not read yet."""


@dataclass(frozen=True, slots=True)
class Ground:
    """Where a kind of fault happens: an empty folder, its own source of chance, and how often it is to happen."""

    folder: Path
    random: Random
    short: bool


@dataclass(slots=True)
class Result:
    """What a kind of fault did. `wrong` holds a sentence for whatever should not be; `figures` is for people."""

    count: int = 0
    kills: int = 0
    interleavings: int = 0
    closed_segments_lost: int = 0
    held_bytes_deleted: int = 0
    max_loss_s: float = 0.0
    wrong: list[str] = field(default_factory=list)
    figures: dict[str, float | int] = field(default_factory=dict)

    def take(self, verdict: Verdict, what: str, *, loss_limit_s: float = LOSS_LIMIT_S, is_kill: bool = True) -> None:
        """Add what the checker found after `what`; a power cut may cost more than a kill, and is not counted as one."""
        self.closed_segments_lost += verdict.closed_segments_lost
        if is_kill:
            self.max_loss_s = max(self.max_loss_s, verdict.max_loss_s)
        if not verdict.is_good or verdict.max_loss_s > loss_limit_s:
            self.wrong.append(f"{what}: {asdict(verdict)}")
        if is_kill and not verdict.frames_stored:
            self.wrong.append(f"{what}: nothing was recorded")
