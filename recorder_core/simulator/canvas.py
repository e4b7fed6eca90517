"""Drawing in muted colours on a canvas of 640 x 360 units, whatever its pixels, with smooth edges."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PIL import Image, ImageDraw, ImageFont

if TYPE_CHECKING:
    from collections.abc import Sequence

type Colour = tuple[int, int, int] | tuple[int, int, int, int]
type Point = tuple[float, float]

_SMOOTHING = 2  # drawn that much larger, then scaled down: Pillow's shapes have hard edges


def shade(colour: Colour, factor: float) -> Colour:
    """The same colour lighter (above 1) or darker (below 1)."""
    red, green, blue = (min(255, round(part * factor)) for part in colour[:3])
    return red, green, blue


class Canvas:
    """Shapes in units of 1/640 of the width and 1/360 of the height."""

    def __init__(
        self, width: int, height: int, *, units: tuple[float, float] = (640, 360), transparent: bool = False
    ) -> None:
        """An empty canvas of that many pixels, which are that many units.

        On an opaque one colours with alpha are blended with what is there; on a transparent one they stay.
        """
        self._size = (width, height)
        self._image = Image.new("RGBA" if transparent else "RGB", (width * _SMOOTHING, height * _SMOOTHING))
        self._draw = ImageDraw.Draw(self._image, "RGBA")
        self._x, self._y = width * _SMOOTHING / units[0], height * _SMOOTHING / units[1]

    def _points(self, points: Sequence[Point]) -> list[Point]:
        return [(x * self._x, y * self._y) for x, y in points]

    def box(self, left: float, top: float, right: float, bottom: float, colour: Colour, *, round_by: float = 0) -> None:
        """A rectangle, with round corners if wanted."""
        corners = self._points([(left, top), (right, bottom)])
        self._draw.rounded_rectangle([*corners[0], *corners[1]], round_by * self._x, fill=colour)

    def shape(self, colour: Colour, *points: Point) -> None:
        """A polygon."""
        self._draw.polygon(self._points(points), fill=colour)

    def line(self, colour: Colour, width: float, *points: Point) -> None:
        """A line through these points."""
        self._draw.line(self._points(points), fill=colour, width=max(1, round(width * self._x)), joint="curve")

    def oval(self, left: float, top: float, right: float, bottom: float, colour: Colour) -> None:
        """An ellipse in that rectangle."""
        corners = self._points([(left, top), (right, bottom)])
        self._draw.ellipse([*corners[0], *corners[1]], fill=colour)

    def sky(self, top: float, bottom: float, upper: Colour, lower: Colour) -> None:
        """A vertical run from one colour to another."""
        first, last = round(top * self._y), round(bottom * self._y)
        for y in range(first, last):
            part = (y - first) / (last - first)
            mixed = [round(a + (b - a) * part) for a, b in zip(upper[:3], lower[:3], strict=True)]
            self._draw.line([(0, y), (self._image.width, y)], fill=(mixed[0], mixed[1], mixed[2]))

    def text(self, x: float, y: float, words: str, size: float, colour: Colour) -> None:
        """Words around that point."""
        font = ImageFont.load_default(size * self._y)
        self._draw.text((x * self._x, y * self._y), words, fill=colour, font=font, anchor="mm")

    def finish(self) -> Image.Image:
        """The picture at its true size."""
        return self._image.resize(self._size, Image.Resampling.LANCZOS)
