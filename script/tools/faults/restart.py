"""Starts a recorder on a data folder and stops it again, for each line of standard input: `restart`.

The machine counts as booted anew each time, so the recorder does all that it does after a power cut. Each line names a
data folder, and is answered with `ok` or with what the recorder said.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import tempfile
import time
from pathlib import Path
from uuid import uuid4

from recorder_core.clock import SystemClock
from recorder_core.errors import RecorderError
from recorder_core.service.recorder import Recorder
from recorder_core.storage import database


def _wait_until_read(data: Path) -> None:
    """Wait until no file says that a volume is still to be read into the index."""
    while any(path.name != "unread-holds" for path in data.glob("unread-*")):
        time.sleep(0.01)


async def _restart(data: Path) -> str:
    try:
        async with Recorder(data, clock=SystemClock()):
            await asyncio.to_thread(_wait_until_read, data)
    except RecorderError as error:
        return f"{error.code}: {error.message}"
    return "ok"


def main() -> None:
    """Answer until standard input ends."""
    logging.basicConfig(level=logging.CRITICAL)  # that it finds things broken is what it was started for
    for line in sys.stdin:
        with tempfile.NamedTemporaryFile("w") as boot_id:
            boot_id.write(uuid4().hex)
            boot_id.flush()
            vars(database)["_BOOT_ID"] = Path(boot_id.name)
            answer = asyncio.run(_restart(Path(line.strip())))
        print(answer, flush=True)


if __name__ == "__main__":
    main()
