"""Lets several threads run one at a time, and change over only where they pause, in an order that a seed decides.

What goes wrong in one order of steps out of thousands goes wrong again with the same seed.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from random import Random


class Turns:
    """Hands the turn to one of its threads at a time."""

    def __init__(self, random: Random) -> None:
        """Let `random` decide who is next."""
        self._random = random
        self._back = threading.Semaphore(0)
        self._seat = threading.local()

    def run(self, works: Sequence[Callable[[], object]]) -> None:
        """Do all of `works` at once, each on a thread of its own; returns when all are done.

        What one of them raises is raised here once the others are done.
        """
        waiting = [_Seat(self, work) for work in works]
        errors: list[Exception] = []
        while waiting:
            seat = self._random.choice(waiting)
            seat.turn.release()
            self._back.acquire()
            if seat.over:
                waiting.remove(seat)
                errors += seat.errors
        if errors:
            raise errors[0]

    def pause(self) -> None:
        """Give the turn away and wait for the next one; does nothing on a thread that is not among `works`."""
        seat: _Seat | None = getattr(self._seat, "own", None)
        if seat is not None:
            self._back.release()
            seat.turn.acquire()

    def sit(self, seat: _Seat) -> None:
        """Make this thread the one of `seat`, and wait for its first turn."""
        self._seat.own = seat
        seat.turn.acquire()

    def leave(self) -> None:
        """Give the last turn back."""
        self._back.release()


class _Seat:
    """One thread and what it does in its turns."""

    def __init__(self, turns: Turns, work: Callable[[], object]) -> None:
        self.turn = threading.Semaphore(0)
        self.over = False
        self.errors: list[Exception] = []
        self._turns = turns
        self._work = work
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        self._turns.sit(self)
        try:
            self._work()
        except Exception as error:  # noqa: BLE001  # it is raised again by `Turns.run`
            self.errors.append(error)
        finally:
            self.over = True
            self._turns.leave()
