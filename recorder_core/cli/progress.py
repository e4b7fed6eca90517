"""A bar on a terminal; plain lines, and few of them, everywhere else."""

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING, Self, TextIO

if TYPE_CHECKING:
    from types import TracebackType

_LINES = 10
"""Lines that a whole run prints where there is no terminal."""


class Progress:
    """Shows how far a task of known size has come, on the standard error stream, so that output stays clean."""

    def __init__(self, title: str, stream: TextIO | None = None) -> None:
        """Name the task."""
        self._title = title
        self._stream = sys.stderr if stream is None else stream
        self._tty = self._stream.isatty()
        self._shown = -1

    def __enter__(self) -> Self:
        """Show the beginning."""
        self.show(0.0)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Leave the terminal's line."""
        if self._tty:
            self._stream.write("\n")
            self._stream.flush()

    def show(self, share: float, note: str = "") -> None:
        """Show a share between 0 and 1."""
        steps = 100 if self._tty else _LINES
        step = int(min(max(share, 0.0), 1.0) * steps)
        if step == self._shown:
            return
        self._shown = step
        if self._tty:
            room = max(shutil.get_terminal_size().columns - len(self._title) - len(note) - 12, 10)
            bar = "#" * (step * room // steps)
            self._stream.write(f"\r{self._title} [{bar:<{room}}] {step:3d} % {note}")
        else:
            self._stream.write(f"{self._title}: {step * 100 // steps} % {note}".rstrip() + "\n")
        self._stream.flush()
