"""The recorder of a fault test: `worker PLAN serve …` runs the real one, with what the plan says done to it.

The plan is a JSON object. `constants` gives values to constants of the recorder, named `module:NAME`, so that much
happens in a short test, and `backlog_bytes` says how much a volume's writer may be behind. `steps` names a file that
takes the name of each write step whenever it is passed, `crash` one at which the process ends itself, after it wrote
the moment to `died`; see `crash`. `clock` lists what the recorder's clock is ahead of the machine's: [seconds after the
start, microseconds].
"""

from __future__ import annotations

import ctypes
import importlib
import json
import signal
import sys
import time
from pathlib import Path
from typing import ClassVar, Final

from recorder_core.cli import serve
from recorder_core.cli.main import run as run_command
from recorder_core.clock import SystemClock
from recorder_core.storage.writer import VolumeWriter

from .crash import Crash, Steps, watch

_PR_SET_PDEATHSIG: Final = 1
"""<linux/prctl.h>: the recorder ends with the suite, should that be ended."""


class ShiftedClock(SystemClock):
    """The machine's clock, ahead by what a list says for the time since the start."""

    shifts: ClassVar[list[tuple[float, int]]] = []
    _began: ClassVar = time.monotonic()

    def now_us(self) -> int:
        """UTC in microseconds since 1970, shifted."""
        lived = time.monotonic() - self._began
        return super().now_us() + [by_us for after_s, by_us in self.shifts if after_s <= lived][-1]


def set_constant(name: str, value: float) -> None:
    """Give a constant of the recorder another value. Raises `LookupError` if there is none of that name."""
    module, _, constant = name.partition(":")
    known = vars(importlib.import_module(module))
    if constant not in known:
        raise LookupError(f"{module} has no {constant}")
    known[constant] = value


def main() -> int:
    """Prepare what the plan says and run the recorder."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    plan = json.loads(Path(sys.argv[1]).read_text())
    for name, value in plan.get("constants", {}).items():
        set_constant(name, value)
    if "backlog_bytes" in plan:
        vars(VolumeWriter)["__init__"].__kwdefaults__["max_backlog_bytes"] = plan["backlog_bytes"]
    if "clock" in plan:
        ShiftedClock.shifts = [(after_s, by_us) for after_s, by_us in plan["clock"]]
        vars(serve)["SystemClock"] = ShiftedClock
    crash = Crash(**plan["crash"]) if "crash" in plan else None
    steps, died = (Path(plan[name]) if name in plan else None for name in ("steps", "died"))
    if crash is not None or steps is not None:
        watch(Steps(crash, steps, died))
    return run_command(sys.argv[2:])


if __name__ == "__main__":
    sys.exit(main())
