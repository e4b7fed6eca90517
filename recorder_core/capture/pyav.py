"""PyAV in a child process as a source, for everything that the recorder's own client does not speak.

A process of its own, for libavformat's faults must touch no other camera, and its memory is spent only where it is
needed.
"""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from recorder_core.errors import CameraError, ErrorCode
from recorder_core.media import AccessUnit, Codec
from recorder_core.models import SourceKind

from .pyav_protocol import HEAD, MAX_BODY, UNIT, Kind, Orders, unpack_sets
from .source import CaptureConfig, Consumer, SourceInfo

_OPEN_TIMEOUT_S = 30.0
"""libavformat tries UDP, waits, then tries TCP."""

_END_TIMEOUT_S = 3.0
_ROOT = Path(__file__).parents[2]


class PyAvSource:
    """A session that a child process holds."""

    def __init__(self, config: CaptureConfig) -> None:
        """Prepare a session with the camera."""
        self._config = config
        self._process: asyncio.subprocess.Process | None = None
        self._task: asyncio.Task[None] | None = None

    async def open(self) -> SourceInfo:
        """Start the child and wait for what it finds."""
        self._process = process = await self._start()
        orders = Orders(
            url=self._config.url,
            username=self._config.username,
            password=self._config.password,
            verify_tls=self._config.verify_tls,
            stall_timeout_s=self._config.stall_timeout_s,
        )
        if process.stdin is None:
            raise RuntimeError("the child has no standard input")
        process.stdin.write(json.dumps(asdict(orders)).encode() + b"\n")
        try:
            async with asyncio.timeout(_OPEN_TIMEOUT_S):
                kind, body = await self._message()
        except TimeoutError as error:
            raise CameraError(ErrorCode.TIMEOUT, "The camera did not answer in time.") from error
        if kind is not Kind.INFO:
            raise _error(kind, body)
        info = json.loads(body)
        return SourceInfo(
            kind=SourceKind.PYAV,
            codec=Codec(info["codec"]),
            parameter_sets=(),
            audio_offered=info["audio_discarded"],
            audio_discarded=info["audio_discarded"],
        )

    def start(self, consumer: Consumer) -> None:
        """Hand on what the child sends."""
        if self._process is None:
            raise RuntimeError("the source has not been opened")
        self._task = asyncio.get_running_loop().create_task(self._pump(consumer), name="pyav source")

    async def close(self) -> None:
        """End the child."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
            self._task = None
        process, self._process = self._process, None
        if process is None:
            return
        with suppress(ProcessLookupError):
            process.terminate()
        try:
            async with asyncio.timeout(_END_TIMEOUT_S):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()

    async def _start(self) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "recorder_core.capture.pyav_child",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            cwd=_ROOT,
        )

    async def _pump(self, consumer: Consumer) -> None:
        changed: tuple[bytes, ...] | None = None
        try:
            while True:
                kind, body = await self._message()
                if kind is Kind.PARAMETER_SETS:
                    changed = unpack_sets(body)
                elif kind is Kind.UNIT:
                    pts, arrival_us, sync = UNIT.unpack_from(body)
                    data = body[UNIT.size :]
                    consumer.on_units([AccessUnit(data, pts, bool(sync), arrival_us, parameter_sets=changed)])
                    changed = None
                else:
                    raise _error(kind, body)
        except CameraError as error:
            consumer.on_end(error)

    async def _message(self) -> tuple[Kind, bytes]:
        """Read one message.

        Raises:
            CameraError: `CONNECTION_LOST` if the child ended without a word.
        """
        if self._process is None or self._process.stdout is None:
            raise RuntimeError("the child has not been started")
        try:
            kind, length = HEAD.unpack(await self._process.stdout.readexactly(HEAD.size))
            if length > MAX_BODY:
                raise CameraError(ErrorCode.PROTOCOL, "The camera sends a picture beyond all measure.")
            if kind not in Kind:
                raise CameraError(ErrorCode.INTERNAL, "The capture process spoke out of turn.")
            return Kind(kind), await self._process.stdout.readexactly(length)
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            raise CameraError(ErrorCode.CONNECTION_LOST, "The camera's capture process ended.") from error


def _error(kind: Kind, body: bytes) -> CameraError:
    if kind is not Kind.ERROR:
        return CameraError(ErrorCode.INTERNAL, "The capture process spoke out of turn.")
    told = json.loads(body)
    return CameraError(ErrorCode(told["code"]), told["message"], **told["placeholders"])
