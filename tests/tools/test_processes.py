"""What processes cost and how they end, shown with real ones."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from script.tools.processes import (
    cpu_seconds,
    end_with_argument,
    pss_bytes,
    serving,
    stop,
    tree,
    wait_until_gone,
    with_argument,
)

_BURN = "import time\nend = time.process_time() + 0.3\nwhile time.process_time() < end: pass\n"


def _child(program: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def test_the_time_of_a_child_that_has_ended_still_counts() -> None:
    """A recorder may do its work in processes that come and go."""
    program = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {_BURN!r}])\nprint(flush=True)\ninput()"
    with _child(program) as parent:
        assert parent.stdout is not None
        parent.stdout.readline()
        assert tree([parent.pid]) == {parent.pid}
        assert cpu_seconds([parent.pid]) >= 0.28
        parent.communicate(b"\n")


def test_a_living_child_belongs_to_the_tree_and_to_the_memory() -> None:
    """What a process started is measured with it."""
    program = (
        "import subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-c', 'x = bytearray(40_000_000); print(flush=True); input()'],"
        " stdin=subprocess.PIPE, stdout=subprocess.PIPE)\n"
        "child.stdout.readline()\nprint(child.pid, flush=True)\ninput()\nchild.communicate(b'\\n')"
    )
    with _child(program) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        assert tree([parent.pid]) == {parent.pid, child}
        assert pss_bytes([parent.pid]) > pss_bytes([child]) > 40_000_000
        parent.communicate(b"\n")


def test_a_process_that_does_not_listen_is_ended_by_force() -> None:
    """Nothing that a script started stays behind."""
    deaf = _child("import signal, sys\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nprint(flush=True)\ninput()")
    assert deaf.stdout is not None
    deaf.stdout.readline()
    # Whoever runs this in the background of a shell has the signal ignored, which a child would go on with.
    polite = _child(
        "import signal\nsignal.signal(signal.SIGINT, signal.default_int_handler)\nprint(flush=True)\ninput()"
    )
    assert polite.stdout is not None
    polite.stdout.readline()
    stop([deaf], grace_s=0.1)
    stop([polite])
    assert deaf.returncode == -9
    assert polite.returncode not in {None, 0, -9}
    for process in (deaf, polite):
        process.communicate()


def test_a_server_is_used_once_it_listens_and_ends_with_its_input() -> None:
    """It says one line when it is ready."""
    program = "import sys\nprint('here', flush=True)\nsys.stdin.read()"
    with serving([sys.executable, "-c", program]) as (process, line):
        assert line == b"here\n"
        assert process.poll() is None
    assert process.returncode == 0


def test_a_server_that_does_not_end_is_ended_by_force() -> None:
    """Whoever waits for it would wait for ever."""
    program = "import time\nprint('here', flush=True)\ntime.sleep(3600)"
    with serving([sys.executable, "-c", program], grace_s=0.1) as (process, _):
        pass
    assert process.returncode == -9


def test_a_server_that_does_not_start_is_told() -> None:
    """Its own words stand on the screen; ours say what follows from them."""
    with pytest.raises(RuntimeError, match="did not start"), serving([sys.executable, "-c", "raise SystemExit(3)"]):
        pass


def test_waits_for_the_end_of_somebody_elses_process() -> None:
    """One that nobody has reaped yet has ended all the same."""
    process = _child("input()")
    with pytest.raises(TimeoutError, match=f"process {process.pid} does not end"):
        wait_until_gone(process.pid, limit_s=0.2)
    assert process.stdin is not None
    process.stdin.close()
    wait_until_gone(process.pid)
    assert os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT) is not None
    process.wait()
    wait_until_gone(process.pid, limit_s=0)


@pytest.mark.parametrize(("polite", "code"), [(True, 0), (False, -9)])
def test_what_was_started_with_an_argument_ends(*, polite: bool, code: int) -> None:
    """The first of two that belong together is asked; where it does not follow, both are ended by force."""
    mark = f"/nowhere/{os.getpid()}/{polite}"
    first = "import os, signal, subprocess, sys\n"
    child = f"[sys.executable, '-c', 'import sys; print(flush=True); sys.stdin.read()', {mark!r}]"
    if polite:
        first += (
            f"child = subprocess.Popen({child}, stdin=subprocess.PIPE)\n"
            "signal.signal(signal.SIGTERM, lambda *_: sys.exit(child.communicate() and child.returncode))\n"
        )
    else:
        first += f"child = subprocess.Popen({child})\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    with subprocess.Popen(
        [sys.executable, "-c", first + "print(flush=True)\nsys.stdin.read()", mark],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert [process.stdout.readline() for _ in range(2)] == [b"\n", b"\n"]
        assert len(with_argument(mark)) == 2
        end_with_argument(mark, grace_s=60 if polite else 0.2)
        assert with_argument(mark) == set()
    assert process.returncode == code
