"""One camera's life: connect, record, fail, wait, connect again.

Keeps invariant 4: every moment without a recording is a gap.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

from recorder_core.errors import CameraError, ErrorCode, RecorderError, StorageError
from recorder_core.models import CameraState, SourceKind
from recorder_core.storage.records import GapReason

from .reasons import gap_reason
from .recording import Recording
from .sources import make_sources, worth_another

if TYPE_CHECKING:
    from recorder_core.clock import Clock
    from recorder_core.media import VideoFormat
    from recorder_core.rtsp import Poller

    from .sink import CaptureSink
    from .source import CaptureConfig, Source

_LOGGER = logging.getLogger(__name__)

_FIRST_WAIT_S = 1.0
_LONGEST_WAIT_S = 60.0
_DOUBLINGS = 6
_STORAGE_WAIT_S = 5.0
_ROOM_LOOK_S = 1.0
"""Asking whether there is room costs nothing: the volumes are looked at by others."""

_REFUSED_WAIT_S = 60.0
"""Cameras lock an account after a few wrong passwords, so a refused one is tried no quicker than this."""

_USELESS_US = 60_000_000
"""So long units may come without a run beginning. A camera that thins out its sync samples sends one at least every
300 pictures, and five pictures a second are as few as are of use."""

_FRUITLESS = frozenset({ErrorCode.AUTH_FAILED, ErrorCode.AUTH_REQUIRED})


@dataclass(frozen=True, slots=True)
class CaptureStatus:
    """What a camera does now."""

    state: CameraState
    since_us: int
    problem: RecorderError | None = None
    source: SourceKind | None = None
    format: VideoFormat | None = None
    run_id: str | None = None
    audio_offered: bool | None = None
    packets_lost: int = 0
    clock_offset_us: int | None = None


def retry_wait_s(failures: int, error: Exception, jitter: float) -> float:
    """Return how long to wait after so many failures in a row; `jitter` is from 0 to 1."""
    if isinstance(error, StorageError):
        return _STORAGE_WAIT_S
    wait = min(_FIRST_WAIT_S * 2.0 ** min(failures - 1, _DOUBLINGS), _LONGEST_WAIT_S)
    if isinstance(error, CameraError) and error.code in _FRUITLESS:
        wait = _REFUSED_WAIT_S
    return wait * (0.75 + jitter / 2)


class CameraRecorder:
    """Records one camera from `start` to `stop`."""

    def __init__(self, config: CaptureConfig, *, sink: CaptureSink, clock: Clock, poller: Poller) -> None:
        """Prepare; nothing happens before `start`."""
        self.config = config
        self._sink = sink
        self._clock = clock
        self._poller = poller
        self._task: asyncio.Task[None] | None = None
        self._recording: Recording | None = None
        self._useless_since_us = 0
        self._lost_before = 0
        self._state = CameraState.CONNECTING
        self._since_us = clock.now_us()
        self._problem: RecorderError | None = None
        self._gap: GapReason | None = None

    @property
    def status(self) -> CaptureStatus:
        """What the camera does now."""
        recording = self._recording
        return CaptureStatus(
            state=self._state,
            since_us=self._since_us,
            problem=self._problem,
            source=recording.info.kind if recording else None,
            format=recording.format if recording else None,
            run_id=recording.run_id if recording else None,
            audio_offered=recording.info.audio_offered if recording else None,
            packets_lost=self._lost_before + (recording.packets_lost if recording else 0),
            clock_offset_us=recording.clock_offset_us if recording else None,
        )

    def start(self) -> None:
        """Begin on the running event loop."""
        self._open_gap(self._clock.now_us(), GapReason.CONNECTING, "")
        self._task = asyncio.get_running_loop().create_task(self._live(), name=f"camera {self.config.camera_id}")

    async def stop(self, reason: GapReason) -> None:
        """End the run and the session; what follows is a gap with this reason."""
        if self._task is None:
            return
        self._task.cancel()
        await asyncio.wait({self._task})
        self._task = None
        end_us = self._end_recording(reason)
        self._open_gap(end_us if end_us is not None else self._clock.now_us(), reason, "")

    async def _live(self) -> None:
        failures = 0
        while True:
            await self._room()
            error = await self._session()
            recorded = self._recording is not None and self._recording.recorded
            failures = 1 if recorded else failures + 1
            self._after(error)
            await self._clock.sleep(retry_wait_s(failures, error, random.random()))  # noqa: S311 - no secret

    async def _room(self) -> None:
        """Wait until there is somewhere to record to; until then the camera is left alone."""
        while (obstacle := self._sink.obstacle()) is not None:
            told = self._problem
            if told is None or (told.code, told.message) != (obstacle.code, obstacle.message):
                self._after(obstacle)
            await self._clock.sleep(_ROOM_LOOK_S)
        if isinstance(self._problem, StorageError):
            self._become(CameraState.CONNECTING, None)

    async def _session(self) -> Exception:
        """Live through one session; return what ended it."""
        error: Exception | None = None
        try:
            for source in make_sources(self.config, self._poller):
                try:
                    return await self._record(source)
                except CameraError as refusal:
                    error = error or refusal  # the first source knows best why the camera cannot be had
                    if not worth_another(refusal):
                        break
                finally:
                    await _close(source)
        except RecorderError as refusal:
            error = refusal
        except Exception as fault:  # a fault with one camera is survived, recorded and shown
            _LOGGER.exception("Camera %s: the session failed", self.config.camera_id)
            error = fault
        return error or CameraError(ErrorCode.INTERNAL, "No source fits this address.")

    async def _record(self, source: Source) -> Exception:
        info = await source.open()
        recording = Recording(self.config.camera_id, info, self._sink, self._clock, self._run_changed)
        self._recording = recording
        self._useless_since_us = recording.last_unit_us
        source.start(recording)
        while not recording.ended.is_set():
            left_us, error = self._patience(recording)
            if left_us <= 0:
                recording.on_end(error)
                break
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(left_us / 1_000_000 + 0.01):
                    await recording.ended.wait()
        return recording.error or CameraError(ErrorCode.CONNECTION_LOST, "The camera ended the session.")

    def _patience(self, recording: Recording) -> tuple[int, CameraError]:
        """Return for how many microseconds more the session may go on like this, and what to say if there are none."""
        now_us = self._clock.monotonic_us()
        quiet_us = now_us - recording.last_unit_us
        stall_us = int(self.config.stall_timeout_s * 1_000_000)
        if recording.run_id is None and recording.last_unit_us > self._useless_since_us and quiet_us < stall_us:
            useless_us = now_us - self._useless_since_us
            return min(_USELESS_US - useless_us, stall_us - quiet_us), _useless(recording, useless_us)
        seconds = round(quiet_us / 1_000_000)
        stalled = CameraError(ErrorCode.STALLED, f"The camera sent nothing for {seconds} s.", seconds=seconds)
        # What comes meanwhile may turn out to be of no use, so the next look is not put off for long.
        return min(stall_us - quiet_us, _USELESS_US), stalled

    def _run_changed(self) -> None:
        """A run began or ended within the session."""
        if self._recording is not None and self._recording.run_id is not None:
            self._gap = None
            self._become(CameraState.RECORDING, None)
        else:
            self._useless_since_us = self._clock.monotonic_us()
            self._sink.changed(self.config.camera_id)

    def _after(self, error: Exception) -> None:
        """Account for the end of a session."""
        reason = gap_reason(error)
        known = error if isinstance(error, RecorderError) else RecorderError(ErrorCode.INTERNAL, "An unexpected fault.")
        end_us = self._end_recording(reason)
        if end_us is not None or self._gap is not reason:
            self._open_gap(end_us if end_us is not None else self._clock.now_us(), reason, known.message)
        _LOGGER.warning("Camera %s: %s", self.config.camera_id, known.message)
        if reason is GapReason.STORAGE_FULL:
            self._become(CameraState.STORAGE_FULL, known)
        elif isinstance(error, StorageError):
            self._become(CameraState.STORAGE_FAILED, known)
        else:
            self._become(CameraState.RETRYING, known)

    def _end_recording(self, reason: GapReason) -> int | None:
        recording = self._recording
        if recording is None:
            return None
        end_us: int | None = None
        try:
            end_us = recording.finish(reason)
        except Exception:  # a fault with one camera must end neither its life nor the others' orderly stop
            _LOGGER.exception("Camera %s: ending the run failed", self.config.camera_id)
        self._lost_before += recording.packets_lost
        recording.packets_lost = 0
        self._recording = None
        return end_us

    def _open_gap(self, start_us: int, reason: GapReason, detail: str) -> None:
        self._gap = reason
        self._sink.gap_opened(self.config.camera_id, start_us, reason, detail)

    def _become(self, state: CameraState, problem: RecorderError | None) -> None:
        if (state, problem) != (self._state, self._problem):
            if state is not self._state:
                self._since_us = self._clock.now_us()
            self._state, self._problem = state, problem
        self._sink.changed(self.config.camera_id)


def _useless(recording: Recording, useless_us: int) -> CameraError:
    seconds = round(useless_us / 1_000_000)
    if recording.format is None:
        sentence = f"The camera sent video for {seconds} s, but no description of its pictures that can be read."
        return CameraError(ErrorCode.FORMAT_UNREADABLE, sentence, seconds=seconds)
    sentence = f"The camera sent video for {seconds} s, but no sync sample, so recording cannot begin."
    return CameraError(ErrorCode.NO_SYNC_SAMPLE, sentence, seconds=seconds)


async def _close(source: Source) -> None:
    """Close a source; a camera that does not even take a goodbye is closed all the same."""
    with contextlib.suppress(RecorderError, OSError):
        await source.close()
