"""`serve`: a small process that starts the recorder's worker again whenever it dies.

Nobody else would, while Home Assistant is down. It imports next to nothing, for its memory counts: the worker parses
the command line, takes the lock on the data folder and writes the log. The two are tied together by a pipe whose
writing end only the supervisor holds: when it closes, the supervisor is gone, and the worker stops cleanly.

A worker that is asked to stop in another way than by its supervisor tells it by a signal: after that none is started
again, however this one ends. Signals are waited for, not handled, so nothing here runs at an awkward moment.
"""

import os
import signal
import sys
import time

from .exit_codes import FAILED, FINAL, OK, UNUSABLE

_STOP = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP}

FIRST_DELAY_S = 0.5
LONGEST_DELAY_S = 30.0

CALM_S = 60.0
"""A worker that lived this long was well; its restart is quick again."""

PATIENCE_S = 60.0
"""How long a worker may take to close its files after it was told to stop."""


def supervise() -> int:
    """Run workers until one ends for good; return its exit code."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # were it inherited as ignored, exit codes would be lost
    signal.pthread_sigmask(signal.SIG_BLOCK, _STOP | {signal.SIGCHLD})
    lifeline, _held = os.pipe()
    delay = 0.0
    previous = ""
    while True:
        began = time.monotonic()
        code, told_to_stop = _watch(_start(lifeline, previous))
        if code in FINAL:
            return code
        if told_to_stop:
            return FAILED
        if delay >= LONGEST_DELAY_S and not os.path.exists(__file__):  # noqa: PTH110  # pathlib would cost memory
            _say("The recorder's program has gone; its supervisor ends.")
            return UNUSABLE
        delay = next_delay(delay, time.monotonic() - began)
        previous = f"signal {-code}" if code < 0 else f"exit code {code}"
        _say(f"The recorder's worker ended ({previous}); it is started again in {delay:g} s.")
        if signal.sigtimedwait(_STOP, delay) is not None:
            return OK


def next_delay(delay: float, lived_s: float) -> float:
    """Return how many seconds to wait before a restart: twice the last time, within bounds."""
    return FIRST_DELAY_S if lived_s >= CALM_S else min(max(delay * 2, FIRST_DELAY_S), LONGEST_DELAY_S)


def _start(lifeline: int, previous: str) -> int:
    """Start a worker in a session of its own, so that a terminal's Ctrl-C reaches it through the supervisor only."""
    inherited = os.dup(lifeline)
    os.set_inheritable(inherited, True)
    arguments = [sys.executable, *sys.orig_argv[1:], "--worker", str(inherited)]
    if previous:
        arguments += ["--restarted-after", previous]
    try:
        return os.posix_spawn(sys.executable, arguments, os.environ, setsid=True, setsigmask=[])
    finally:
        os.close(inherited)


def _watch(worker: int) -> tuple[int, bool]:
    """Wait for the worker's end, passing on the wish to stop unless it is the worker's own.

    Returns exit code or -signal, and whether there was such a wish.
    """
    signals = _STOP | {signal.SIGCHLD}
    deadline: float | None = None
    while True:
        left = _FOREVER_S if deadline is None else max(deadline - time.monotonic(), 0)
        info = signal.sigtimedwait(signals, left)
        if info is None and deadline is not None:
            os.kill(worker, signal.SIGKILL)
        elif info is not None and info.si_signo in _STOP:
            if info.si_pid != worker:
                os.kill(worker, signal.SIGTERM)
            deadline = deadline or time.monotonic() + PATIENCE_S
        if (code := _reap(worker)) is not None:
            return code, deadline is not None


_FOREVER_S = 86_400.0


def _reap(worker: int) -> int | None:
    """Collect who has ended: the worker, and orphans where the supervisor is process 1 of a container."""
    while True:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == worker:
            return os.waitstatus_to_exitcode(status)
        if pid == 0:
            return None


def _say(sentence: str) -> None:
    """Write to the standard error stream, which may have gone with whoever started the recorder."""
    try:
        os.write(2, f"{sentence}\n".encode())
    except OSError:
        return
