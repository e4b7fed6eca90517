"""A recorder that kills itself at every step: `python -m tests.core.storage.crash_writer ROOT`.

It records one camera as the writer does: row, file, fragments, close with the next row. For each step a process of its
own, forked before anything was opened, records into `ROOT/<number of the step>` and sends itself SIGKILL there, so
nothing is flushed, closed or rolled back. The names of the steps that it passed are in `steps` beside the store.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from recorder_core.storage.records import GapReason

from .store import T0, S, Store, fragment

FRAGMENTS = 2
SEGMENTS = 2
STEPS = 3 + SEGMENTS * (3 + FRAGMENTS) + 2


def record(root: Path, last_step: int) -> None:
    """Record until the step with the number `last_step`, the first being 0."""
    passed = 0

    def step(name: str) -> None:
        nonlocal passed
        with (root / "steps").open("a") as file:
            file.write(f"{name}\n")
        if passed == last_step:
            os.kill(os.getpid(), signal.SIGKILL)
        passed += 1

    store = Store(root)
    step("opened")
    store.index.put_camera("entrance", "Entrance")
    gap = store.index.open_gap("entrance", T0 - 10 * S, GapReason.CONNECTING)
    store.index.heartbeat(T0 - 5 * S)
    step("connecting")
    store.index.close_gap(gap, T0)
    run = store.run()
    file = store.file(run, T0)
    step("running")
    store.index.file_opened(file)
    for number in range(SEGMENTS):
        step(f"row {number}")
        written, spans = store.write(file, 0, row=False)
        step(f"file {number}")
        for count in range(FRAGMENTS):
            spans.append(written.append(fragment(file.start_us + count * S, count)))
            step(f"fragment {number} {count}")
        segment = store.close(file, written, spans)
        step(f"closed {number}")
        file = store.file(run, segment.end_us)
        store.index.file_closed(segment, file)
    store.index.file_discarded(file.segment_id)
    step("between")
    store.index.end_run(run.run_id, segment.end_us, "stopped")
    store.index.close()
    step("stopped")


def main(root: Path) -> int:
    """Crash at each step in turn; 0 if every process was killed where it should be."""
    for number in range(STEPS):
        (root / str(number)).mkdir()
        if (pid := os.fork()) == 0:
            record(root / str(number), number)
            os._exit(1)
        if os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) != -signal.SIGKILL:
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
