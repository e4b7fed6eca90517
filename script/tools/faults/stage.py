"""One store of the fault suite, and what is known of it from outside."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .checker import Evidence, Life, judge
from .claimed import Claims
from .result import Cost
from .sent import read_holds

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from .checker import Verdict
    from .sent import SentFrame


def now_us() -> int:
    """Return the wall time of this machine in UTC microseconds."""
    return time.time_ns() // 1000


@dataclass(slots=True)
class Stage:
    """One store: `folder/data`, volumes beside it, and what is known of the recorders that ran on it."""

    folder: Path
    volumes: list[Path] = field(default_factory=list)
    shifts_us: tuple[int, ...] = (0,)
    claims: Claims = field(default_factory=Claims)
    lives: list[Life] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Make the data folder, the one that takes copies of exports, and one volume unless some were named."""
        self.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.desk.mkdir(exist_ok=True)
        if not self.volumes:
            self.volumes.append(self.folder / "v")

    @property
    def data(self) -> Path:
        """The recorder's data folder."""
        return self.folder / "d"

    @property
    def desk(self) -> Path:
        """The folder that takes copies of exports."""
        return self.folder / "desk"

    @property
    def index(self) -> Path:
        """The recorder's index."""
        return self.data / "index.sqlite"

    @property
    def log(self) -> Path:
        """What its recorders say."""
        return self.folder.with_name(f"{self.folder.name}.log")

    @property
    def holds(self) -> Path:
        """The log of the holds that were placed; the scene's own, out of the recorder's reach."""
        return self.folder.with_name(f"{self.folder.name}.holds")

    def hold_placed(self, key: str, cameras: Sequence[str], start_us: int, end_us: int | None) -> None:
        """Log that the recorder has confirmed a hold."""
        self._log_hold({"did": "placed", "hold": key, "cameras": cameras, "start_us": start_us, "end_us": end_us})

    def hold_released(self, key: str) -> None:
        """Log that the recorder is about to be asked to release a hold."""
        self._log_hold({"did": "released", "hold": key})

    def _log_hold(self, said: dict[str, object]) -> None:
        with self.holds.open("a") as file:
            file.write(json.dumps(said | {"at_us": now_us()}) + "\n")

    def note_claims(self) -> None:
        """Have the checker note what the index claims; no recorder may run."""
        if self.index.exists():
            self.claims.note(self.index, self.volumes, now_us())

    def judge(
        self, sent: dict[str, list[SentFrame]], cost: Cost = Cost.KILL, *, as_of_us: int | None = None
    ) -> Verdict:
        """Have the checker judge the store; no recorder may run. A hold that was placed after `as_of_us` is unknown."""
        evidence = Evidence(
            index=self.index,
            volumes=self.volumes,
            sent=sent,
            lives=self.lives,
            claims=self.claims,
            holds=[hold for hold in read_holds(self.holds) if as_of_us is None or hold.placed_us <= as_of_us],
            shifts_us=self.shifts_us,
        )
        return judge(evidence, loss_limit_s=cost.value)
