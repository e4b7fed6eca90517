"""The demonstration ends cleanly when somebody ends it, and not otherwise."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest

from script.tools.demo import INTERRUPTED, until_ended


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_what_it_began_is_cleared_up_once(number: signal.Signals, capsys: pytest.CaptureFixture[str]) -> None:
    """A second Ctrl-C of somebody impatient does not disturb that."""
    cleared: list[str] = []

    async def work() -> int:
        try:
            os.kill(os.getpid(), number)
            await asyncio.get_running_loop().create_future()
        finally:
            os.kill(os.getpid(), number)
            await asyncio.sleep(0)
            cleared.append("all")
        return 0

    assert asyncio.run(until_ended(work())) == INTERRUPTED
    assert cleared == ["all"]
    assert capsys.readouterr().out.count("Stopping") == 1


def test_what_breaks_because_it_is_ended_is_no_failure() -> None:
    """A browser hears the Ctrl-C of a terminal as well, and is gone before it is asked to."""

    async def work() -> int:
        os.kill(os.getpid(), signal.SIGINT)
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            raise ConnectionError("the browser has gone")

    assert asyncio.run(until_ended(work())) == INTERRUPTED


def test_a_failure_and_an_end_of_its_own_are_what_they_are() -> None:
    """Nobody ended these."""

    async def work() -> int:
        return 3

    async def broken() -> int:
        raise RuntimeError("no camera")

    assert asyncio.run(until_ended(work())) == 3
    with pytest.raises(RuntimeError, match="no camera"):
        asyncio.run(until_ended(broken()))
