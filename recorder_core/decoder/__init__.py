"""Turns recorded samples into pictures in a short-lived process, so that a fault in a decoder touches nothing else.

The process (`python -m recorder_core.decoder`) reads an MP4 from its standard input, writes one picture of it, or
several encoded anew, to its standard output, and is killed when it takes too long. Nothing here imports the decoder's
library.
"""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from recorder_core.errors import ErrorCode, RecorderError
from recorder_core.media import Codec, VideoFormat
from recorder_core.models import StillFormat
from recorder_core.parameter_sets import ParameterSetError, video_format

from .annex_b import parameter_sets_and_sample
from .limits import (
    ANEW,
    EXIT_NO_ENCODER,
    EXIT_NO_LIBRARY,
    FIRST,
    MOST_ENCODED_BYTES,
    MOST_INPUT_BYTES,
    PICTURE,
)

if TYPE_CHECKING:
    from asyncio import StreamReader, StreamWriter
    from asyncio.subprocess import Process
    from collections.abc import Awaitable, Callable, Sequence

_AT_ONCE = 2
_TIMEOUT_S = 15.0

_LONG_TIMEOUT_S = 120.0
"""For a picture behind others that must be decoded first: a minute of them, where a camera sends few sync samples."""

_ANEW_TIMEOUT_S = 900.0
"""For as many pictures that are encoded besides, on a slow machine that has other work."""

_REFUSALS = {
    EXIT_NO_LIBRARY: "Pictures cannot be decoded: PyAV is not installed beside the recorder.",
    EXIT_NO_ENCODER: "Pictures cannot be encoded anew: the PyAV that is installed has no encoder for H.264.",
}


@dataclass(frozen=True, slots=True)
class NewPicture:
    """A picture that was encoded anew. `data` is its MP4 sample; `pts` is its original's."""

    pts: int
    sync: bool
    data: bytes


@dataclass(frozen=True, slots=True)
class NewPictures:
    """Pictures that were encoded anew as H.264, in the order of presentation, which is that of decoding."""

    video_format: VideoFormat
    pictures: tuple[NewPicture, ...]


class Decoder:
    """Decodes a bounded number of pictures at once; more wait their turn."""

    def __init__(self, *, timeout_s: float = _TIMEOUT_S, at_once: int = _AT_ONCE) -> None:
        """Give a picture that can be decoded alone `timeout_s` seconds."""
        self._timeout_s = timeout_s
        self._turn = asyncio.Semaphore(at_once)
        # What takes minutes must not keep single pictures waiting.
        self._turn_anew = asyncio.Semaphore(1)

    async def jpeg(self, mp4: bytes) -> bytes:
        """Return the first picture of an init segment and its fragments as a JPEG, in the size of the video.

        Raises:
            RecorderError: `DECODER_FAILED`.
        """
        return await self._picture(mp4, StillFormat.JPEG, FIRST, self._timeout_s)

    async def picture_at(self, mp4: bytes, pts: int, form: StillFormat) -> bytes:
        """Return the picture whose composition time in the only track is `pts` (edit lists aside), in its full size.

        Raises:
            RecorderError: `DECODER_FAILED`, also where there is no such picture.
        """
        return await self._picture(mp4, form, str(pts), _LONG_TIMEOUT_S)

    async def pictures_anew(
        self, mp4: bytes, times: Sequence[int], progress: Callable[[int, int], None]
    ) -> NewPictures:
        """Return the pictures with just these composition times in the only track, encoded anew.

        They are all pictures from the first time to the last one. `progress` hears how many are done, of how many.

        Raises:
            RecorderError: `DECODER_FAILED`, also where one of them is missing, or nothing here can encode.
        """
        which = f"{times[0]}-{times[-1] + 1}"

        async def read(process: Process) -> list[NewPicture]:
            return await _fed(process, mp4, _pictures_of(process, sets, lambda done: progress(done, len(times))))

        sets: list[bytes] = []
        async with self._turn_anew:
            pictures = await _run(mp4, (ANEW, which), _ANEW_TIMEOUT_S, read)
        if [picture.pts for picture in pictures] != list(times):
            raise _failed("Not all pictures before the first sync sample could be decoded.")
        try:
            return NewPictures(video_format(Codec.H264, sets), tuple(pictures))
        except ParameterSetError as error:
            raise _failed(f"The pictures were not encoded as they should be: {error}.") from error

    async def _picture(self, mp4: bytes, form: StillFormat, which: str, timeout_s: float) -> bytes:
        async def read(process: Process) -> bytes:
            return (await process.communicate(mp4))[0]

        async with self._turn:
            picture = await _run(mp4, (form.value, which), timeout_s, read)
        if not picture:
            raise _failed("The picture could not be decoded.")
        return picture


async def _run[T](mp4: bytes, what: tuple[str, str], timeout_s: float, read: Callable[[Process], Awaitable[T]]) -> T:
    """Return what `read` makes of a process's output; whatever happens, the process is gone then."""
    if len(mp4) > MOST_INPUT_BYTES:
        raise too_large()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "recorder_core.decoder", *what, str(int(timeout_s) + 1)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
    )
    try:
        async with asyncio.timeout(timeout_s):
            result = await read(process)
            code = await process.wait()
    except TimeoutError:
        raise _failed("Decoding the picture took too long.") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if code:
        raise _failed(_REFUSALS.get(code, "The picture could not be decoded."))
    return result


async def _fed[T](process: Process, mp4: bytes, reading: Awaitable[T]) -> T:
    """Return what is read, while the process is given its input."""
    # Both are there: it was started with pipes.
    feeding = asyncio.create_task(_feed(cast("StreamWriter", process.stdin), mp4))
    try:
        return await reading
    finally:
        feeding.cancel()
        await asyncio.wait([feeding])


async def _feed(pipe: StreamWriter, mp4: bytes) -> None:
    with suppress(BrokenPipeError, ConnectionResetError):  # it ended: how, its exit code tells
        pipe.write(mp4)
        await pipe.drain()
        pipe.close()
        await pipe.wait_closed()


async def _pictures_of(process: Process, sets: list[bytes], heard: Callable[[int], None]) -> list[NewPicture]:
    """Read pictures to the end; the parameter sets are put into `sets`."""
    output = cast("StreamReader", process.stdout)
    pictures: list[NewPicture] = []
    left = MOST_ENCODED_BYTES
    with suppress(asyncio.IncompleteReadError):  # the end: whether it came too early, exit code and times tell
        while True:
            pts, sync, size = PICTURE.unpack(await output.readexactly(PICTURE.size))
            left -= size
            if left < 0:
                raise too_large()
            own_sets, sample = parameter_sets_and_sample(await output.readexactly(size))
            sets += own_sets
            pictures.append(NewPicture(pts, sync, sample))
            heard(len(pictures))
    return pictures


def too_large() -> RecorderError:
    """Return the error for more than the decoder takes."""
    return _failed("There is too much to be decoded before the picture that is asked for.")


def _failed(sentence: str) -> RecorderError:
    return RecorderError(ErrorCode.DECODER_FAILED, sentence)
