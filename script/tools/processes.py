"""Processes: starting and ending them, and what they and all that they started cost, read from /proc."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_TICKS: Final = os.sysconf("SC_CLK_TCK")


def tree(roots: Iterable[int]) -> set[int]:
    """Return the ids of these processes and of all their living descendants."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (fields := _stat(int(entry.name))) is not None:
            children.setdefault(int(fields[1]), []).append(int(entry.name))
    found: set[int] = set()
    todo = list(roots)
    while todo:
        pid = todo.pop()
        if pid not in found:
            found.add(pid)
            todo += children.get(pid, [])
    return found


def cpu_seconds(roots: Iterable[int]) -> float:
    """Return user and system time of the trees so far, children that ended and were reaped included (proc(5))."""
    ticks = 0
    for pid in tree(roots):
        if (fields := _stat(pid)) is not None:
            ticks += sum(int(value) for value in fields[11:15])  # utime, stime, cutime, cstime
    return ticks / _TICKS


def pss_bytes(roots: Iterable[int]) -> int:
    """Return the proportional set size of the trees: shared pages count once, split among those that map them."""
    total = 0
    for pid in tree(roots):
        try:
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        except FileNotFoundError, ProcessLookupError:
            continue  # it ended between the two looks
        total += sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
    return total


def wait_until_gone(pid: int, limit_s: float = 60) -> None:
    """Wait for the end of a process that somebody else started. Raises `TimeoutError`."""
    deadline = time.monotonic() + limit_s
    while (fields := _stat(pid)) is not None and fields[0] != "Z":  # a zombie has ended, nobody has reaped it yet
        if time.monotonic() > deadline:
            raise TimeoutError(f"process {pid} does not end")
        time.sleep(0.1)


def with_argument(argument: str) -> set[int]:
    """Return the ids of the living processes that were started with exactly this argument."""
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                arguments = (entry / "cmdline").read_bytes().split(b"\0")  # empty for one that nobody has reaped yet
            except FileNotFoundError, ProcessLookupError:
                continue  # it ended between the two looks
            if os.fsencode(argument) in arguments:
                found.add(int(entry.name))
    return found


def end_with_argument(argument: str, grace_s: float = 60) -> None:
    """End the processes with this argument politely, and by force where they do not follow.

    One that another of them started is left to that one.
    """
    ending = with_argument(argument)
    _signal({pid for pid in ending if _parent(pid) not in ending}, signal.SIGTERM)
    try:
        for pid in ending:
            wait_until_gone(pid, grace_s)
    except TimeoutError:
        ending = with_argument(argument)
        _signal(ending, signal.SIGKILL)
        for pid in ending:
            wait_until_gone(pid, grace_s)


def stop(
    processes: Iterable[subprocess.Popen[bytes]], *, with_signal: int = signal.SIGINT, grace_s: float = 20
) -> None:
    """End processes politely, and by force where they do not follow."""
    ending = list(processes)
    for process in ending:
        process.send_signal(with_signal)
    for process in ending:
        try:
            process.wait(grace_s)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextlib.contextmanager
def serving(command: Sequence[str | Path], *, grace_s: float = 30) -> Iterator[tuple[subprocess.Popen[bytes], bytes]]:
    """Run a server that says one line once it listens, and that ends with its standard input, else by force.

    Gives the process and the line. Raises `RuntimeError` where it ends before it listens.
    """
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True) as process:
        try:
            line = process.stdout.readline() if process.stdout is not None else b""
            if not line:
                raise RuntimeError("the cameras did not start; the reason stands above")
            yield process, line
        finally:
            try:
                process.communicate(timeout=grace_s)
            except subprocess.TimeoutExpired:
                process.kill()


def _signal(pids: Iterable[int], number: signal.Signals) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):  # it has ended meanwhile
            os.kill(pid, number)


def _parent(pid: int) -> int | None:
    fields = _stat(pid)
    return None if fields is None else int(fields[1])


def _stat(pid: int) -> list[str] | None:
    """Return the fields of /proc/PID/stat from the state on (the name before it may hold blanks), or None."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError, ProcessLookupError:
        return None
    return text[text.rindex(")") + 2 :].split()
