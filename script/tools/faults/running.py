"""The processes of the fault suite: cameras, recorders, and recorders one after the other as after boots.

A recorder is the program as it is (`recorder_core serve`); see `worker` for what a plan does to it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any, Final, Self

from recorder_core.api.client import RecorderClient
from recorder_core.errors import ErrorCode, RecorderError

from .checker import Life
from .sent import read_log
from .stage import now_us

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping, Sequence
    from pathlib import Path

    from .sent import SentFrame
    from .stage import Stage

START_S: Final = 60.0
SHORT_SEGMENTS: Final = {
    "recorder_core.capture.run:SEGMENT_US": 2_000_000,
    "recorder_core.capture.run_clock:SEGMENT_US": 2_000_000,
}
"""Constants of the recorder, so that many segments close in a short test; see `worker`."""

type Plan = Mapping[str, Any]  # Any: the values of a JSON object, see `worker`


class GoneError(RuntimeError):
    """The recorder has ended."""


class Cameras:
    """Simulated cameras in a process of their own, between `with` and its end."""

    def __init__(self, count: int, log: Path, *, changing: bool = False) -> None:
        """Start them; each frame that they send is written to `log`, which is whole once they have ended.

        Only those that are `changing` can be told to send larger pictures.
        """
        self.log = log
        self._process = subprocess.Popen(
            [sys.executable, "-m", "script.tools.faults.cameras", str(count), log, *(["changing"] * changing)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        told = json.loads(self._line())
        self.urls: dict[str, str] = told["urls"]

    def tell(self, name: str, word: str) -> None:
        """Have a camera misbehave, or with `clear` behave again; it does when this returns."""
        if self._process.stdin is not None:
            print(name, word, file=self._process.stdin, flush=True)
        self._line()

    def sent(self) -> dict[str, list[SentFrame]]:
        """End the cameras and return what they sent."""
        self.close()
        return read_log(self.log)

    def close(self) -> None:
        """End them; a second call does nothing."""
        if self._process.poll() is None:
            self._process.communicate(timeout=30)

    def __enter__(self) -> Self:
        """Hand them out."""
        return self

    def __exit__(self, *exc: object) -> None:
        """End them."""
        self.close()

    def _line(self) -> str:
        line = self._process.stdout.readline() if self._process.stdout is not None else ""
        if not line:
            raise RuntimeError("the simulated cameras ended; the reason stands above")
        return line


class RecorderProcess:
    """A recorder that was started on a stage."""

    def __init__(self, stage: Stage, plan: Plan | None = None, *, under: Sequence[str] = ()) -> None:
        """Start it; the plan's values are those of its JSON. `under` is a command that runs it."""
        self.stage = stage
        self._under = bool(under)
        self.outages: list[tuple[int, int]] = []
        self._began_us = now_us()
        plan_file = stage.folder / "plan.json"
        plan_file.write_text(json.dumps({"constants": SHORT_SEGMENTS} | dict(plan or {})))
        command: list[str | Path] = [*under, sys.executable, "-m", "script.tools.faults.worker", plan_file, "serve"]
        with stage.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*command, "--data", stage.data, "--log-level", "error"], stdin=subprocess.DEVNULL, stderr=log
            )

    @property
    def socket(self) -> Path:
        """Where its API listens."""
        return self.stage.data / "recorder.sock"

    @contextlib.asynccontextmanager
    async def client(self) -> AsyncGenerator[RecorderClient]:
        """Give a client once the recorder answers. Raises `GoneError` if it ends before that."""
        deadline = time.monotonic() + START_S
        async with RecorderClient(socket=self.socket) as client:
            while True:
                try:
                    await client.status()
                    break
                except RecorderError as error:
                    if error.code is not ErrorCode.RECORDER_UNREACHABLE or time.monotonic() > deadline:
                        raise
                    if self.process.poll() is not None:
                        raise GoneError(f"the recorder ended with {self.process.returncode}") from error
                    await asyncio.sleep(0.05)
            yield client

    def kill(self) -> None:
        """Send SIGKILL, and note the life that ended."""
        at_us = now_us()
        if self._under:  # what runs it ends with it
            os.kill(int((self.stage.data / "recorder.lock").read_text()), signal.SIGKILL)
        else:
            self.process.kill()
        self.ended(at_us)

    def stop(self) -> None:
        """Have it stop cleanly."""
        at_us = now_us()
        self.process.terminate()
        self.ended(at_us)
        if self.process.returncode != 0:
            raise RuntimeError(f"the recorder stopped with {self.process.returncode}")

    def finish(self, died: Path) -> None:
        """Have it stop, if it is there still; `died` has the moment of its end if it was to end by itself."""
        at_us = now_us()
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait(60)
        self.ended(min(at_us, int(died.read_text())) if died.exists() else at_us)

    def ended(self, at_us: int) -> None:
        """Wait for its end, which was asked for at `at_us`."""
        self.process.wait(60)
        began_us = self._began_us
        for begin_us, end_us in self.outages:
            self.stage.lives.append(Life(began_us, begin_us))
            began_us = end_us
        self.stage.lives.append(Life(began_us, at_us))


class Restarter:
    """Starts and stops recorders in one process, as after a boot; see `restart`."""

    def __enter__(self) -> Self:
        """Start the process."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "script.tools.faults.restart"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        return self

    def restart(self, data: Path) -> str:
        """Start a recorder on a data folder, let it read what it does not know, and stop it; `ok`, or what it said."""
        if self._process.stdin is None or self._process.stdout is None:
            raise RuntimeError("the process has no pipes")
        print(data, file=self._process.stdin, flush=True)
        return self._process.stdout.readline().strip()

    def __exit__(self, *exc: object) -> None:
        """End it."""
        self._process.communicate(timeout=60)
