"""A PDF of text, as small as it gets (ISO 32000-1): A4 pages, lines and the fonts that every reader has.

The libraries for this take some 70 MB of memory, more than the rest of the recorder. Letters that the fonts' encoding
(Windows code page 1252) lacks come out as their number in Unicode, `<U+02BB>`, on paper; who copies the text, or has it
read aloud, gets the letters themselves (ISO 32000-1 section 14.9.4).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

WIDTH, HEIGHT = 595, 842
"""A4 in points."""


class Font(Enum):
    """The standard fonts in use (ISO 32000-1 section 9.6.2.2)."""

    TEXT = "Helvetica"
    BOLD = "Helvetica-Bold"
    FIXED = "Courier"


# Adobe's metrics of Helvetica for the codes 32 to 126, in thousandths of the size.
_HELVETICA = (
    *(278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278),
    *(556, 556, 556, 556, 556, 556, 556, 556, 556, 556, 278, 278, 584, 584, 584, 556),
    *(1015, 667, 667, 722, 722, 667, 611, 778, 722, 278, 500, 667, 556, 833, 722, 778),
    *(667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469, 556),
    *(333, 556, 556, 500, 556, 556, 278, 556, 556, 222, 222, 500, 222, 833, 556, 556),
    *(556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500, 334, 260, 334, 584),
)
_WIDEST = 722
"""Taken for what the table lacks, and at least for bold capitals: a line may end early, never too late."""


def shown_as(text: str) -> str:
    """Return a text as the fonts can show it, with nothing left out."""
    return "".join(letter if _is_shown(letter) else f"<U+{ord(letter):04X}>" for letter in text)


def _is_shown(letter: str) -> bool:
    return letter.isprintable() and letter.encode("cp1252", "ignore") != b""


def text_width(text: str, font: Font, size: float) -> float:
    """Return the width of a text in points, for bold a little too much."""
    shown = shown_as(text)
    if font is Font.FIXED:
        return len(shown) * size * 0.6
    codes = (ord(letter) - 32 for letter in shown)
    units = sum(_HELVETICA[code] if 0 <= code < len(_HELVETICA) else _WIDEST for code in codes)
    return units * size / 1000 * (1.1 if font is Font.BOLD else 1.0)


def wrapped(text: str, font: Font, size: float, width: float) -> list[str]:
    """Break a text into lines of at most `width` points, between words, and within one that is longer than a line.

    There it breaks behind a hyphen if it can.
    """
    lines = [""]
    for word in text.split():
        joined = f"{lines[-1]} {word}".lstrip()
        if text_width(joined, font, size) <= width:
            lines[-1] = joined
            continue
        if lines[-1]:
            lines.append("")
        for letter in word:
            if text_width(lines[-1] + letter, font, size) > width:
                begun, hyphen, rest = lines.pop().rpartition("-")
                lines += [begun + hyphen, rest] if begun else [rest, ""]
            lines[-1] += letter
    return lines


@dataclass(slots=True)
class Pdf:
    """Pages that are filled from top to bottom. `title` and `language` are for the reader's program."""

    title: str
    language: str = "en"
    lacks_letters: bool = False
    _pages: list[list[bytes]] = field(default_factory=list)

    def add_page(self) -> None:
        """Begin a page."""
        self._pages.append([])

    @property
    def pages(self) -> int:
        """How many pages there are."""
        return len(self._pages)

    def text(self, x: float, y: float, text: str, font: Font, size: float, grey: float = 0) -> None:
        """Write one line, its base line `y` points below the top edge."""
        number = list(Font).index(font)
        words = shown_as(text)
        shown = b"BT %.2f g /F%d %.1f Tf %.2f %.2f Td (%b) Tj ET" % (
            grey,
            number,
            size,
            x,
            HEIGHT - y,
            _escaped(words),
        )
        if words != text:
            self.lacks_letters = True
            letters = f"\ufeff{text}".encode("utf-16-be").hex().encode()
            shown = b"/Span <</ActualText <%b>>> BDC %b EMC" % (letters, shown)
        self._pages[-1].append(shown)

    def line(self, x: float, y: float, width: float) -> None:
        """Draw a thin line to the right."""
        self._pages[-1].append(b"0.75 G 0.5 w %.2f %.2f m %.2f %.2f l S" % (x, HEIGHT - y, x + width, HEIGHT - y))

    def to_bytes(self) -> bytes:
        """Return the file. It depends on nothing but its content."""
        fonts = b" ".join(b"/F%d %d 0 R" % (number, 4 + number) for number in range(len(Font)))
        first = 4 + len(Font)
        kids = b" ".join(b"%d 0 R" % (first + 2 * number) for number in range(self.pages))
        objects = [
            b"<< /Type /Catalog /Pages 2 0 R /Lang (%b) /ViewerPreferences << /DisplayDocTitle true >> >>"
            % _escaped(self.language),
            b"<< /Type /Pages /Kids [%b] /Count %d /MediaBox [0 0 %d %d] /Resources << /Font << %b >> >> >>"
            % (kids, self.pages, WIDTH, HEIGHT, fonts),
            b"<< /Title (%b) >>" % _escaped(self.title),
        ]
        objects += [
            b"<< /Type /Font /Subtype /Type1 /BaseFont /%b /Encoding /WinAnsiEncoding >>" % font.value.encode()
            for font in Font
        ]
        for number, page in enumerate(self._pages):
            content = b"\n".join(page)
            objects.append(b"<< /Type /Page /Parent 2 0 R /Contents %d 0 R >>" % (first + 2 * number + 1))
            objects.append(b"<< /Length %d >>\nstream\n%b\nendstream" % (len(content), content))
        return _assembled(objects)


def _assembled(objects: list[bytes]) -> bytes:
    """Number the objects from 1, and let the table of places follow (section 7.5)."""
    data = b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n"
    places = []
    for number, content in enumerate(objects, 1):
        places.append(len(data))
        data += b"%d 0 obj\n%b\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    count = len(objects) + 1
    end = (
        b"xref\n0 %d\n0000000000 65535 f \n%btrailer\n<< /Size %d /Root 1 0 R /Info 3 0 R >>\nstartxref\n%d\n%%%%EOF\n"
    )
    return data + end % (count, table, count, len(data))


def _escaped(text: str) -> bytes:
    """Return the inside of a literal string (section 7.3.4.2)."""
    return text.encode("cp1252").replace(b"\\", b"\\\\").replace(b"(", b"\\(").replace(b")", b"\\)")
