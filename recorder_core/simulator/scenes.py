"""The places that simulated cameras look at: one drawing and one moving thing for each kind of scene."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .camera import SceneKind
from .canvas import Canvas, Colour, shade
from .sprites import COATS, Mover, car, cart, draw_car, person

if TYPE_CHECKING:
    from collections.abc import Callable

_ASPHALT: Colour = (88, 90, 94)
_CONCRETE: Colour = (136, 134, 130)
_WOOD: Colour = (146, 114, 84)
_LEAVES: Colour = (88, 108, 84)
_GLASS: Colour = (126, 148, 158)
_METAL: Colour = (104, 110, 116)
_PAINT: Colour = (206, 204, 194)
_WALL: Colour = (186, 178, 164)
_BRICK: Colour = (142, 98, 82)


def _tree(canvas: Canvas, x: float, bottom: float, size: float) -> None:
    canvas.box(x - size * 0.07, bottom - size * 0.5, x + size * 0.07, bottom, (92, 76, 62))
    for dx, dy, radius, tone in ((-0.24, 0.62, 0.3, 0.9), (0.22, 0.66, 0.3, 1.0), (0, 0.85, 0.34, 1.12)):
        middle_x, middle_y, reach = x + dx * size, bottom - dy * size, radius * size
        canvas.oval(middle_x - reach, middle_y - reach, middle_x + reach, middle_y + reach, shade(_LEAVES, tone))


def _bricks(canvas: Canvas, bottom: float) -> None:
    canvas.box(0, 0, 640, bottom, shade(_BRICK, 0.8))
    for row in range(int(bottom // 12) + 1):
        for column in range(-1, 22):
            left = column * 31 + row % 2 * 15
            tone = 0.94 + (row * 7 + column * 13) % 5 * 0.03
            canvas.box(left, row * 12, left + 29, min(bottom, row * 12 + 10), shade(_BRICK, tone))


def _shelf(canvas: Canvas, edges: tuple[float, float, float, float], rows: int) -> None:
    left, top, right, bottom = edges
    canvas.box(left, top, right, bottom, shade(_WOOD, 0.8))
    pitch = (bottom - top) / rows
    for row in range(rows):
        base = top + (row + 1) * pitch - 4
        canvas.box(left + 4, base - pitch + 8, right - 4, base, shade(_WOOD, 0.5))
        x, index = left + 6.0, row * 3
        while x < right - 12:
            width = 5 + index * 7 % 5
            height = pitch - 14 - index * 5 % 9
            canvas.box(x, base - height, x + width, base, shade(COATS[index * 3 % len(COATS)], 0.9 + index % 4 * 0.1))
            x += width + 1 + (index % 11 == 10) * 14
            index += 1


def _planks(canvas: Canvas, top: float, colour: Colour) -> None:
    canvas.box(0, top, 640, 360, colour)
    for index in range(-9, 10):
        canvas.line(shade(colour, 0.86), 1.5, (320 + index * 26, top), (320 + index * 88, 360))


def _book_drop(canvas: Canvas) -> None:
    _bricks(canvas, 236)
    canvas.sky(236, 360, (158, 154, 148), (124, 122, 118))
    for x in (90, 270, 450, 630):
        canvas.line((110, 108, 104), 1.5, (x, 236), (x * 1.5 - 160, 360))
    canvas.box(402, 40, 540, 80, (62, 84, 98), round_by=5)
    canvas.text(471, 60, "BOOK RETURN", 16, (226, 224, 214))
    canvas.oval(384, 246, 566, 268, (0, 0, 0, 70))
    canvas.box(394, 96, 552, 258, (84, 104, 116), round_by=10)
    canvas.box(402, 104, 544, 250, (98, 120, 132), round_by=7)
    canvas.box(418, 132, 528, 162, (44, 50, 56), round_by=4)
    canvas.box(414, 126, 532, 136, (150, 156, 160), round_by=3)
    canvas.text(473, 196, "RETURNS", 13, (222, 224, 220))
    canvas.text(473, 216, "books and media", 10, (196, 202, 202))
    for x in (40, 88, 140):
        canvas.oval(x, 188, x + 76, 252, shade(_LEAVES, 0.8 + x / 500))
    canvas.box(318, 30, 336, 46, (222, 206, 160), round_by=4)
    canvas.shape((240, 226, 180, 46), (318, 46), (336, 46), (398, 250), (256, 250))


def _garage(canvas: Canvas) -> None:
    canvas.box(0, 0, 640, 360, (98, 98, 96))
    canvas.shape((76, 77, 78), (0, 0), (640, 0), (430, 110), (210, 110))
    canvas.shape((114, 113, 110), (0, 360), (640, 360), (430, 170), (210, 170))
    canvas.box(210, 110, 430, 170, (84, 84, 84))
    canvas.box(290, 122, 350, 170, (150, 160, 164))
    for index in range(4):
        y, reach = 14 + index * 26, 66 - index * 14
        canvas.box(320 - reach, y, 320 + reach, y + 7 - index, (232, 232, 216), round_by=2)
    for side in (-1, 1):
        for index, (x, top, bottom, width) in enumerate(((118, 98, 184, 14), (186, 66, 236, 22), (282, 10, 326, 36))):
            middle = 320 + side * x
            canvas.box(middle - width / 2, top, middle + width / 2, bottom, shade(_CONCRETE, 0.8 + index * 0.12))
            canvas.box(middle - width / 2, bottom - width * 1.6, middle + width / 2, bottom - width, (188, 164, 84))
    canvas.line((196, 194, 184), 3, (300, 172), (236, 360))
    canvas.line((196, 194, 184), 3, (340, 172), (404, 360))
    draw_car(canvas, 22, 246, 110, COATS[0])
    draw_car(canvas, 490, 250, 116, COATS[1])
    draw_car(canvas, 452, 196, 66, COATS[4])
    canvas.box(508, 58, 556, 92, (62, 84, 98), round_by=4)
    canvas.text(532, 75, "P2", 22, (226, 224, 214))


def _parking_lot(canvas: Canvas) -> None:
    canvas.sky(0, 130, (150, 172, 188), (206, 206, 196))
    canvas.box(392, 52, 640, 134, shade(_WALL, 0.92))
    for x in range(408, 630, 36):
        canvas.box(x, 72, x + 22, 102, _GLASS)
    for index, x in enumerate(range(20, 400, 62)):
        _tree(canvas, x, 132, 74 + index * 17 % 24)
    canvas.box(0, 128, 640, 144, (112, 122, 96))
    canvas.sky(144, 360, shade(_ASPHALT, 1.1), shade(_ASPHALT, 0.88))
    for index in range(9):
        canvas.line(_PAINT, 2, (40 + index * 70, 150), (index * 80 - 4, 196))
    for left, colour in ((52, COATS[3]), (186, COATS[0]), (330, (176, 174, 168)), (474, COATS[2])):
        draw_car(canvas, left, 190, 84, colour)
    for x in range(0, 640, 96):
        canvas.box(x, 268, x + 52, 272, (198, 182, 112))
    canvas.box(583, 8, 588, 214, _METAL)
    canvas.box(556, 6, 590, 12, _METAL)
    canvas.box(552, 10, 570, 15, (232, 228, 204))


def _cafe_deck(canvas: Canvas) -> None:
    canvas.sky(0, 152, (158, 180, 190), (216, 212, 198))
    for x in range(10, 660, 80):
        _tree(canvas, x, 156, 88 + x * 3 % 31)
    canvas.box(0, 150, 640, 190, (120, 128, 100))
    _planks(canvas, 186, (158, 130, 102))
    for x in range(0, 641, 40):
        canvas.box(x - 2, 140, x + 2, 192, _METAL)
    canvas.box(0, 138, 640, 143, shade(_METAL, 0.9))
    for x, y, size, colour in ((150, 262, 1.0, COATS[1]), (330, 232, 0.8, COATS[2]), (520, 276, 1.15, COATS[0])):
        canvas.oval(x - 66 * size, y + 26 * size, x + 66 * size, y + 46 * size, (0, 0, 0, 60))
        canvas.box(x - 3, y - 110 * size, x + 3, y + 36 * size, (206, 200, 188))
        canvas.oval(x - 46 * size, y - 12 * size, x + 46 * size, y + 8 * size, (196, 188, 174))
        shade_top = y - 116 * size
        canvas.shape(
            colour, (x - 78 * size, shade_top + 36 * size), (x, shade_top), (x + 78 * size, shade_top + 36 * size)
        )
        canvas.shape(
            shade(colour, 1.2),
            (x - 26 * size, shade_top + 36 * size),
            (x, shade_top),
            (x + 26 * size, shade_top + 36 * size),
        )
        for side in (-1, 1):
            seat = x + side * 62 * size
            canvas.box(seat - 14 * size, y + 4 * size, seat + 14 * size, y + 10 * size, shade(_METAL, 0.8))
            canvas.line(shade(_METAL, 0.8), 2, (seat - 11 * size, y + 8 * size), (seat - 13 * size, y + 34 * size))
            canvas.line(shade(_METAL, 0.8), 2, (seat + 11 * size, y + 8 * size), (seat + 13 * size, y + 34 * size))


def _entrance(canvas: Canvas) -> None:
    canvas.box(0, 0, 640, 250, _WALL)
    canvas.box(0, 34, 640, 78, (84, 92, 98))
    canvas.text(320, 56, "PUBLIC LIBRARY", 24, (222, 218, 204))
    canvas.sky(250, 360, (150, 146, 138), (118, 116, 112))
    canvas.box(190, 84, 450, 252, (70, 76, 80))
    for left in (198, 262, 326, 388):
        canvas.box(left, 92, left + 56, 248, _GLASS)
        canvas.shape((176, 192, 198, 110), (left + 8, 248), (left + 36, 92), (left + 50, 92), (left + 22, 248))
    for handle in (316, 326):
        canvas.box(handle - 2, 156, handle + 2, 196, (206, 206, 200))
    canvas.shape((78, 70, 66), (214, 252), (426, 252), (470, 300), (170, 300))
    for x in (72, 508):
        canvas.box(x, 214, x + 62, 266, (120, 104, 92), round_by=5)
        for dx in (-4, 18, 40):
            canvas.oval(x + dx, 168, x + dx + 32, 222, shade(_LEAVES, 0.9 + dx / 200))
    canvas.box(566, 108, 616, 168, (226, 222, 210), round_by=3)
    canvas.text(591, 128, "CAMERAS", 9, (80, 82, 84))
    canvas.text(591, 144, "IN USE", 9, (80, 82, 84))


def _collection(canvas: Canvas) -> None:
    canvas.box(0, 0, 640, 90, (198, 192, 180))
    canvas.sky(90, 360, (168, 150, 126), (140, 122, 102))
    for x in range(60, 640, 130):
        canvas.box(x, 12, x + 74, 20, (240, 236, 220), round_by=3)
    canvas.box(220, 74, 420, 200, (176, 168, 154))
    _shelf(canvas, (232, 84, 408, 200), 3)
    _shelf(canvas, (0, 40, 172, 292), 4)
    _shelf(canvas, (468, 40, 640, 292), 4)
    canvas.shape((124, 104, 82), (172, 292), (172, 40), (232, 78), (232, 206))
    canvas.shape((124, 104, 82), (468, 292), (468, 40), (408, 78), (408, 206))
    for index in range(3):
        y = 120 + index * 40
        canvas.line((92, 76, 60), 3, (172, 60 + index * 70), (232, y - 18))
        canvas.line((92, 76, 60), 3, (468, 60 + index * 70), (408, y - 18))


def _seating(canvas: Canvas) -> None:
    canvas.box(0, 0, 640, 200, (200, 194, 182))
    for left in (40, 240, 440):
        canvas.box(left, 26, left + 160, 150, (226, 224, 214))
        canvas.box(left + 6, 32, left + 154, 144, (176, 194, 198))
        for x in range(left + 26, left + 150, 48):
            canvas.oval(x - 22, 84, x + 26, 144, shade(_LEAVES, 1.1))
        canvas.box(left + 77, 32, left + 83, 144, (226, 224, 214))
    canvas.sky(200, 360, (150, 132, 112), (128, 112, 96))
    canvas.oval(170, 236, 500, 336, (116, 112, 124))
    for left, colour in ((120, COATS[2]), (440, COATS[0])):
        canvas.box(left, 182, left + 96, 256, shade(colour, 0.85), round_by=12)
        canvas.box(left + 12, 222, left + 84, 266, colour, round_by=8)
        canvas.box(left - 8, 212, left + 14, 272, shade(colour, 1.1), round_by=7)
        canvas.box(left + 82, 212, left + 104, 272, shade(colour, 1.1), round_by=7)
    canvas.oval(272, 240, 388, 270, _WOOD)
    canvas.box(326, 262, 334, 300, shade(_WOOD, 0.7))
    canvas.box(590, 110, 594, 250, _METAL)
    canvas.shape((226, 210, 166), (570, 112), (580, 76), (604, 76), (614, 112))


def _delivery(canvas: Canvas) -> None:
    canvas.box(0, 0, 640, 242, (154, 150, 144))
    for y in range(20, 240, 26):
        canvas.line((144, 140, 134), 1.5, (0, y), (640, y))
    canvas.box(200, 52, 440, 242, (86, 90, 94))
    for y in range(58, 236, 17):
        canvas.box(208, y, 432, y + 14, (162, 166, 168))
    canvas.box(250, 25, 390, 47, (62, 84, 98), round_by=4)
    canvas.text(320, 36, "DELIVERIES", 14, (226, 224, 214))
    canvas.box(496, 92, 570, 242, (104, 98, 92))
    canvas.box(512, 108, 554, 158, _GLASS)
    canvas.sky(242, 360, (132, 130, 126), (106, 105, 103))
    for x in (178, 462):
        canvas.box(x - 7, 196, x + 7, 268, (196, 168, 76), round_by=5)
        canvas.box(x - 7, 216, x + 7, 226, (60, 58, 54))
    for left, top, size in ((40, 196, 60), (104, 206, 50), (56, 150, 46)):
        canvas.box(
            left, top, left + size, top + (256 - top if top > 180 else size), shade((168, 138, 100), 0.8 + left / 300)
        )
        canvas.line((122, 100, 74), 2, (left + size / 2, top), (left + size / 2, top + size))
    for index in range(7):
        canvas.shape(
            (190, 172, 96), *((210 + index * 34 + dx, y) for dx, y in ((0, 262), (16, 262), (6, 272), (-10, 272)))
        )


def _service_desk(canvas: Canvas) -> None:
    canvas.box(0, 0, 640, 230, (190, 184, 172))
    _shelf(canvas, (30, 76, 200, 220), 3)
    _shelf(canvas, (440, 76, 610, 220), 3)
    canvas.box(238, 66, 402, 106, (62, 84, 98), round_by=5)
    canvas.text(320, 86, "INFORMATION", 19, (226, 224, 214))
    for x in (180, 320, 460):
        canvas.line((90, 90, 90), 1.5, (x, 0), (x, 26))
        canvas.shape((206, 180, 120), (x - 22, 46), (x - 8, 26), (x + 8, 26), (x + 22, 46))
    canvas.sky(230, 360, (152, 138, 122), (126, 114, 102))
    canvas.shape((108, 86, 66), (110, 196), (530, 196), (560, 208), (80, 208))
    canvas.box(84, 206, 556, 292, _WOOD, round_by=4)
    for x in range(120, 556, 76):
        canvas.line(shade(_WOOD, 0.84), 2, (x, 210), (x, 290))
    for x in (214, 400):
        canvas.box(x, 144, x + 58, 184, (48, 52, 56), round_by=3)
        canvas.box(x + 4, 148, x + 54, 178, (112, 138, 148))
        canvas.box(x + 25, 184, x + 33, 200, (60, 62, 64))


@dataclass(frozen=True, slots=True)
class Scene:
    """What is always there, and what moves."""

    draw: Callable[[Canvas], None]
    mover: Mover


SCENES: dict[SceneKind, Scene] = {
    SceneKind.BOOK_DROP: Scene(_book_drop, person(124, 300, 14)),
    SceneKind.GARAGE: Scene(_garage, car(76, 304, 9)),
    SceneKind.PARKING_LOT: Scene(_parking_lot, car(54, 256, 11)),
    SceneKind.CAFE_DECK: Scene(_cafe_deck, person(112, 306, 17)),
    SceneKind.ENTRANCE: Scene(_entrance, person(130, 302, 12)),
    SceneKind.COLLECTION: Scene(_collection, person(136, 306, 18)),
    SceneKind.SEATING: Scene(_seating, person(120, 308, 21)),
    SceneKind.DELIVERY: Scene(_delivery, cart(78, 304, 15)),
    SceneKind.SERVICE_DESK: Scene(_service_desk, person(124, 308, 16)),
}
