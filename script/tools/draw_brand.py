"""Draws the integration's icon: an open book under a lens. Run it with the project's Python to make the PNGs anew."""

from __future__ import annotations

from pathlib import Path

from PIL import Image, ImageDraw

FOLDER = Path(__file__).parents[2] / "custom_components" / "library_surveillance" / "brand"
SIZES = {"icon.png": 256, "icon@2x.png": 512}

# Drawn larger than any size that is needed and scaled down, which smooths the edges.
CANVAS = 2048
NIGHT = (27, 46, 74, 255)
PAPER = (244, 247, 250, 255)
SHADE = (203, 213, 225, 255)
LENS = (224, 122, 63, 255)


def icon() -> Image.Image:
    """Return the icon on its canvas, transparent outside the rounded square."""
    image = Image.new("RGBA", (CANVAS, CANVAS), (0, 0, 0, 0))
    draw = ImageDraw.Draw(image)
    draw.rounded_rectangle((0, 0, CANVAS - 1, CANVAS - 1), radius=440, fill=NIGHT)
    draw.polygon([(1024, 1260), (360, 1080), (360, 1560), (1024, 1740)], fill=PAPER)
    draw.polygon([(1024, 1260), (1688, 1080), (1688, 1560), (1024, 1740)], fill=SHADE)
    for radius, colour in ((470, PAPER), (380, NIGHT), (210, LENS), (70, PAPER)):
        draw.ellipse((1024 - radius, 760 - radius, 1024 + radius, 760 + radius), fill=colour)
    return image


def main() -> None:
    """Write every size."""
    FOLDER.mkdir(exist_ok=True)
    drawn = icon()
    for name, size in SIZES.items():
        drawn.resize((size, size), Image.Resampling.LANCZOS).save(FOLDER / name, optimize=True)


if __name__ == "__main__":
    main()
