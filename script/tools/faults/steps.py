"""SIGKILL of a real recorder at every step of its work on files; see `crash` for what a step is, `acts` for the lives.

Which steps there are is found by watching recorders. Then one is ended at each of them. A step that is met once and not
again, and a function that changes files and that no step is in, are faults of this suite and fail it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, replace
from pathlib import Path
from typing import Final

import recorder_core

from .acts import Act, Busy, First, Ledger, Lost, Mended, Small, Torn, has_died
from .crash import Crash, sides
from .kills import CAMERAS
from .result import Ground, Result
from .running import Cameras
from .write_steps import writing_functions

_ATTEMPTS: Final = 12
"""Most steps are met at once; of a few that need some luck, this is far more than enough."""

_LIVES: Final = 2
_LATEST: Final = 3
"""A step that is passed again and again is met at one of its first passages."""

_FEW: Final = 4

WITHOUT: Final = {
    "api/server._bind": "a socket that was left behind",
    "api/server.stop": "the socket",
    "cli/logs.start_logging": "the folder of the log, which holds no footage",
    "cli/probe.main": "a still that somebody asks to have written",
    "cli/store.index_copy": "a copy of the index for a command that only reads",
    "cli/supervisor._say": "standard error",
    "service/read_in.note_read": "a note that footage is unread, which does no harm if it stays",
    "storage/delivery_rows.put_delivery": "why a copy came to no end, for people",
    "storage/files.fsync_folder": "nothing that a kill could show",
    "storage/rebuild_rows.clear_finding": "a remark that a file is as it should be again",
    "storage/rebuild_rows.give_up": "the row of a file that is not there, after the index was put back",
    "storage/rebuild_rows.note_finding": "a remark on a file that somebody removed or changed",
    "storage/segment_file.discard": "a file without a fragment, of a camera that sent less than one",
}
"""Functions that change files and need no crash point, with what they change."""


async def at_each_step(ground: Ground) -> Result:
    """Find the steps, end a recorder at each, and have all stores judged. In short it is a few steps of a busy one."""
    result = Result()
    with Cameras(CAMERAS, ground.folder / "sent") as cameras:
        acts = _acts(ground, cameras, result)
        points: list[tuple[Act, Crash]] = []
        seen: set[str] = set()
        for act in acts:
            fresh = {step: last for step, last in (await _find(act, ground)).items() if step not in seen}
            seen |= fresh.keys()
            drawn = [Crash(step, side, ground.random.randint(1, fresh[step])) for step in fresh for side in sides(step)]
            points += [(act, crash) for crash in (ground.random.sample(drawn, _FEW) if ground.short else drawn)]
        for act, crash in points:
            if await _ended_at(act, crash, ground.folder / "died"):
                result.kills += 1
            else:
                result.wrong.append(f"{act.name}: {crash.side} {crash.step} was never met")
        for act in acts:
            await act.settle()
        sent = cameras.sent()
        for act in acts:
            act.judge(sent, result)
    result.count = result.kills
    result.figures |= {"steps": len(seen), "points": len(points)}
    if not ground.short:
        result.wrong += missing_steps(seen, Path(recorder_core.__file__).parent)
    return result


def _acts(ground: Ground, cameras: Cameras, result: Result) -> list[Act]:
    busy = Busy(ground, cameras, result.wrong)
    if ground.short:
        return [busy]
    ways = (First, Torn, Small, Mended, Lost)
    return [busy, *(way(ground, cameras) for way in ways), Ledger(ground, busy.stage)]


async def _find(act: Act, ground: Ground) -> dict[str, int]:
    """Watch a few lives; return the steps that were passed, each with up to which passage it may be met."""
    seen: dict[str, int] = {}
    steps = ground.folder / "steps"
    died = ground.folder / "died"
    for number in range(1 if ground.short else _LIVES):
        if number and act.cut:
            await _ended_at(act, act.cut, died)
        for old in (steps, died):
            _forget(old)
        await act.live({"steps": str(steps)}, died)
        passed = Counter(steps.read_text().splitlines())
        seen |= {step: min(passages, seen.get(step, _LATEST)) for step, passages in passed.items()}
    return dict(sorted(seen.items()))


async def _ended_at(act: Act, crash: Crash, died: Path) -> bool:
    """Have a recorder end itself at a step; whether one of a few came there.

    What a crash leaves behind has steps of its own, so the next one to try finds a crash's traces, too.
    """
    for attempt in range(_ATTEMPTS):
        if attempt and act.cut is not None:
            await _try(act, act.cut, died)
        if await _try(act, crash if attempt == 0 else replace(crash, passage=1), died):
            return True
    return False


async def _try(act: Act, crash: Crash, died: Path) -> bool:
    _forget(died)
    await act.live({"crash": asdict(crash), "died": str(died)}, died)
    return has_died(died)


def _forget(path: Path) -> None:
    path.unlink(missing_ok=True)


def missing_steps(seen: set[str], package: Path) -> list[str]:
    """Hold the steps against the recorder's source; return a sentence for each function that has none."""
    functions = writing_functions(package)
    met = {function for step in seen for function in step.rpartition(":")[0].split("<")}
    return [
        *(f"no crash point is in {one}" for one in sorted(functions - met - WITHOUT.keys())),
        *(f"{one} is to have no crash point, but changes no file" for one in sorted(WITHOUT.keys() - functions)),
    ]
