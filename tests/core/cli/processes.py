"""Starts the recorder the way that others do, as a process of its own, and waits for what it says."""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import recorder_core

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

READY = "The recorder runs"
LONG_S = 60
ROOT = Path(recorder_core.__file__).parents[1]


class Running:
    """A process and what it wrote to its standard error stream so far."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        """Follow `process`."""
        self.process = process
        self.pid = process.pid
        self.said: list[str] = []

    async def says(self, text: str) -> str:
        """Wait for the next line with this text."""
        if self.process.stderr is None:
            raise RuntimeError("started without a pipe")
        async with asyncio.timeout(LONG_S):
            while line := (await self.process.stderr.readline()).decode():
                self.said.append(line)
                if text in line:
                    return line
        raise AssertionError(f"It ended without saying {text!r}: {self.said}")

    async def ends(self) -> int:
        """Wait for its end; return the exit code."""
        async with asyncio.timeout(LONG_S):
            if self.process.stderr is not None:
                self.said += (await self.process.stderr.read()).decode().splitlines(keepends=True)
            return await self.process.wait()


@asynccontextmanager
async def started(*command: str | Path, **environment: str) -> AsyncGenerator[Running]:
    """Start a Python program in a session of its own; when the test is over, it is gone, and so are its children."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)} | environment,
    )
    running = Running(process)
    try:
        yield running
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        try:
            await running.ends()
        finally:
            with suppress(ProcessLookupError):  # a worker follows its supervisor by itself
                process.kill()


def serve(data: Path, *more: str | Path) -> tuple[str | Path, ...]:
    """Return the command line that serves `data`."""
    return ("-m", "recorder_core", "serve", "--data", data, "--socket", data / "s", *more)


async def gone(pid: int) -> None:
    """Wait for the end of a process that is no child of ours."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(descriptor, ended.set)
    try:
        async with asyncio.timeout(LONG_S):
            await ended.wait()
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)
