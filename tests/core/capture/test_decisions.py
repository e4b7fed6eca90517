"""What is decided without any I/O: reasons, waits, the minute at which a camera rotates; and the clock of the host."""

from __future__ import annotations

import asyncio
import ctypes
import time
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings, strategies as st

from recorder_core.capture import CaptureConfig
from recorder_core.capture.camera import retry_wait_s
from recorder_core.capture.reasons import gap_reason
from recorder_core.capture.run import next_rotation_us
from recorder_core.clock import SystemClock, host_synchronised
from recorder_core.errors import CameraError, ErrorCode, StorageError
from recorder_core.storage.records import GapReason

if TYPE_CHECKING:
    from collections.abc import Callable

S = 1_000_000


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (CameraError(ErrorCode.AUTH_REQUIRED, ""), GapReason.AUTH_FAILED),
        (CameraError(ErrorCode.STALLED, ""), GapReason.STALLED),
        (CameraError(ErrorCode.PROTOCOL, ""), GapReason.CONNECTION_LOST),
        (CameraError(ErrorCode.CONNECTION_REFUSED, ""), GapReason.CONNECT_FAILED),
        (CameraError(ErrorCode.UNSUPPORTED_CODEC, ""), GapReason.UNSUPPORTED),
        (StorageError(ErrorCode.VOLUME_FULL, ""), GapReason.STORAGE_FULL),
        (StorageError(ErrorCode.STORAGE_STALLED, ""), GapReason.STORAGE_STALLED),
        (StorageError(ErrorCode.VOLUME_MISSING, ""), GapReason.STORAGE_FAILED),
        (ValueError(), GapReason.CONNECTION_LOST),
    ],
)
def test_reasons(error: Exception, reason: GapReason) -> None:
    assert gap_reason(error) is reason


def test_waits_grow_to_a_minute_and_stay_there() -> None:
    """A camera that is away for weeks has failed some ten thousand times in a row, and is tried again."""
    lost = CameraError(ErrorCode.CONNECTION_LOST, "")
    assert [retry_wait_s(failures, lost, 0.5) for failures in range(1, 9)] == [1, 2, 4, 8, 16, 32, 60, 60]
    assert retry_wait_s(50_000, lost, 0.5) == 60
    assert (retry_wait_s(1, lost, 0.0), retry_wait_s(1, lost, 1.0)) == (0.75, 1.25)


def test_a_refused_password_is_not_tried_quickly() -> None:
    """Cameras lock accounts."""
    assert retry_wait_s(1, CameraError(ErrorCode.AUTH_FAILED, ""), 0.0) == 45
    assert retry_wait_s(9, CameraError(ErrorCode.AUTH_REQUIRED, ""), 1.0) == 75


def test_a_disk_is_tried_again_soon() -> None:
    assert {retry_wait_s(failures, StorageError(ErrorCode.VOLUME_FULL, ""), 0.9) for failures in (1, 99)} == {5.0}


@settings(max_examples=200, deadline=None)
@given(st.text(min_size=1, max_size=9), st.integers(0, 1 << 52))
def test_each_camera_has_its_second_of_the_minute(camera_id: str, start_us: int) -> None:
    end_us = next_rotation_us(camera_id, start_us)
    assert 30 * S <= end_us - start_us < 90 * S
    assert end_us % S == 0
    # From then on a minute each.
    assert next_rotation_us(camera_id, end_us) == end_us + 60 * S


def test_cameras_do_not_rotate_together() -> None:
    assert len({next_rotation_us(f"camera-{number}", 0) for number in range(40)}) > 20


def test_a_password_shows_nowhere() -> None:
    assert "secret" not in repr(CaptureConfig("a", "A", "rtsp://h/", "user", "secret"))


async def test_the_clock_of_the_machine() -> None:
    clock = SystemClock()
    before = time.time_ns() // 1000
    assert before <= clock.now_us() <= time.time_ns() // 1000
    started = clock.monotonic_us()
    async with asyncio.timeout(60):
        await clock.sleep(0.001)
    assert clock.monotonic_us() - started >= 900


def _adjtimex(state: int, status: int) -> Callable[[ctypes.Array[ctypes.c_char]], int]:
    """Answer like the system call: the status stands behind modes and four longs (<sys/timex.h>)."""

    def answer(timex: ctypes.Array[ctypes.c_char]) -> int:
        ctypes.c_int.from_buffer(timex, 5 * ctypes.sizeof(ctypes.c_long)).value = status
        return state

    return answer


@pytest.mark.parametrize(
    ("state", "status", "expected"),
    [(0, 0x2001, True), (1, 0, True), (0, 0x40, False), (5, 0, False), (-1, 0, None)],
)
def test_whether_the_host_is_synchronised(
    state: int,
    status: int,
    expected: bool | None,  # noqa: FBT001 - a parameter of pytest
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    libc = SimpleNamespace(adjtimex=_adjtimex(state, status))
    # The kernel's own answer is what it is; here it is every one that it may give.
    monkeypatch.setattr(ctypes, "CDLL", lambda _: libc)
    assert host_synchronised() is expected


def test_a_system_that_cannot_say() -> None:
    assert host_synchronised() in (True, False, None)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ctypes, "CDLL", lambda _: SimpleNamespace())
        assert host_synchronised() is None
