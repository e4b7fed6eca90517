"""Paints each picture: a scene drawn once, and on it only what changes (a moving thing, the clock, the frame code)."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import av
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from .canvas import Canvas, shade
from .frame_code import FrameCode, draw_code, stamp_area
from .scenes import SCENES
from .sprites import COATS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .camera import SimulatedCamera, VideoSettings

type _Patch = tuple[NDArray[np.uint8], NDArray[np.uint8]]  # a place in the picture, and what belongs there

_BAND, _INK = 28, 226  # luma of the caption's ground and of its letters
_GREY = 128  # the chroma of no colour
_CLOCK_LETTERS = "0123456789-:. UTC"


def _planes(image: Image.Image) -> NDArray[np.uint8]:
    """An RGB picture of even size as planar 4:2:0 of shape (height * 3 / 2, width)."""
    pixels = np.asarray(image.convert("RGB"), np.uint8)
    frame = av.VideoFrame.from_ndarray(pixels, format="rgb24").reformat(format="yuv420p")
    return np.asarray(frame.to_ndarray(), np.uint8).copy()


class _Planes:
    """A picture's luma and chroma as three views of one array."""

    def __init__(self, picture: NDArray[np.uint8]) -> None:
        height = picture.shape[0] * 2 // 3
        width = picture.shape[1]
        quarter = height * width // 4
        chroma = picture[height:].reshape(-1)
        shape = (height // 2, width // 2)
        self.picture = picture
        self.views = (picture[:height], chroma[:quarter].reshape(shape), chroma[quarter:].reshape(shape))


class _Sprite:
    """A moving thing, ready to be blended into the planes."""

    def __init__(self, image: Image.Image) -> None:
        # Premultiplied colours would bleed at the edges: the transparent part takes the colour of the rest.
        opaque = Image.new("RGB", image.size, (90, 90, 90))
        opaque.paste(image, mask=image.getchannel("A").point(lambda alpha: 255 if alpha else 0))
        alpha = np.asarray(image.getchannel("A"), np.float32) / 255
        halved = alpha.reshape(alpha.shape[0] // 2, 2, alpha.shape[1] // 2, 2).mean(axis=(1, 3))
        self._alphas = (alpha, halved, halved)
        self._parts = [
            view.astype(np.float32) * weight
            for view, weight in zip(_Planes(_planes(opaque)).views, self._alphas, strict=True)
        ]
        self.width, self.height = image.size

    def blend(self, target: _Planes, ground: _Planes, left: int, top: int) -> list[_Patch]:
        """Draw it at an even place, as far as it lies inside; what to copy back to take it away again."""
        width = target.views[0].shape[1]
        first, last = max(0, -left), min(self.width, width - left)
        if last <= first:
            return []
        undo: list[_Patch] = []
        for plane, (view, below) in enumerate(zip(target.views, ground.views, strict=True)):
            step = 1 if plane == 0 else 2
            columns = slice(first // step, last // step)
            rows = slice(top // step, (top + self.height) // step)
            place = (rows, slice((left + first) // step, (left + last) // step))
            mixed = below[place] * (1 - self._alphas[plane][:, columns]) + self._parts[plane][:, columns]
            view[place] = mixed.astype(np.uint8)
            undo.append((view[place], below[place]))
        return undo


class Painter:
    """The pictures of one camera at one size."""

    def __init__(self, camera: SimulatedCamera, video: VideoSettings) -> None:
        """Draw all that stays the same. Cameras of one kind differ by their number: in light, grain and colours."""
        self._camera = camera
        self._mover = SCENES[camera.scene].mover
        self._scale = video.height / 360
        self._across = video.width / 640
        self._period_shift_s = camera.number * 2.7
        self._ground = _Planes(self._draw_ground(camera, video))
        self._target = _Planes(self._ground.picture.copy())
        height = round(self._mover.height * self._scale) // 2 * 2
        width = round(self._mover.width * self._across) // 2 * 2
        colour = COATS[camera.number % len(COATS)]
        self._sprite = _Sprite(self._mover.render(width, height, shade(colour, 1.15)))
        self._top = round(self._mover.bottom * self._scale) // 2 * 2 - height
        self._undo: list[_Patch] = []
        self._letters = self._draw_letters()
        self._clock_left = video.width - round(8 * self._scale) - self._clock_at(0).shape[1]

    def _draw_ground(self, camera: SimulatedCamera, video: VideoSettings) -> NDArray[np.uint8]:
        canvas = Canvas(video.width, video.height)
        SCENES[camera.scene].draw(canvas)
        light = 0.88 + camera.number * 5 % 7 * 0.04
        image = canvas.finish().convert("RGB").point(lambda value: min(255, int(value * light)))
        planes = _planes(image)
        luma = planes[: video.height]
        grain = np.random.default_rng(camera.number).normal(0, 1.6, luma.shape)
        luma[:] = np.clip(luma + grain, 16, 235).astype(np.uint8)
        self._draw_caption(_Planes(planes), camera.title)
        return planes

    def _draw_caption(self, planes: _Planes, title: str) -> None:
        self._band = round(11 * self._scale) * 2
        self._font = ImageFont.load_default(13 * self._scale)
        for plane, view in enumerate(planes.views):
            view[: self._band // (1 if plane == 0 else 2)] = _GREY if plane else _BAND
        lines, columns = stamp_area(planes.views[0].shape[0])
        for chroma in planes.views[1:]:
            chroma[lines.start // 2 : lines.stop // 2, : columns.stop // 2] = _GREY
        # Like many cameras' the letters are plain ones: Pillow's own font has few others.
        plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode()
        self._write(planes.views[0], round(8 * self._scale), plain)

    def _write(self, luma: NDArray[np.uint8], left: int, words: str) -> None:
        mask = self._letter_mask(words, luma.shape[1] - left)
        luma[: self._band, left : left + mask.shape[1]] = mask

    def _letter_mask(self, words: str, widest: int) -> NDArray[np.uint8]:
        width = min(widest, int(self._font.getlength(words)) + 2)
        image = Image.new("L", (width, self._band), _BAND)
        ImageDraw.Draw(image).text((0, self._band / 2), words, fill=_INK, font=self._font, anchor="lm")
        return np.asarray(image, np.uint8)

    def _draw_letters(self) -> dict[str, NDArray[np.uint8]]:
        """The clock's letters; all digits equally wide, so that the text does not move."""
        widest = max(int(self._font.getlength(digit)) for digit in "0123456789") + 2
        return {
            letter: self._letter(letter, widest if letter.isdigit() else int(self._font.getlength(letter)) + 2)
            for letter in _CLOCK_LETTERS
        }

    def _letter(self, letter: str, width: int) -> NDArray[np.uint8]:
        mask = self._letter_mask(letter, width)
        cell = np.full((self._band, width), _BAND, np.uint8)
        left = (width - mask.shape[1]) // 2
        cell[:, left : left + mask.shape[1]] = mask
        return cell

    def _clock_at(self, time_us: int) -> NDArray[np.uint8]:
        shown = datetime.fromtimestamp(time_us / 1_000_000, UTC)
        text = f"{shown:%Y-%m-%d %H:%M:%S}.{shown.microsecond // 1000:03} UTC"
        return np.concatenate([self._letters[letter] for letter in text], axis=1)

    def paint(self, *, serial: int, time_us: int) -> NDArray[np.uint8]:
        """The next picture, planar 4:2:0; valid until the next call."""
        for view, below in self._undo:
            view[:] = below
        left = self._mover.left_at(time_us / 1_000_000 + self._period_shift_s) * self._across
        self._undo = self._sprite.blend(self._target, self._ground, round(left) // 2 * 2, self._top)
        luma = self._target.views[0]
        clock = self._clock_at(time_us + self._camera.clock_error_us)
        luma[: self._band, self._clock_left : self._clock_left + clock.shape[1]] = clock
        draw_code(luma, FrameCode(time_us, serial, self._camera.number))
        return self._target.picture
