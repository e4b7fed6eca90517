"""The cover letter: what is in the package, what it may be taken for, and each file's hash, on paper."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from .camera_words import absence_lines, clock_words, derived_line, summary, video_line
from .layout import MANIFEST, PUBLIC_KEY, SIGNATURE, SUMS, VERIFY_PAGE, local_text, utc_text
from .pdf import HEIGHT, WIDTH, Font, Pdf, wrapped

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from .manifest import PackedCamera, PackedFile
    from .order import PackageOrder

_MARGIN = 56
_TEXT_WIDTH = WIDTH - 2 * _MARGIN
_LABEL_WIDTH = 110
_BOTTOM = HEIGHT - 60

TITLE = "Recorded footage: evidence package"

_NOT_WATCHED = (
    "The cameras record for the purposes that the library's policy names. They are not watched all the time, and "
    "nobody may rely on them for help or protection. The library and its governing body do not promise that everything "
    "was recorded. What of the time asked for is not shown, and why, stands above and in the manifest."
)
_AS_RECORDED = (
    "The pictures are those that the cameras sent; they were neither converted nor changed. Their times are those of "
    "the recorder's clock. Where a camera told its own time, the table of pictures (frames.csv) shows it beside them, "
    "in UTC like all times in it and in the names of files."
)
_FOR_THIS_REQUEST = (
    "This package was made for the request above. Its pictures may show persons who have nothing to do with it. "
    "Whoever receives it answers for its safekeeping, its use and its destruction."
)
RE_ENCODED = (
    "The files with _reencoded in their names are not what the camera sent. Their pictures, which come before the "
    "first one that needs no earlier one, were decoded and encoded anew, so that nothing from before the start that "
    "was asked for had to leave the recorder. They are no originals: the signature covers these files, but nothing "
    "proves them."
)
DISCLAIMER = (_NOT_WATCHED, _AS_RECORDED, _FOR_THIS_REQUEST)

_WITH_WHAT = (
    f"Open {VERIFY_PAGE} in a current browser, without a network if you like, and give it the package. The page in the "
    "package cannot vouch for itself; where much depends on it, take a copy that the library gave you by another way. "
    "Or run: library-recorder verify PACKAGE.zip. The usual tools do as well: "
    f"openssl pkeyutl -verify -pubin -inkey {PUBLIC_KEY} -rawin -in {MANIFEST} -sigfile {SIGNATURE} "
    f"shows that {MANIFEST} is the one that was signed; in there stand the size and the SHA-256 of each file. "
    f"{SUMS} repeats them for sha256sum, but anybody can write that list anew."
)
_WHOSE_KEY = (
    "Anybody can sign a package with a key of their own. It comes from the library's recorder only if the fingerprint "
    "below is the one that the library has published, or tells you by another way than this package."
)
_LACKING = (
    f"Letters that this letter's fonts lack stand here as their number in Unicode, like <U+02BB>; {MANIFEST} has them "
    "as they are."
)
HOW_TO_CHECK = (_WITH_WHAT, _WHOSE_KEY)


def cover_letter(
    order: PackageOrder, cameras: Sequence[PackedCamera], files: Sequence[PackedFile], made_us: int
) -> bytes:
    """Return the letter as PDF. `files` are those that it lists."""
    zone = ZoneInfo(order.time_zone)

    def at(time_us: int) -> str:
        local, utc = local_text(time_us, zone), utc_text(time_us)
        return f"{local[:10]} {local[11:23]} {local[26:]} ({utc[:10]} {utc[11:23]} UTC)"

    page = _Page(Pdf(TITLE))
    page.paragraph(TITLE, Font.BOLD, 18, after=14)
    request = order.request
    details = {
        "Package": order.export_id,
        "Request": request.request_id or "not given",
        "Basis": request.basis or "not given",
        "Ordered by": request.actor or "not given",
        "From": at(request.start_us),
        "To": at(request.end_us),
        "Made": at(made_us),
        "Time zone": f"{order.time_zone}; each local time has its offset from UTC behind it",
        "Recorder": f"{order.store_id}, version {order.version}",
        "Its clock": clock_words([source.segment for packed in cameras for source in packed.sources.values()]),
        "Policy version": order.policy_version or "not given",
    }
    for label, value in details.items():
        page.row(label, value)
    page.heading("Cameras")
    for packed in cameras:
        absent = packed.not_shown(request.start_us, request.end_us)
        page.name(packed.camera.camera_name)
        page.row("", summary(packed, absent))
        for clip in packed.clips:
            page.row("", video_line(Path(clip.path).name, clip, zone), before=2)
        for one in packed.derived:
            page.row("", derived_line(Path(one.path).name, one, zone), before=2)
        for line in absence_lines(absent, zone):
            page.row("", line, before=2)
    if page.lacks_letters:
        page.row("", _LACKING, before=8)
    page.heading("Please note")
    page.paragraphs(DISCLAIMER)
    if any(packed.derived for packed in cameras):
        page.paragraph(RE_ENCODED, Font.BOLD, 9.5, after=5)
    page.heading("How to check the package")
    page.paragraphs(HOW_TO_CHECK)
    page.paragraph("Fingerprint of the signing key (SHA-256)", Font.BOLD, 9, after=2)
    page.paragraph(order.key.fingerprint, Font.FIXED, 9, after=4)
    page.heading("Files and their SHA-256")
    for file in files:
        page.file(f"{file.name}  ({file.size:,} bytes)", file.sha256)
    return page.finished()


class _Page:
    """Where the next line goes."""

    def __init__(self, pdf: Pdf) -> None:
        self._pdf = pdf
        self._y = float(_BOTTOM)
        self._break()

    @property
    def lacks_letters(self) -> bool:
        """Whether a letter so far is not shown itself."""
        return self._pdf.lacks_letters

    def heading(self, text: str) -> None:
        self._room(90)  # with the first lines of what follows
        self._y += 18
        self._pdf.line(_MARGIN, self._y - 10, _TEXT_WIDTH)
        self.paragraph(text, Font.BOLD, 11, after=4)

    def name(self, text: str) -> None:
        self._room(45)  # with the first lines of what follows
        self._y += 6
        self.paragraph(text, Font.BOLD, 9, after=0)

    def paragraphs(self, texts: Iterable[str]) -> None:
        for text in texts:
            self.paragraph(text, Font.TEXT, 9.5, after=5)

    def paragraph(self, text: str, font: Font, size: float, after: float) -> None:
        for line in wrapped(text, font, size, _TEXT_WIDTH):
            self._line(line, font, size)
        self._y += after

    def row(self, label: str, value: str, *, before: float = 0) -> None:
        """A label on the left and its value, both as many lines as they need, below so much room."""
        self._y += before
        labels = wrapped(label, Font.BOLD, 9, _LABEL_WIDTH - 8)
        values = wrapped(value, Font.TEXT, 9, _TEXT_WIDTH - _LABEL_WIDTH)
        for number in range(max(len(labels), len(values))):
            self._room(13)
            self._y += 13
            for lines, x, font in ((labels, _MARGIN, Font.BOLD), (values, _MARGIN + _LABEL_WIDTH, Font.TEXT)):
                if number < len(lines):
                    self._pdf.text(x, self._y, lines[number], font, 9)

    def file(self, name: str, digest: str) -> None:
        self._room(34)
        for line in wrapped(name, Font.TEXT, 9, _TEXT_WIDTH):
            self._line(line, Font.TEXT, 9)
        self._line(digest, Font.FIXED, 8)
        self._y += 5

    def finished(self) -> bytes:
        return self._pdf.to_bytes()

    def _line(self, text: str, font: Font, size: float) -> None:
        self._room(size * 1.4)
        self._y += size * 1.4
        self._pdf.text(_MARGIN, self._y, text, font, size)

    def _room(self, needed: float) -> None:
        if self._y + needed > _BOTTOM:
            self._break()

    def _break(self) -> None:
        self._pdf.add_page()
        self._y = float(_MARGIN)
        self._pdf.text(WIDTH - _MARGIN - 40, HEIGHT - 34, f"Page {self._pdf.pages}", Font.TEXT, 8, grey=0.4)
