"""`kill -9` at every step of a recording, in a real process: the next start finds all that was whole (invariant 7)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from recorder_core.storage.reconcile import reconcile
from tests.core.roots import documented_root

from .crash_writer import STEPS
from .store import T0, S, Store


def _look(root: Path, steps: list[str]) -> None:
    """Start again and hold what is found against what had been done."""
    store = Store(root)
    found = reconcile(store.index, [store.handle])
    fragments = sum(name.startswith("fragment") for name in steps)
    segments = store.index.segments("entrance", 0, 2 * T0) if store.index.cameras() else []
    # Not one whole fragment is lost, and rows and files say the same (invariant 1).
    assert sum(len(segment.fragments) for segment in segments) == fragments
    for segment in segments:
        path = store.path(segment)
        assert (path.stat().st_size, documented_root(path)) == (segment.size, segment.root)
    assert {store.path(segment) for segment in segments} == set(store.handle.volume.path.rglob("*.mp4"))
    assert store.index.open_files() == []
    assert store.index.open_gaps() == []
    assert store.index.unfinished_runs() == []
    # Nothing is silently missing: from the first gap to the end of the record it is all covered (invariant 4).
    if "connecting" in steps:
        (gap,) = store.index.gaps("entrance", 0, 2 * T0)
        end_us = T0 if "running" in steps else T0 - 5 * S
        assert (gap.start_us, gap.end_us) == (T0 - 10 * S, end_us)
        assert found.ends == {"entrance": end_us + fragments * S}
    if "running" in steps:
        run = store.index.run("run-1")
        assert run is not None
        assert run.end_us == T0 + fragments * S
    # And a second start changes nothing.
    assert reconcile(store.index, [store.handle]).ends == found.ends
    store.index.close()


def test_a_recorder_killed_at_any_step_loses_nothing_that_was_whole(tmp_path: Path) -> None:
    """From the first row to the clean end."""
    program = [sys.executable, "-m", "tests.core.storage.crash_writer", str(tmp_path)]
    subprocess.run(program, check=True, cwd=Path(__file__).parents[3])
    for number in range(STEPS):
        steps = (tmp_path / str(number) / "steps").read_text().splitlines()
        assert len(steps) == number + 1
        _look(tmp_path / str(number), steps)
    assert steps[-1] == "stopped"
