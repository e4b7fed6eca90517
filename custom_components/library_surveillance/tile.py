"""The privacy tile: a picture that says what a camera does without showing what it sees. Pure but for its font."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from typing import Final

from PIL import Image, ImageDraw, ImageFont

WIDTH: Final = 1280
HEIGHT: Final = 720

_MARGIN: Final = 96
_BACKGROUND: Final = (24, 32, 44)
_PANEL: Final = (33, 44, 60)
_INK: Final = (238, 242, 247)
_FAINT: Final = (160, 174, 192)
_RECORDING: Final = (232, 84, 84)
_IDLE: Final = (112, 126, 146)

_NAME_SIZES: Final = (76, 60, 46)
_STATE_SIZE: Final = 44
_NOTICE_SIZE: Final = 34
_LONGEST_NAME_LINES: Final = 2
_NAME_WIDTH: Final = WIDTH - 4 * _MARGIN - 120


@dataclass(frozen=True, slots=True)
class Tile:
    """What a tile says, in the reader's language."""

    name: str
    state: str
    notice: str
    recording: bool


@lru_cache(maxsize=64)
def render(tile: Tile) -> bytes:
    """Return the tile as a JPEG of `WIDTH` by `HEIGHT` pixels; the same tile gives the same bytes."""
    image = Image.new("RGB", (WIDTH, HEIGHT), _BACKGROUND)
    draw = ImageDraw.Draw(image)
    draw.rounded_rectangle((48, 48, WIDTH - 48, HEIGHT - 48), radius=36, fill=_PANEL)
    _draw_covered_lens(draw, WIDTH - 2 * _MARGIN - 40, _MARGIN + 84)

    y = float(_MARGIN + 8)
    size, lines = fit_name(tile.name)
    for line in lines:
        draw.text((_MARGIN, y), line, font=ImageFont.load_default(size), fill=_INK)
        y += size * 1.2

    y = max(y + 32, HEIGHT / 2 - 20)
    dot = _STATE_SIZE * 0.62
    draw.ellipse((_MARGIN, y + 12, _MARGIN + dot, y + 12 + dot), fill=_RECORDING if tile.recording else _IDLE)
    state = ImageFont.load_default(_STATE_SIZE)
    draw.text((_MARGIN + dot + 22, y), tile.state, font=state, fill=_INK)

    y += _STATE_SIZE * 2.2
    notice = ImageFont.load_default(_NOTICE_SIZE)
    for line in wrap(tile.notice, notice, WIDTH - 2 * _MARGIN):
        draw.text((_MARGIN, y), line, font=notice, fill=_FAINT)
        y += _NOTICE_SIZE * 1.4

    jpeg = BytesIO()
    image.save(jpeg, "JPEG", quality=88)
    return jpeg.getvalue()


def fit_name(name: str) -> tuple[float, list[str]]:
    """Return the largest size in pixels at which a name fits, and its lines; what is too long even then is cut."""
    for size in _NAME_SIZES:
        if len(lines := wrap(name, ImageFont.load_default(size), _NAME_WIDTH)) <= _LONGEST_NAME_LINES:
            return size, lines
    return size, lines[:_LONGEST_NAME_LINES]


def wrap(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: float) -> list[str]:
    """Return the lines in which `text` fits into `width` pixels; a word that alone is too wide is cut."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if font.getlength(longer) <= width:
            lines[-1] = longer
            continue
        while font.getlength(word) > width:
            word = word[:-1]  # noqa: PLW2901 - the word is being cut
        lines.append(word)
    return [line for line in lines if line]


def _draw_covered_lens(draw: ImageDraw.ImageDraw, x: float, y: float) -> None:
    """Draw a camera's lens with a bar across it, centred at (x, y)."""
    draw.ellipse((x - 70, y - 70, x + 70, y + 70), outline=_FAINT, width=8)
    draw.ellipse((x - 34, y - 34, x + 34, y + 34), outline=_FAINT, width=8)
    draw.line((x - 78, y + 78, x + 78, y - 78), fill=_PANEL, width=30)
    draw.line((x - 78, y + 78, x + 78, y - 78), fill=_FAINT, width=10)
