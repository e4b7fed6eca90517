"""`script/faults`: runs the kinds of faults, two at a time, and says what the checker found."""

from __future__ import annotations

import argparse
import asyncio
import json
import secrets
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Final

from recorder_core.errors import RecorderError
from script.tools.places import NoPlaceError, empty_folder, find_work_folder

from . import clocks, databases, held, kills, outages, power, races, steps, torn, volumes
from .result import Cost, Ground, Result

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping

_LANES: Final = 2
_SHORT_LANES: Final = 3
"""What is short waits for most of its time for processes to begin and end."""

_KINDS: Final[Mapping[str, Callable[[Ground], Coroutine[None, None, Result]]]] = {
    "kills_at_each_step": steps.at_each_step,
    "kills_at_random": kills.at_random,
    "power_cuts": power.power_cuts,
    "torn_files": torn.torn_files,
    "disk_full": volumes.full,
    "disk_read_only": volumes.read_only,
    "disk_stalled": volumes.stalled,
    "disk_too_slow": volumes.too_slow,
    "only_held_left": held.full_disk,
    "only_held_in_share": held.used_up,
    "volume_vanished": volumes.vanished,
    "volume_swapped": volumes.swapped,
    "index_locked": databases.locked,
    "index_damaged": databases.damaged,
    "clock_steps": clocks.steps,
    "daylight_saving": clocks.daylight_saving,
    "camera_reboots": outages.reboots,
    "camera_jumps": outages.jumps,
    "parameter_changes": outages.parameters,
    "interleavings": races.interleavings,
}


def main() -> int:
    """Parse the command line, run, report; 0 only if nothing was lost."""
    parser = argparse.ArgumentParser(prog="script/faults", description="Makes faults happen and judges what is left.")
    parser.add_argument("kinds", nargs="*", choices=[[], *_KINDS], help="only these kinds", metavar="KIND")
    parser.add_argument("--json", action="store_true", help="print the result as JSON, on the last line")
    parser.add_argument("--seed", type=int, help="repeat the run with this seed")
    parser.add_argument("--short", action="store_true", help="few of each kind")
    parser.add_argument("--folder", type=Path, help="an empty folder to work in")
    parser.add_argument("--keep", action="store_true", help="leave the folder where it is")
    arguments = parser.parse_args()
    try:
        base = empty_folder(arguments.folder) if arguments.folder else find_work_folder()
    except NoPlaceError as error:
        print(f"script/faults: {error}", file=sys.stderr)
        return 1
    seed = secrets.randbits(32) if arguments.seed is None else arguments.seed
    print(f"seed {seed}, in {base}", flush=True)
    try:
        results = _run_all(arguments.kinds or list(_KINDS), base, seed, short=arguments.short)
    finally:
        if not arguments.keep:
            shutil.rmtree(base)
    summary = summarise(results, seed)
    if arguments.json:
        print(json.dumps(summary))
    return 0 if summary["held"] else 1


def _run_all(kinds: list[str], base: Path, seed: int, *, short: bool) -> dict[str, Result]:
    """Run the kinds, some at a time, for most of them wait most of the time."""
    with ThreadPoolExecutor(_SHORT_LANES if short else _LANES) as lanes:
        running = {kind: lanes.submit(_run, kind, base / kind, seed, short=short) for kind in kinds}
        return {kind: future.result() for kind, future in running.items()}


def _run(kind: str, folder: Path, seed: int, *, short: bool) -> Result:
    """Run one kind in a folder of its own, with chance of its own, so that it can be repeated without the others."""
    folder.mkdir(mode=0o700, parents=True)
    began = time.monotonic()
    ground = Ground(folder, Random(f"{seed} {kind}"), short)  # noqa: S311  # chance here keeps no secret
    try:
        result = asyncio.run(_KINDS[kind](ground))
    except (RuntimeError, OSError, RecorderError, subprocess.SubprocessError) as error:
        result = Result(wrong=[f"could not be run to its end: {error!r}"])
    figures = "".join(f", {name} {value}" for name, value in result.figures.items())
    took_s = time.monotonic() - began
    held = "NOT HELD" if result.wrong else "all held"
    lines = [
        f"{kind}: {result.count} in {took_s:.0f} s, {held}, longest loss {_longest(result):.2f} s{figures}",
        *(f"  {sentence}" for sentence in result.wrong),
    ]
    print("\n".join(lines), flush=True)
    return result


def _longest(result: Result) -> float:
    return max((result.loss_s(cost) for cost in (Cost.KILL, Cost.POWER)), default=0.0)


def summarise(results: Mapping[str, Result], seed: int) -> dict[str, object]:
    """Return the last line's object."""
    every = results.values()
    return {
        "faults": {kind: result.count for kind, result in results.items()},
        "kills": sum(result.kills for result in every),
        "interleavings": sum(result.interleavings for result in every),
        "closed_segments_lost": sum(result.closed_segments_lost for result in every),
        "held_bytes_deleted": sum(result.held_bytes_deleted for result in every),
        "max_loss_s": round(max((result.loss_s(Cost.KILL) for result in every), default=0.0), 3),
        "loss_limit_s": Cost.KILL.value,
        "max_power_loss_s": round(max((result.loss_s(Cost.POWER) for result in every), default=0.0), 3),
        "power_loss_limit_s": Cost.POWER.value,
        "seeds": [seed],
        "wrong": [f"{kind}: {sentence}" for kind, result in results.items() for sentence in result.wrong],
        "held": not any(result.wrong or result.closed_segments_lost or result.held_bytes_deleted for result in every),
    }


if __name__ == "__main__":
    sys.exit(main())
