"""Turns recorded samples into a picture in a short-lived process, so that a fault in a decoder touches nothing else.

The process (`python -m recorder_core.decoder`) reads an MP4 from its standard input, writes one picture of it to its
standard output, and is killed when it takes too long. Nothing here imports the decoder's library.
"""

from __future__ import annotations

import asyncio
import os
import sys

from recorder_core.errors import ErrorCode, RecorderError
from recorder_core.models import StillFormat

from .limits import EXIT_NO_LIBRARY, FIRST, MOST_INPUT_BYTES

_AT_ONCE = 2
_TIMEOUT_S = 15.0

_LONG_TIMEOUT_S = 120.0
"""For a picture behind others that must be decoded first: a minute of them, where a camera sends few sync samples."""


class Decoder:
    """Decodes a bounded number of pictures at once; more wait their turn."""

    def __init__(self, *, timeout_s: float = _TIMEOUT_S, at_once: int = _AT_ONCE) -> None:
        """Give a picture that can be decoded alone `timeout_s` seconds."""
        self._timeout_s = timeout_s
        self._turn = asyncio.Semaphore(at_once)

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

    async def _picture(self, mp4: bytes, form: StillFormat, which: str, timeout_s: float) -> bytes:
        if len(mp4) > MOST_INPUT_BYTES:
            raise _failed("The picture is too large to be decoded.")
        async with self._turn:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", "-m", "recorder_core.decoder", form.value, which, str(int(timeout_s) + 1)),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                env=os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
            )
            try:
                async with asyncio.timeout(timeout_s):
                    picture, _ = await process.communicate(mp4)
            except TimeoutError:
                raise _failed("Decoding the picture took too long.") from None
            finally:
                if process.returncode is None:
                    process.kill()
                    await process.wait()
        if process.returncode == EXIT_NO_LIBRARY:
            raise _failed("Pictures cannot be decoded: PyAV is not installed beside the recorder.")
        if process.returncode or not picture:
            raise _failed("The picture could not be decoded.")
        return picture


def _failed(sentence: str) -> RecorderError:
    return RecorderError(ErrorCode.DECODER_FAILED, sentence)
