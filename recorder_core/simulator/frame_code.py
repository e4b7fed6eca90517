"""The machine-readable stamp in every simulated picture: when it was taken, its serial, its camera.

The stamp is a field of 32 x 4 black and white cells with a dark border in the bottom left corner, on a grid of its own
cell size, which is 8 pixels for every 360 lines of picture height. So a cell covers whole transform blocks of
H.264 and H.265, and its mean survives the coarsest quantiser. The outer columns are marks that alternate, in opposite
phase; the 30 x 4 cells between them carry, row by row and most significant bit first, 7 bytes of time, 4 of serial,
2 of camera number and a CRC-16 (polynomial 0x1021, CCITT) over these 13 bytes.
"""

from __future__ import annotations

import binascii
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

COLUMNS, ROWS = 32, 4
_LEFT_MARKS = np.array([True, False, True, False])
_BLACK, _WHITE = 16, 235  # the luma range of video (ITU-R BT.601)
_LEAST_CONTRAST = 64  # less between the marks means that there is no stamp


@dataclass(frozen=True, slots=True)
class FrameCode:
    """What one stamp says: UTC in microseconds (below 2**56), frame serial (below 2**32), camera (below 2**16)."""

    time_us: int
    serial: int
    camera: int


def cell_size(height: int) -> int:
    """The edge of one cell in pixels, in a picture of that many lines."""
    return 8 * max(1, height // 360)


def stamp_area(height: int) -> tuple[slice, slice]:
    """The lines and columns that the stamp and its border cover in a picture of that many lines."""
    cell = cell_size(height)
    top = (height // cell - ROWS - 2) * cell
    return slice(top, top + (ROWS + 2) * cell), slice(0, (COLUMNS + 2) * cell)


def draw_code(luma: NDArray[np.uint8], code: FrameCode) -> None:
    """Paint the stamp into `luma`, a writable array of shape (height, width), at least 272 x 48 pixels."""
    cell = cell_size(luma.shape[0])
    body = code.time_us.to_bytes(7) + code.serial.to_bytes(4) + code.camera.to_bytes(2)
    body += binascii.crc_hqx(body, 0).to_bytes(2)
    cells = np.zeros((ROWS + 2, COLUMNS + 2), bool)
    cells[1:-1, 1] = _LEFT_MARKS
    cells[1:-1, -2] = ~_LEFT_MARKS
    cells[1:-1, 2:-2] = np.unpackbits(np.frombuffer(body, np.uint8)).reshape(ROWS, COLUMNS - 2)
    levels = np.where(cells, np.uint8(_WHITE), np.uint8(_BLACK))
    luma[stamp_area(luma.shape[0])] = levels.repeat(cell, 0).repeat(cell, 1)


def read_code(luma: NDArray[np.uint8]) -> FrameCode | None:
    """Read the stamp of a decoded picture.

    `luma` is the whole picture's luma (or grey) plane at its coded size: shape (height, width), 0 to 255, cropped to
    what a player shows, not scaled. Returns None where there is no stamp or where its checksum does not hold; a
    picture without a stamp is taken for one with a chance of one in 16 million.
    """
    if luma.ndim != 2:
        return None
    height, width = luma.shape
    cell = cell_size(height)
    if height < (ROWS + 2) * cell or width < (COLUMNS + 2) * cell:
        return None
    inner = luma[stamp_area(height)].reshape(ROWS + 2, cell, COLUMNS + 2, cell)[1:-1, :, 1:-1, :]
    # A cell's edge takes colour from its neighbour (deblocking, scaling), so only its middle counts.
    edge = cell // 4
    means = inner[:, edge : cell - edge, :, edge : cell - edge].mean(axis=(1, 3))
    left, right = means[:, 0], means[:, -1]
    white = float(min(left[_LEFT_MARKS].min(), right[~_LEFT_MARKS].min()))
    black = float(max(left[~_LEFT_MARKS].max(), right[_LEFT_MARKS].max()))
    if white - black < _LEAST_CONTRAST:
        return None
    body = np.packbits(means[:, 1:-1].ravel() > (white + black) / 2).tobytes()
    if binascii.crc_hqx(body[:13], 0) != int.from_bytes(body[13:]):
        return None
    return FrameCode(int.from_bytes(body[:7]), int.from_bytes(body[7:11]), int.from_bytes(body[11:13]))
