"""The source with its child process: units flow, the child ends with the session, and its death ends the session."""

from __future__ import annotations

import asyncio
import signal
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from recorder_core.capture import pyav
from recorder_core.capture.native import NativeSource
from recorder_core.capture.pyav import PyAvSource
from recorder_core.capture.pyav_protocol import HEAD, MAX_BODY, Kind, message
from recorder_core.capture.source import CaptureConfig
from recorder_core.capture.sources import make_sources, worth_another
from recorder_core.clock import SystemClock
from recorder_core.errors import CameraError, ErrorCode
from recorder_core.media import Codec
from recorder_core.models import SourceKind
from recorder_core.parameter_sets import video_format
from recorder_core.rtsp import Poller
from recorder_core.simulator import Disconnect, Quirk, SimulatedCamera, Simulator

from .taking import CAMERA, LOCKED, PASSWORD, UDP_ONLY, USER, Taker, opened
from .web import FLASH, made, serving


def _config(url: str, source: SourceKind) -> CaptureConfig:
    return CaptureConfig("door", "Door", url, source=source)


def _shown(pid: int) -> bytes:
    """Return what others may see of a process."""
    return Path(f"/proc/{pid}/cmdline").read_bytes() + Path(f"/proc/{pid}/environ").read_bytes()


@pytest.mark.parametrize(
    ("url", "source", "kinds"),
    [
        ("rtsp://door/", SourceKind.AUTO, [NativeSource, PyAvSource]),
        ("rtsp://door/", SourceKind.RTSP, [NativeSource]),
        ("rtsp://door/", SourceKind.PYAV, [PyAvSource]),
        ("http://door/", SourceKind.AUTO, [PyAvSource]),
        ("http://door/", SourceKind.RTSP, []),
    ],
)
def test_an_address_and_a_choice_say_which_sources_are_tried(url: str, source: SourceKind, kinds: list[type]) -> None:
    assert [type(one) for one in make_sources(_config(url, source), Poller(SystemClock()))] == kinds


def test_an_address_that_is_none_has_no_source() -> None:
    with pytest.raises(CameraError) as caught:
        next(make_sources(_config("ftp://door/", SourceKind.AUTO), Poller(SystemClock())))
    assert caught.value.code is ErrorCode.BAD_URL


@pytest.mark.parametrize(
    ("code", "placeholders", "worth"),
    [
        (ErrorCode.REJECTED, {"method": "SETUP", "status": "461 Unsupported Transport"}, True),
        (ErrorCode.REJECTED, {"method": "SETUP", "status": "no interleaved transport"}, True),
        (ErrorCode.REJECTED, {"method": "SETUP", "status": "453 Not Enough Bandwidth"}, False),
        (ErrorCode.REJECTED, {"method": "PLAY", "status": "404 Not Found"}, False),
        (ErrorCode.REJECTED, {}, False),
        (ErrorCode.AUTH_FAILED, {"method": "SETUP"}, False),
        (ErrorCode.UNSUPPORTED_CODEC, {"codec": "JPEG"}, True),
        (ErrorCode.UNSUPPORTED_CODEC, {"codec": "VP8, JPEG"}, True),
        (ErrorCode.UNSUPPORTED_CODEC, {"codec": "JPEG2000"}, False),
        (ErrorCode.UNSUPPORTED_CODEC, {"codec": "H263"}, False),
        (ErrorCode.UNSUPPORTED_CODEC, {}, False),
    ],
)
def test_only_a_refused_transport_and_motion_jpeg_are_worth_another_source(
    code: ErrorCode, placeholders: dict[str, str], *, worth: bool
) -> None:
    assert worth_another(CameraError(code, "No.", **placeholders)) is worth


async def test_units_flow_until_the_camera_ends_them() -> None:
    async with Simulator([LOCKED]) as simulator, opened(simulator.url("door"), USER, PASSWORD) as (source, info):
        assert (info.kind, info.codec, info.parameter_sets) == (SourceKind.PYAV, Codec.H264, ())
        taker = Taker()
        source.start(taker)
        await taker.has(10)
        first, *others = taker.units
        assert first.parameter_sets is not None
        assert video_format(Codec.H264, first.parameter_sets).width == 320
        assert all(unit.parameter_sets is None for unit in others)
        now_us = SystemClock().monotonic_us()
        assert all(now_us - 30_000_000 < unit.arrival_us <= now_us for unit in taker.units)
        await simulator.apply("door", Disconnect())
        assert (await taker.ended()).code is ErrorCode.CONNECTION_LOST


async def test_sound_in_a_container_is_told() -> None:
    async with serving(made(FLASH), hangs=True) as url, opened(url) as (source, info):
        assert (info.audio_offered, info.audio_discarded) == (True, True)
        taker = Taker()
        source.start(taker)
        await taker.has(10)


