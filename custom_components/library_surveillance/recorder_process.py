"""Starts, finds again and ends the recorder that this integration brings along.

The recorder outlives Home Assistant's core: it is started detached, in its own session, with a scrubbed environment and
no pipe, and it is known by its socket alone, never by a handle. At most one recorder writes a data folder: its lock,
not this module, sees to that, so a start that loses the race is no fault.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from recorder_core import __version__
from recorder_core.cli.exit_codes import LOCKED
from recorder_core.errors import ErrorCode, RecorderError, StorageError
from recorder_core.models import RecorderStatus
from recorder_core.storage.lock import StoreLock

from . import runtime_copy
from .socket_path import prepare_folder, socket_path

if TYPE_CHECKING:
    from homeassistant.core import HomeAssistant

    from recorder_core.api.client import RecorderClient

RUNTIME_FOLDER: Final = "runtime"

# What the recorder needs to find libraries, certificates and the machine's time zone; nothing else is handed on.
_ENVIRONMENT: Final = (
    "PATH",
    "PYTHONPATH",
    "PYTHONUSERBASE",
    "LANG",
    "LC_ALL",
    "TZ",
    "TMPDIR",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
)


# The recorders that this process started, with their data folders: only their parent can see that they have ended.
_children: Final[list[tuple[Path, subprocess.Popen[bytes]]]] = []


class RecorderStartError(Exception):
    """The recorder could not be started or does not answer; the message is for people and holds no secret."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long to wait, in seconds: for a recorder to start, to end, to give its lock up, and between two looks."""

    start_s: float = 60.0
    stop_s: float = 30.0
    locked_s: float = 1.0
    look_s: float = 0.1


