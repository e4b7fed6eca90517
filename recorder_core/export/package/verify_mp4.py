"""What the checks of clips and of re-encoded pictures share: reading the file back, and how far its times may part."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from recorder_core.media import TIMESCALE
from recorder_core.mp4 import Mp4Error, read_progressive

from .verify_proofs import ProofError

if TYPE_CHECKING:
    from typing import BinaryIO

    from recorder_core.mp4 import ProgressiveLayout

    from .read_manifest import ReadPictures

_SLACK_US: Final = 1_000_000
_SLACK_PER_TIME: Final = 1000
"""Fragments tell the recorder's clock, a file's time line follows the camera's: they part by 500 ppm at most."""


def read_layout(file: BinaryIO, offset: int, size: int) -> ProgressiveLayout:
    """Return the layout of the file of `size` bytes at `offset`.

    Raises:
        ProofError: it is not one that the recorder makes.
        OSError: it cannot be read.
    """
    try:
        return read_progressive(file, offset, size)
    except Mp4Error as error:
        raise ProofError(f"It is no video of the recorder: {error}") from error


def check_described(layout: ProgressiveLayout, told: ReadPictures) -> None:
    """Make sure that a file is as old as its first picture, and of the format that is told. Raises ProofError."""
    if layout.created_s != told.start_us // 1_000_000:
        raise ProofError("Its time of creation is not that of its first picture")
    found = layout.video_format
    if (found.codec, found.width, found.height) != (told.codec, told.width, told.height):
        raise ProofError("Its pictures are not of the codec and the size that the manifest says")


def is_near(at_us: int, start_us: int, media: int) -> bool:
    """Whether a moment is that of a media time after `start_us`."""
    return abs(at_us - start_us - media_us(media)) <= slack_us(media)


def slack_us(media: int) -> int:
    """Return how far a moment may lie from that of a media time."""
    return _SLACK_US + drift_us(media)


def drift_us(media: int) -> int:
    """Return how far the camera's clock may part from the recorder's within a media time."""
    return abs(media_us(media)) // _SLACK_PER_TIME


def media_us(media: int) -> int:
    """Return a media time in microseconds."""
    return media * 1_000_000 // TIMESCALE
