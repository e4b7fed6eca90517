"""The privacy tile as a picture: it says different things in different pictures, and holds any name."""

from __future__ import annotations

from io import BytesIO

from hypothesis import given, settings, strategies as st
from PIL import Image, ImageFont

from custom_components.library_surveillance.tile import HEIGHT, WIDTH, Tile, fit_name, render, wrap

TILE = Tile(name="Front entrance", state="Recording", notice="Video is shown only to some.", recording=True)


def test_a_tile_is_a_jpeg_that_differs_with_what_it_says() -> None:
    """Each part of a tile is in the picture."""
    tiles = [
        TILE,
        Tile(TILE.name, TILE.state, TILE.notice, recording=False),
        Tile("Book drop", TILE.state, TILE.notice, recording=True),
        Tile(TILE.name, "Off", TILE.notice, recording=True),
        Tile(TILE.name, TILE.state, "Ask at the desk.", recording=True),
    ]
    pictures = [render(tile) for tile in tiles]
    assert len(set(pictures)) == len(tiles)
    assert all(Image.open(BytesIO(picture)).size == (WIDTH, HEIGHT) for picture in pictures)


def test_a_long_name_is_written_smaller() -> None:
    """Two lines of a name are readable, and what does not fit even then is left out."""
    assert fit_name("Front entrance") == (76, ["Front entrance"])
    assert fit_name("Children's collection on the second floor, by the stairs and the lift")[0] == 46
    size, lines = fit_name("Children's collection " * 10)
    assert (size, len(lines)) == (46, 2)


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=80), st.integers(min_value=60, max_value=600))
def test_no_line_is_wider_than_its_place(text: str, width: int) -> None:
    """Whatever a camera is called, its name stays on the tile, and whole words stay whole where they fit."""
    font = ImageFont.load_default(20)
    lines = wrap(text, font, width)
    assert all(font.getlength(line) <= width for line in lines)
    if all(font.getlength(word) <= width for word in text.split()):
        assert " ".join(lines).split() == text.split()
