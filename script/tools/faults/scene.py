"""A stage for a fault: cameras that are running, a folder for one store, and recorders that are started on it.

The recorder is the program as it is (`recorder_core serve`), as a process; see `worker` for what a plan does to it.
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
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Self

from recorder_core.api.client import RecorderClient
from recorder_core.errors import ErrorCode, RecorderError
from recorder_core.models import CameraConfig, CameraState, Settings, VolumeConfig

from .checker import Claims, Life, SentFrame, Verdict, judge, read_log
from .result import LOSS_LIMIT_S

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
    from pathlib import Path

    from recorder_core.models import RecorderStatus

    from .result import Ground, Result

START_S: Final = 60.0
SEGMENT_US: Final = 2_000_000
_LOOK_S: Final = 0.1
_CALM_S: Final = 4.0
_CAMERAS: Final = 2

type Plan = Mapping[str, Any]  # Any: the values of a JSON object, see `worker`


def now_us() -> int:
    """Return the wall time of this machine in UTC microseconds."""
    return time.time_ns() // 1000


class Cameras:
    """Simulated cameras in a process of their own, between `with` and its end."""

    def __init__(self, count: int, log: Path) -> None:
        """Start them; each frame that they send is written to `log`, which is whole once they have ended."""
        self.log = log
        self._process = subprocess.Popen(
            [sys.executable, "-m", "script.tools.faults.cameras", str(count), log],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        told = json.loads(self._line())
        self.urls: dict[str, str] = told["urls"]
        self.loop: list[str] = told["loop"]

    def tell(self, name: str, word: str) -> None:
        """Have a camera misbehave, or with `clear` behave again; it does when this returns."""
        if self._process.stdin is not None:
            print(name, word, file=self._process.stdin, flush=True)
        self._line()

    def sent(self) -> dict[str, list[SentFrame]]:
        """End the cameras and return what they sent."""
        self.close()
        return read_log(self.log, self.loop)

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


@dataclass(slots=True)
class Stage:
    """One store: `folder/data`, volumes beside it, and what is known of the recorders that ran on it."""

    folder: Path
    volumes: list[Path] = field(default_factory=list)
    shifts_us: tuple[int, ...] = (0,)
    claims: Claims = field(default_factory=Claims)
    lives: list[Life] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Make the data folder, and one volume unless some were named."""
        self.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not self.volumes:
            self.volumes.append(self.folder / "v")

    @property
    def data(self) -> Path:
        """The recorder's data folder."""
        return self.folder / "d"

    @property
    def index(self) -> Path:
        """The recorder's index."""
        return self.data / "index.sqlite"

    def note_claims(self) -> None:
        """Have the checker note what the index claims; no recorder may run."""
        if self.index.exists():
            self.claims.note(self.index, self.volumes)

    def judge(self, sent: dict[str, list[SentFrame]]) -> Verdict:
        """Have the checker judge the store; no recorder may run."""
        return judge(
            index=self.index,
            volumes=self.volumes,
            sent=sent,
            lives=self.lives,
            claims=self.claims,
            shifts_us=self.shifts_us,
        )


class RecorderProcess:
    """A recorder that was started on a stage."""

    def __init__(self, stage: Stage, plan: Plan | None = None, *, under: Sequence[str] = ()) -> None:
        """Start it; the plan's values are those of its JSON. `under` is a command that runs it."""
        self.stage = stage
        self._under = bool(under)
        self.outages: list[tuple[int, int]] = []
        self._began_us = now_us()
        plan_file = stage.folder / "plan.json"
        plan_file.write_text(json.dumps({"segment_us": SEGMENT_US} | dict(plan or {})))
        command: list[str | Path] = [*under, sys.executable, "-m", "script.tools.faults.worker", plan_file, "serve"]
        with (stage.folder.parent / f"{stage.folder.name}.log").open("ab") as log:
            self.process = subprocess.Popen(
                [*command, "--data", stage.data, "--log-level", "error"], stdin=subprocess.DEVNULL, stderr=log
            )

    @property
    def socket(self) -> Path:
        """Where its API listens."""
        return self.stage.data / "recorder.sock"

    @contextlib.asynccontextmanager
    async def client(self) -> AsyncGenerator[RecorderClient]:
        """Give a client once the recorder answers."""
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
                        raise RuntimeError(f"the recorder ended with {self.process.returncode}") from error
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

    def ended(self, at_us: int) -> None:
        """Wait for its end, which was asked for at `at_us`."""
        self.process.wait(60)
        began_us = self._began_us
        for begin_us, end_us in self.outages:
            self.stage.lives.append(Life(began_us, begin_us))
            began_us = end_us
        self.stage.lives.append(Life(began_us, at_us))


@contextlib.asynccontextmanager
async def recorded(
    ground: Ground,
    result: Result,
    what: str,
    *,
    stage: Stage | None = None,
    loss_limit_s: float = LOSS_LIMIT_S,
) -> AsyncGenerator[Scene]:
    """Run a recorder that records for a while before and after the block, stop it, and have the checker judge."""
    stage = stage or Stage(ground.folder / "s")
    with Cameras(_CAMERAS, ground.folder / "sent") as running:
        await set_up(stage, running)
        recorder = RecorderProcess(stage)
        async with recorder.client() as client:
            await until(client, recording)
            await asyncio.sleep(_CALM_S)
            yield Scene(stage, running, recorder, client)
            await asyncio.sleep(_CALM_S)
        recorder.stop()
        stage.note_claims()
        is_kill = loss_limit_s == LOSS_LIMIT_S
        result.take(stage.judge(running.sent()), what, loss_limit_s=loss_limit_s, is_kill=is_kill)
        result.count += 1


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything that a fault can reach."""

    stage: Stage
    cameras: Cameras
    recorder: RecorderProcess
    client: RecorderClient


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


async def set_up(stage: Stage, cameras: Cameras, *, time_zone: str = "UTC", plan: Plan | None = None) -> None:
    """Give the store its volumes and cameras, by a recorder that is started for that and stopped again."""
    recorder = RecorderProcess(stage, plan)
    async with recorder.client() as client:
        for volume in stage.volumes:
            volume.mkdir(mode=0o700, exist_ok=True)
        await client.apply_settings(
            Settings(volumes=[VolumeConfig(path=str(volume)) for volume in stage.volumes], time_zone=time_zone)
        )
        for name, url in cameras.urls.items():
            await client.put_camera(CameraConfig(camera_id=name, name=name, url=url))
    recorder.stop()


async def until(client: RecorderClient, wanted: Callable[[RecorderStatus], bool], limit_s: float = 60) -> None:
    """Wait until the recorder's status is as wanted. Raises `TimeoutError`."""
    async with asyncio.timeout(limit_s):
        while not wanted(await client.status()):  # noqa: ASYNC110  # it is another process that changes
            await asyncio.sleep(_LOOK_S)


def recording(status: RecorderStatus) -> bool:
    """Whether all cameras are being recorded."""
    return all(camera.state is CameraState.RECORDING for camera in status.cameras)
