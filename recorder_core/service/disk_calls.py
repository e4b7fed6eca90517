"""Asks one disk at a time and does not wait for ever: a call that hangs costs a thread, and nothing else waits for it.

A disk that fails, or a server that is away, may hold a call for minutes. No program can take the call back, so it goes
on by itself, on a thread that ends with the process; until it has come back nothing more is asked of that disk.
"""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING

from recorder_core.errors import ErrorCode, StorageError

if TYPE_CHECKING:
    from collections.abc import Callable

LIMIT_S = 20.0
"""A disk that has gone to sleep needs about half as long to answer. It is real time, as the disk's is."""


class DiskCalls:
    """Blocking calls that touch one volume's disk, one after the other, each on a thread of its own."""

    def __init__(self, path: str, limit_s: float = LIMIT_S, progress: Callable[[], int] = lambda: 0) -> None:
        """Begin with nothing asked of the disk at `path`.

        A call hangs that takes longer than `limit_s`, or for so long without any change of `progress`, if that counts.
        """
        self._name = f"asking {path}"
        self._limit_s = limit_s
        self._progress = progress
        self._turn = asyncio.Lock()
        self._is_back: Callable[[], bool] = lambda: True

    async def do[**P, T](self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Return what `call(...)` returns.

        Raises:
            StorageError: `STORAGE_STALLED` if it hangs, or an earlier one has not come back yet; else whatever
                the call raises.
        """
        async with self._turn:
            if not self._is_back():
                raise stalled()
            answer: Future[T] = Future()
            answer.set_running_or_notify_cancel()  # so that nobody who gives up waiting makes it look done
            self._is_back = answer.done

            def work() -> None:
                try:
                    answer.set_result(call(*args, **kwargs))
                except BaseException as error:  # noqa: BLE001  it is raised where the call was asked for
                    answer.set_exception(error)

            threading.Thread(target=work, name=self._name, daemon=True).start()
            waited = asyncio.wrap_future(answer)
            try:
                before: int | None = None
                while not waited.done():
                    if (now := self._progress()) == before:
                        raise stalled()
                    before = now
                    await asyncio.wait({waited}, timeout=self._limit_s)
                return waited.result()
            finally:
                waited.cancel()  # what comes later is for nobody


def stalled() -> StorageError:
    """Return what is said of a disk that hangs."""
    return StorageError(ErrorCode.STORAGE_STALLED, "The disk does not answer.")
