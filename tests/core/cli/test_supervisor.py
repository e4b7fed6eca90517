"""The supervisor keeps a worker alive, whatever kind of program that is, and ends when it is told to."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from recorder_core.cli.exit_codes import FAILED, LOCKED, OK, UNUSABLE, USAGE
from recorder_core.cli.supervisor import CALM_S, FIRST_DELAY_S, LONGEST_DELAY_S, next_delay

from .processes import LONG_S, ROOT, gone, started

if TYPE_CHECKING:
    from pathlib import Path

PROGRAM = """
import os, signal, sys, time
from recorder_core.cli import supervisor

if "--worker" not in sys.argv:
    supervisor.FIRST_DELAY_S = float(os.environ.get("DELAY", "0.01"))
    supervisor.PATIENCE_S = float(os.environ.get("PATIENCE", "60"))
    sys.exit(supervisor.supervise())

lifeline = int(sys.argv[sys.argv.index("--worker") + 1])
print("worker", os.getpid(), *sys.argv[1:], file=sys.stderr, flush=True)
"""
OBEDIENT = """
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
print("ready", file=sys.stderr, flush=True)
signal.sigwait({signal.SIGTERM})
"""
STUBBORN = "signal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint('deaf', file=sys.stderr, flush=True)\nsignal.pause()"
LOYAL = "os.read(lifeline, 1)"
CRASHES_ONCE = "sys.exit(0) if '--restarted-after' in sys.argv else os.kill(os.getpid(), signal.SIGKILL)"


@pytest.fixture
def program(data: Path) -> Path:
    """Give the path of a program whose worker is still to be written."""
    return data / "program.py"


def _write(program: Path, worker: str, frame: str = PROGRAM) -> Path:
    program.write_text(frame + worker)
    return program


async def test_a_worker_that_is_killed_is_started_again_and_told_why(program: Path) -> None:
    async with started(_write(program, CRASHES_ONCE), "serve") as supervisor:
        first = await supervisor.says("worker")
        await supervisor.says("signal 9")
        second = await supervisor.says("worker")
        assert await supervisor.ends() == OK
    assert first.split()[1] != second.split()[1]
    assert "--restarted-after signal 9" in second


@pytest.mark.parametrize("code", [OK, USAGE, LOCKED])
async def test_a_worker_that_would_fail_again_is_not_started_again(program: Path, code: int) -> None:
    async with started(_write(program, f"sys.exit({code})")) as supervisor:
        assert await supervisor.ends() == code
    assert len(supervisor.said) == 1


async def test_a_worker_that_fails_is_started_again(program: Path) -> None:
    worker = "sys.exit(0 if '--restarted-after' in sys.argv else 1)"
    async with started(_write(program, worker)) as supervisor:
        assert await supervisor.ends() == OK
    assert "exit code 1" in "".join(supervisor.said)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
async def test_the_wish_to_stop_is_passed_on(program: Path, number: signal.Signals) -> None:
    async with started(_write(program, OBEDIENT)) as supervisor:
        await supervisor.says("ready")
        supervisor.process.send_signal(number)
        assert await supervisor.ends() == OK


@pytest.mark.parametrize("end", ["sys.exit(1)", "os.kill(os.getpid(), signal.SIGKILL)"])
async def test_a_worker_that_fails_after_it_was_asked_to_stop_is_not_started_again(program: Path, end: str) -> None:
    async with started(_write(program, f"os.kill(os.getppid(), signal.SIGTERM)\n{end}")) as supervisor:
        assert await supervisor.ends() == FAILED
    assert len(supervisor.said) == 1


async def test_a_worker_that_stops_by_itself_is_not_told_to(program: Path) -> None:
    """Late in its life, a signal would only kill it."""
    worker = "signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})\nos.kill(os.getppid(), signal.SIGTERM)\n"
    worker += "sys.exit(USAGE if signal.sigtimedwait({signal.SIGTERM}, 0.5) else 0)".replace("USAGE", str(USAGE))
    async with started(_write(program, worker)) as supervisor:
        assert await supervisor.ends() == OK


async def test_a_worker_that_does_not_stop_is_killed(program: Path) -> None:
    async with started(_write(program, STUBBORN), PATIENCE="0.1") as supervisor:
        pid = int((await supervisor.says("worker")).split()[1])
        await supervisor.says("deaf")
        supervisor.process.terminate()
        assert await supervisor.ends() == FAILED
        await gone(pid)


async def test_the_wish_to_stop_is_heard_between_two_workers(program: Path) -> None:
    async with started(_write(program, "sys.exit(1)"), DELAY="3600") as supervisor:
        await supervisor.says("started again in")
        supervisor.process.terminate()
        assert await supervisor.ends() == OK


async def test_a_supervisor_whose_program_has_gone_ends(program: Path) -> None:
    frame = PROGRAM.replace("    sys.exit(", "    supervisor.LONGEST_DELAY_S = 0.02\n    sys.exit(")
    frame = frame.replace("    sys.exit(", "    supervisor.__file__ = '/nonexistent'\n    sys.exit(")
    async with started(_write(program, "sys.exit(1)", frame)) as supervisor:
        assert await supervisor.ends() == UNUSABLE
    assert "program has gone" in supervisor.said[-1]


async def test_a_worker_learns_of_its_supervisors_death(program: Path) -> None:
    async with started(_write(program, LOYAL)) as supervisor:
        pid = int((await supervisor.says("worker")).split()[1])
        supervisor.process.kill()
        await gone(pid)


async def test_a_worker_has_a_session_of_its_own(program: Path) -> None:
    async with started(_write(program, LOYAL)) as supervisor:
        pid = int((await supervisor.says("worker")).split()[1])
        assert os.getsid(pid) == pid
        assert os.getsid(supervisor.pid) == supervisor.pid


async def test_a_supervisor_that_nobody_listens_to_goes_on(program: Path) -> None:
    quiet = PROGRAM.replace("print(", "(lambda *_, **__: None)(")
    _write(program, CRASHES_ONCE.replace("exit(0)", "exit(3)"), quiet)
    reading, writing = os.pipe()
    os.close(reading)
    process = await asyncio.create_subprocess_exec(
        sys.executable, program, stderr=writing, env=os.environ | {"PYTHONPATH": str(ROOT)}
    )
    os.close(writing)
    try:
        async with asyncio.timeout(LONG_S):
            assert await process.wait() == LOCKED
    finally:
        with suppress(ProcessLookupError):
            process.kill()


def test_delays_double_up_to_a_limit_and_begin_anew_after_a_calm_time() -> None:
    delays = [0.0]
    for _ in range(10):
        delays.append(next_delay(delays[-1], 1.0))
    assert delays[1:4] == [FIRST_DELAY_S, FIRST_DELAY_S * 2, FIRST_DELAY_S * 4]
    assert delays[-1] == LONGEST_DELAY_S
    assert next_delay(LONGEST_DELAY_S, CALM_S) == FIRST_DELAY_S
