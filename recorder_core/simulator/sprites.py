"""What moves through the scenes: cars, people and carts, as small pictures with alpha."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .canvas import Canvas, Colour, shade

if TYPE_CHECKING:
    from collections.abc import Callable

    from PIL import Image

COATS: tuple[Colour, ...] = ((92, 110, 132), (140, 86, 74), (84, 112, 92), (122, 104, 134), (150, 126, 84))
"""Muted colours of cars and coats."""

_GLASS: Colour = (58, 68, 78)
_DARK: Colour = (38, 40, 44)


def draw_car(canvas: Canvas, left: float, bottom: float, length: float, colour: Colour) -> None:
    """A car from its side, standing on `bottom`."""
    unit = length / 100
    canvas.oval(left - 2 * unit, bottom - 5 * unit, left + 102 * unit, bottom + 4 * unit, (0, 0, 0, 70))
    roof = [(22, -22), (34, -37), (68, -37), (82, -22)]
    canvas.shape(shade(colour, 0.85), *((left + x * unit, bottom + y * unit) for x, y in roof))
    glass = [(28, -23), (37, -34), (65, -34), (75, -23)]
    canvas.shape(_GLASS, *((left + x * unit, bottom + y * unit) for x, y in glass))
    canvas.box(left, bottom - 23 * unit, left + 100 * unit, bottom - 6 * unit, colour, round_by=6 * unit)
    canvas.box(left + 93 * unit, bottom - 20 * unit, left + 99 * unit, bottom - 15 * unit, (236, 226, 190))
    for wheel in (20, 78):
        x = left + wheel * unit
        canvas.oval(x - 9 * unit, bottom - 17 * unit, x + 9 * unit, bottom + unit, _DARK)
        canvas.oval(x - 4 * unit, bottom - 12 * unit, x + 4 * unit, bottom - 4 * unit, (150, 152, 156))


def _car(canvas: Canvas, colour: Colour) -> None:
    draw_car(canvas, 3, 45, 104, colour)


def _person(canvas: Canvas, colour: Colour) -> None:
    canvas.oval(4, 92, 36, 99, (0, 0, 0, 80))
    canvas.line(_DARK, 6, (19, 60), (14, 94))
    canvas.line(_DARK, 6, (21, 60), (27, 94))
    canvas.box(11, 24, 29, 64, colour, round_by=7)
    canvas.line(shade(colour, 0.8), 5, (13, 30), (8, 54))
    canvas.line(shade(colour, 0.8), 5, (27, 30), (33, 52))
    canvas.oval(12, 4, 28, 23, (176, 150, 130))
    canvas.shape((74, 62, 54), (12, 13), (14, 5), (26, 5), (28, 13), (20, 9))


def _cart(canvas: Canvas, colour: Colour) -> None:
    canvas.oval(2, 66, 98, 75, (0, 0, 0, 70))
    canvas.line((96, 100, 104), 4, (92, 62), (97, 10))
    canvas.box(4, 58, 92, 64, (96, 100, 104))
    for left, top, tone in ((8, 34, 1.0), (38, 30, 0.85), (64, 38, 1.1), (22, 10, 0.95)):
        canvas.box(left, top, left + 26, 58 if top > 20 else 32, shade((168, 138, 100), tone))
    canvas.box(66, 42, 86, 50, colour)
    for wheel in (16, 80):
        canvas.oval(wheel - 6, 62, wheel + 6, 74, _DARK)


@dataclass(frozen=True, slots=True)
class Mover:
    """A thing that crosses the scene again and again; sizes and places in units of 1/640 and 1/360."""

    draw: Callable[[Canvas, Colour], None]
    units: tuple[float, float]
    """The canvas that `draw` expects."""
    height: float
    """In the scene."""
    bottom: float
    """Where it stands."""
    period_s: float
    """From entering to entering again."""

    @property
    def width(self) -> float:
        """In the scene."""
        return self.height * self.units[0] / self.units[1]

    def left_at(self, time_s: float) -> float:
        """Its left edge at that time; off the scene at either end of its way."""
        part = time_s / self.period_s % 1
        return -self.width + part * (640 + 2 * self.width)

    def render(self, width: int, height: int, colour: Colour) -> Image.Image:
        """The thing in that many pixels."""
        canvas = Canvas(width, height, units=self.units, transparent=True)
        self.draw(canvas, colour)
        return canvas.finish()


def car(height: float, bottom: float, period_s: float) -> Mover:
    """A car that drives by."""
    return Mover(_car, (110, 50), height, bottom, period_s)


def person(height: float, bottom: float, period_s: float) -> Mover:
    """Somebody who walks by: a figure without a face."""
    return Mover(_person, (40, 100), height, bottom, period_s)


def cart(height: float, bottom: float, period_s: float) -> Mover:
    """A cart with boxes."""
    return Mover(_cart, (100, 76), height, bottom, period_s)
