"""All of the service's work on the index, on one thread: off the event loop, and in the order in which it was asked.

The order matters: the row of a run is asked for before its first file is, and the file's row refers to it.
"""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Concatenate

from recorder_core.errors import ErrorCode, StorageError
from recorder_core.storage.index import Index

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

    from recorder_core.storage.records import OpenFile, Segment

_LOGGER = logging.getLogger(__name__)


class IndexThread:
    """Calls functions that take the index as their first argument. All methods may be called from any thread."""

    def __init__(self, index: Index, on_damaged: Callable[[], object] = lambda: None) -> None:
        """Own `index` until `close`; `on_damaged` is called on some thread whenever it turns out to be damaged."""
        self._index = index
        self._on_damaged = on_damaged
        self._thread = ThreadPoolExecutor(1, "index")

    async def ask[**P, T](self, call: Callable[Concatenate[Index, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Return what `call(index, ...)` returns, after all that was asked and posted before."""
        return await asyncio.wrap_future(self._submit(call, *args, **kwargs))

    def post[**P](self, call: Callable[Concatenate[Index, P], object], *args: P.args, **kwargs: P.kwargs) -> None:
        """Have `call(index, ...)` done, after all that was asked and posted before; what it raises is logged."""
        self._submit(call, *args, **kwargs).add_done_callback(_log_failure)

    def wait[**P, T](self, call: Callable[Concatenate[Index, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Return what `call(index, ...)` returns, blocking; for threads other than the event loop's."""
        return self._submit(call, *args, **kwargs).result()

    async def beside[**P, T](self, call: Callable[Concatenate[Index, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Return what `call(index, ...)` returns, on another thread, so that what is asked and posted need not wait.

        It begins after all that was asked and posted before.
        """
        await self.ask(lambda _: None)
        return await asyncio.to_thread(lambda: self._do(call, *args, **kwargs))

    def _submit[**P, T](self, call: Callable[Concatenate[Index, P], T], *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        return self._thread.submit(lambda: self._do(call, *args, **kwargs))

    def _do[**P, T](self, call: Callable[Concatenate[Index, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return call(self._index, *args, **kwargs)
        except StorageError as error:
            if error.code is ErrorCode.INDEX_DAMAGED:
                self._on_damaged()
            raise

    async def close(self) -> None:
        """Do what was posted, close the index, and end the thread."""
        try:
            await asyncio.wrap_future(self._thread.submit(self._index.close))
        finally:
            await asyncio.to_thread(self._thread.shutdown)


class IndexJournal:
    """What a volume's writer tells the index, from the writer's thread, behind what was posted for its cameras."""

    def __init__(self, index: IndexThread) -> None:
        """Keep the account in `index`."""
        self._index = index

    def file_opened(self, file: OpenFile) -> None:
        """Remember a file that is about to be created."""
        self._index.wait(Index.file_opened, file)

    def file_closed(self, segment: Segment, next_file: OpenFile | None = None) -> None:
        """Turn an open file into a segment, and remember the file that follows it."""
        self._index.wait(Index.file_closed, segment, next_file)

    def file_discarded(self, segment_id: int) -> None:
        """Forget an open file that held nothing."""
        self._index.wait(Index.file_discarded, segment_id)


def _log_failure(future: Future[object]) -> None:
    if (error := future.exception()) is not None:
        _LOGGER.error("The index refused an entry", exc_info=error)