class LocalRecorder:
    """The recorder of one data folder on this machine."""

    def __init__(
        self, hass: HomeAssistant, index_path: Path, client: RecorderClient, patience: Patience | None = None
    ) -> None:
        """Take the recorder's data folder and a client on its socket."""
        self._hass = hass
        self._index_path = index_path
        self._client = client
        self._patience = patience or Patience()
        self._lock = asyncio.Lock()

    async def async_ensure_running(self) -> RecorderStatus:
        """Return the status of a recorder of this version, started when none runs.

        One of another version is ended first. Raises `RecorderStartError`, or `RecorderError` when one runs that
        answers with an error.
        """
        async with self._lock:
            answer = await self._async_answer()
            if isinstance(answer, RecorderStatus) and answer.version == __version__:
                return answer
            if isinstance(answer, RecorderError) and answer.code is not ErrorCode.VERSION_MISMATCH:
                raise answer
            if answer is not None:
                await self._async_end(answer if isinstance(answer, RecorderStatus) else None)
            return await self._async_start()

    async def async_stop(self) -> None:
        """End the recorder; nothing happens when none runs. Recording has stopped when this returns.

        There may be two for a moment: one that was started while another, not answering yet, came back by itself.

        Raises `RecorderStartError` when one is there that neither answers nor ends.
        """
        async with self._lock:
            deadline = self._hass.loop.time() + 3 * self._patience.stop_s  # asked, killed, and the one in the wings
            while self._hass.loop.time() <= deadline:
                if (answer := await self._async_answer()) is not None:
                    await self._async_end(answer if isinstance(answer, RecorderStatus) else None)
                elif not await self._hass.async_add_executor_job(self._lurks):
                    return
                await asyncio.sleep(self._patience.look_s)
            raise RecorderStartError("It neither answers nor ends.")

    async def _async_answer(self) -> RecorderStatus | RecorderError | None:
        """Return what answers on the socket: a status, an error, or nothing."""
        try:
            return await self._client.status()
        except RecorderError as err:
            return None if err.code is ErrorCode.RECORDER_UNREACHABLE else err

    async def _async_end(self, status: RecorderStatus | None) -> None:
        """Ask the recorder to end and wait for it; one that hangs is killed (invariant 7 says what that costs)."""
        with suppress(RecorderError):  # one that cannot even be asked is killed below
            await self._client.shutdown()
        said = (status.supervisor_pid, status.pid) if status else ()
        pids = [pid for pid in said if pid is not None and pid > 1]  # 0 would be this very group, 1 the whole machine
        for kill in (False, True):
            for pid in pids if kill else ():
                with suppress(ProcessLookupError):  # it has ended meanwhile
                    os.kill(pid, signal.SIGKILL)
            with suppress(TimeoutError):
                async with asyncio.timeout(self._patience.stop_s):
                    await self._async_wait_for_end(pids)
                    return
        raise RecorderStartError("It does not end.")

    async def _async_wait_for_end(self, pids: list[int]) -> None:
        """Wait until these processes are gone, or, where none is known, until nothing answers."""
        while any(map(_lives, pids)) if pids else await self._async_answer():  # noqa: ASYNC110 - a process of another session tells nobody when it ends
            await asyncio.sleep(self._patience.look_s)

    async def _async_start(self) -> RecorderStatus:
        """Start recorders until one answers: one that meets a lock ends, and its holder may be coming or going."""
        deadline = self._hass.loop.time() + self._patience.start_s
        while True:
            job = self._hass.async_add_executor_job(self._start)
            try:
                child, runtime = await asyncio.shield(job)
            except asyncio.CancelledError:
                await job  # a start cannot be called back; whoever stops the recorder next has to find it
                raise
            except OSError as err:
                raise RecorderStartError(f"{type(err).__name__}: {err.strerror or err}") from err
            if (status := await self._async_first_answer(child, deadline)) is not None:
                await self._hass.async_add_executor_job(runtime_copy.prune, self._index_path / RUNTIME_FOLDER, runtime)
                return status
            if child.returncode not in (None, LOCKED):
                raise RecorderStartError(f"It ended with code {child.returncode}.")
            if self._hass.loop.time() > deadline:
                raise RecorderStartError("It does not answer.")

    async def _async_first_answer(self, child: subprocess.Popen[bytes], deadline: float) -> RecorderStatus | None:
        """Return the first status; None when the child has ended, or at the deadline, without one."""
        while self._hass.loop.time() <= deadline:
            ended = child.poll() is not None
            await asyncio.sleep(self._patience.locked_s if ended else self._patience.look_s)
            if isinstance(answer := await self._async_answer(), RecorderStatus):
                return answer
            if ended:
                break
        return None

    def _lurks(self) -> bool:
        """Return whether a recorder is there that does not answer: one that comes up or goes down. Blocking."""
        try:
            StoreLock(self._index_path).release()
        except StorageError as err:
            return err.code is ErrorCode.STORE_LOCKED
        return _started(self._index_path)

    def _start(self) -> tuple[subprocess.Popen[bytes], Path]:
        """Start the recorder from its copy. Blocking; raises `OSError`."""
        self._index_path.mkdir(mode=0o700, exist_ok=True)
        runtime = runtime_copy.install(self._index_path / RUNTIME_FOLDER)
        socket = socket_path(self._index_path)
        if socket.parent != self._index_path:
            prepare_folder(socket)
        command = (sys.executable, "-m", "recorder_core", "serve", "--data", self._index_path, "--socket", socket)
        child = subprocess.Popen(  # noqa: S603 - a fixed command, no shell
            command,
            cwd=runtime,
            env={name: os.environ[name] for name in _ENVIRONMENT if name in os.environ},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        _children.append((self._index_path, child))
        return child, runtime


def _started(index_path: Path) -> bool:
    """Return whether a recorder that this process started for a data folder lives; those that have ended are let go."""
    _children[:] = [(folder, child) for folder, child in _children if child.poll() is None]
    return any(folder == index_path for folder, _ in _children)


def _lives(pid: int) -> bool:
    """Return whether a process runs; one that has ended and that nobody has asked about does not (proc(5), state Z)."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except FileNotFoundError, ProcessLookupError:
        return False
    return stat.rpartition(b")")[2].split()[0] not in (b"Z", b"X")
