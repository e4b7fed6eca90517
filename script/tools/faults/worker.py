"""The recorder of a fault test: `worker PLAN serve …` runs the real one, with what the plan says done to it.

The plan is a JSON object. `segment_us` shortens segments, so that many close in a short test. `steps` names a file that
takes the name of each write step whenever it is passed. `crash` names such a step, its side (`before`, `after`, or
`torn`: half of a write) and which passage of it; the process sends itself SIGKILL there, after it wrote the moment to
`died`. `clock` lists what the recorder's clock is ahead of the machine's: [seconds after the start, microseconds].
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final

from sqlalchemy import Engine, event

from recorder_core.capture import run, run_clock
from recorder_core.cli import serve
from recorder_core.cli.main import run as run_command
from recorder_core.clock import SystemClock

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

_CALLS: Final = ("open", "mkdir", "write", "writev", "fsync", "ftruncate", "unlink", "rename", "replace")
_PR_SET_PDEATHSIG: Final = 1
"""<linux/prctl.h>: the recorder ends with the suite, should that be ended."""

_WRITES: Final = ("write", "writev")
_OURS: Final = str(Path(run_clock.__file__).parents[1])
_WRITING: Final = os.O_WRONLY | os.O_RDWR | os.O_CREAT


@dataclass(frozen=True, slots=True)
class Crash:
    """Where the process is to end itself."""

    step: str
    side: str
    passage: int


class Steps:
    """Counts the passages of each write step, and ends the process at the one that was asked for."""

    def __init__(self, crash: Crash | None, steps: Path | None, died: Path | None) -> None:
        """Watch from now on."""
        self._crash = crash
        self._steps = None if steps is None else os.open(steps, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._died = died
        self._write = os.write
        self._passages = 0

    def meets(self, step: str) -> str | None:
        """Note a passage; return the side on which the process must end, if it is the one."""
        if self._steps is not None:
            self._write(self._steps, f"{step}\n".encode())
        if self._crash is None or step != self._crash.step:
            return None
        self._passages += 1
        return self._crash.side if self._passages == self._crash.passage else None

    def die(self) -> None:
        """End at once, as by a power switch for processes."""
        if self._died is not None:
            fd = os.open.__wrapped__(self._died, os.O_WRONLY | os.O_CREAT, 0o600)  # type: ignore[attr-defined]
            self._write(fd, b"%d" % (time.time_ns() // 1000))
        os.kill(os.getpid(), signal.SIGKILL)


def watch(steps: Steps) -> None:
    """Put the steps into the calls of `os` that change files, and into the commits of the index."""
    for name in _CALLS:
        setattr(os, name, _watched(name, getattr(os, name), steps))

    @event.listens_for(Engine, "commit")
    def _commit(_connection: object) -> None:
        step = _step()
        if step is not None and step.startswith("_writing<") and steps.meets(f"{step}:commit") is not None:
            steps.die()


# The calls of `os` that are wrapped have every kind of arguments and results: they are handed on as they are.
def _watched(name: str, call: Callable[..., Any], steps: Steps) -> Callable[..., Any]:  # Any: see above
    def watched(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401  # see above
        caller = _step()
        if caller is None or (name == "open" and not args[1] & _WRITING):
            return call(*args, **kwargs)
        side = steps.meets(f"{caller}:{name}")
        if side == "before":
            steps.die()
        elif side == "torn" and name in _WRITES:
            data = b"".join(args[1]) if name == "writev" else bytes(args[1])
            call(args[0], [data[: len(data) // 2]] if name == "writev" else data[: len(data) // 2])
            steps.die()
        result = call(*args, **kwargs)
        if side is not None:
            steps.die()
        return result

    watched.__wrapped__ = call  # type: ignore[attr-defined]  # the call itself, for the end
    return watched


def _step() -> str | None:
    """Return the two innermost functions of the recorder that are at work; None for what others do."""
    frame: FrameType | None = sys._getframe(2)  # noqa: SLF001  # the caller's name is what it is about
    names: list[str] = []
    while frame is not None and len(names) < 2:
        if frame.f_code.co_filename.startswith(_OURS):
            names.append(frame.f_code.co_name)
        frame = frame.f_back
    return "<".join(names) or None


class ShiftedClock(SystemClock):
    """The machine's clock, ahead by what a list says for the time since the start."""

    shifts: ClassVar[list[tuple[float, int]]] = []
    _began: ClassVar = time.monotonic()

    def now_us(self) -> int:
        """UTC in microseconds since 1970, shifted."""
        lived = time.monotonic() - self._began
        return super().now_us() + [by_us for after_s, by_us in self.shifts if after_s <= lived][-1]


def main() -> int:
    """Prepare what the plan says and run the recorder."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    plan = json.loads(Path(sys.argv[1]).read_text())
    if "segment_us" in plan:
        for module in (run, run_clock):
            vars(module)["SEGMENT_US"] = plan["segment_us"]
    if "clock" in plan:
        ShiftedClock.shifts = [(after_s, by_us) for after_s, by_us in plan["clock"]]
        vars(serve)["SystemClock"] = ShiftedClock
    crash = Crash(**plan["crash"]) if "crash" in plan else None
    paths = [Path(plan[name]) if name in plan else None for name in ("steps", "died")]
    if crash is not None or paths[0] is not None:
        watch(Steps(crash, paths[0], paths[1]))
    return run_command(sys.argv[2:])


if __name__ == "__main__":
    sys.exit(main())