async def test_the_password_is_in_no_list_of_processes_and_in_no_environment() -> None:
    async with Simulator([LOCKED]) as simulator, opened(simulator.url("door"), USER, PASSWORD) as (source, _):
        process = source._process
        assert process is not None
        seen = await asyncio.to_thread(_shown, process.pid)
    assert b"recorder_core.capture.pyav_child" in seen
    assert b"p@ss" not in seen
    assert b"p%40ss" not in seen


@pytest.mark.parametrize(
    ("camera", "password", "code"),
    [
        (LOCKED, "wrong", ErrorCode.AUTH_FAILED),
        (replace(CAMERA, faults=(Quirk.NOT_FOUND,)), None, ErrorCode.NOT_FOUND),
    ],
)
async def test_a_refusal_comes_through_with_its_code(
    camera: SimulatedCamera, password: str | None, code: ErrorCode
) -> None:
    async with Simulator([camera]) as simulator:
        with pytest.raises(CameraError) as caught:
            async with opened(simulator.url("door"), USER, password):
                raise AssertionError("it was opened")
    assert caught.value.code is code
    assert "door" not in caught.value.message


async def test_a_child_that_is_killed_ends_the_session() -> None:
    async with Simulator([UDP_ONLY]) as simulator, opened(simulator.url("door")) as (source, _):
        taker = Taker()
        source.start(taker)
        await taker.has(2)
        process = source._process
        assert process is not None
        process.kill()
        error = await taker.ended()
        assert error.code is ErrorCode.CONNECTION_LOST


# What a child should never say


class Mumbling(PyAvSource):
    """A source whose child says what the test wants."""

    def __init__(self, *said: bytes) -> None:
        """Let it say that and end."""
        super().__init__(_config("rtsp://door/", SourceKind.PYAV))
        self._said = b"".join(said)

    async def _start(self) -> asyncio.subprocess.Process:
        """Start something that reads its orders and speaks."""
        program = "import sys; sys.stdin.readline(); sys.stdout.buffer.write(bytes.fromhex(sys.argv[1]))"
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            program,
            self._said.hex(),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )


INFO = message(Kind.INFO, b'{"codec": "h265", "audio_discarded": false}')


@pytest.mark.parametrize(
    ("said", "code"),
    [
        (b"", ErrorCode.CONNECTION_LOST),
        (HEAD.pack(Kind.INFO, 10) + b"half", ErrorCode.CONNECTION_LOST),
        (message(Kind.UNIT, b"too early"), ErrorCode.INTERNAL),
        (HEAD.pack(Kind.INFO, MAX_BODY + 1), ErrorCode.PROTOCOL),
        (HEAD.pack(99, 0), ErrorCode.INTERNAL),
    ],
)
async def test_a_child_that_speaks_out_of_turn_is_no_camera(said: bytes, code: ErrorCode) -> None:
    source = Mumbling(said)
    with pytest.raises(CameraError) as caught:
        await source.open()
    await source.close()
    assert caught.value.code is code


async def test_a_second_description_ends_the_session() -> None:
    source, taker = Mumbling(INFO, INFO), Taker()
    assert (await source.open()).codec is Codec.H265
    source.start(taker)
    assert (await taker.ended()).code is ErrorCode.INTERNAL
    await source.close()
    await source.close()  # safe at any time


class Deaf(Mumbling):
    """A source whose child does not listen to the signal to end."""

    async def _start(self) -> asyncio.subprocess.Process:
        """Start something that says a word and stays."""
        program = (
            "import signal, sys; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
            "sys.stdout.buffer.write(bytes.fromhex(sys.argv[1])); sys.stdout.flush(); signal.pause()"
        )
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            program,
            self._said.hex(),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )


async def test_a_child_that_does_not_want_to_end_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pyav, "_END_TIMEOUT_S", 0.01)
    source = Deaf(INFO)
    await source.open()
    process = source._process
    assert process is not None
    await source.close()
    assert process.returncode == -signal.SIGKILL


async def test_a_camera_that_says_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pyav, "_OPEN_TIMEOUT_S", 0.01)
    source = Deaf(b"")
    with pytest.raises(CameraError) as caught:
        await source.open()
    monkeypatch.setattr(pyav, "_END_TIMEOUT_S", 0.01)
    await source.close()
    assert caught.value.code is ErrorCode.TIMEOUT


async def test_a_source_that_was_not_opened_has_nothing_to_read() -> None:
    source = PyAvSource(_config("rtsp://door/", SourceKind.PYAV))
    with pytest.raises(RuntimeError):
        source.start(Taker())
    await source.close()
