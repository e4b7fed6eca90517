"""Checks a package that leaves the demonstration's library: verified in both ways, whole and altered.

What was altered is chosen by chance, and the place in the package is told by Python's own `zipfile`.
"""

from __future__ import annotations

import asyncio
import random
import sys
import zipfile
from dataclasses import dataclass
from itertools import chain, pairwise
from typing import TYPE_CHECKING, Final

from .browser import judged, opened_browser
from .ha_process import ROOT
from .stored_frames import shown_frames

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from playwright.async_api import Page

ALTERATIONS: Final = 3
ON_THE_WAY_US: Final = 100_000
"""A picture is dated when it arrives, a moment after it was taken."""
WHOLE: Final = 0
_NOT_VERIFIED: Final = 5
_CENTRAL_BYTES: Final = 46
"""The fixed part of an entry of a zip's directory (APPNOTE 4.3.12)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alteration:
    """One flipped bit of a package, and who found it and named the file that it is in."""

    offset: int
    file: str
    named_by_command: bool
    named_by_page: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """A package that was exported. `seed` chose the alterations.

    Of all pictures that are in its videos, those that a player hides included, `pictures_before_start` were taken
    before the approved start.
    """

    videos: int
    pictures: int
    pictures_before_start: int
    verified_by_command: bool
    verified_by_page: bool
    asked_no_network: bool
    seed: int
    alterations: list[Alteration]

    @property
    def holds(self) -> bool:
        """Whether it is whole, shows nothing from before, and no alteration went unnoticed."""
        return (
            self.videos > 0
            and self.pictures > 0
            and self.pictures_before_start == 0
            and self.verified_by_command
            and self.verified_by_page
            and self.asked_no_network
            and len(self.alterations) == ALTERATIONS
            and all(one.named_by_command and one.named_by_page for one in self.alterations)
        )


async def judge_package(path: Path, scratch: Path, start_us: int) -> Package:
    """Verify a package by command and by its own page, without network, then with single bits of it flipped.

    Files go to `scratch`, a folder that is made. `start_us` is the approved start.
    """
    seed = random.SystemRandom().getrandbits(32)
    videos = await asyncio.to_thread(_unpack, path, scratch)
    taken = await asyncio.to_thread(all_taken_us, videos)
    asked: list[str] = []
    page_at = scratch / "verify.html"
    async with opened_browser() as page:
        page.on("request", lambda request: asked.append(request.url))
        whole = await by_command(path)
        verdict, _ = await judged(page, page_at, [path])
        alterations = [await _alter(path, scratch, page, place) for place in chosen(path, seed)]
    return Package(
        videos=len(videos),
        pictures=len(taken),
        pictures_before_start=sum(at_us < start_us - ON_THE_WAY_US for at_us in taken),
        verified_by_command=whole[0] == WHOLE,
        verified_by_page=verdict == "good",
        asked_no_network=set(asked) == {page_at.as_uri()},
        seed=seed,
        alterations=alterations,
    )


def all_taken_us(videos: Sequence[Path]) -> list[int]:
    """Return when each picture in these files was taken, also of those that an edit list hides.

    Raises `RuntimeError` where a picture does not say it.
    """
    frames = list(chain.from_iterable(shown_frames(path, hidden=True) for path in videos))
    taken = [frame.code.time_us for frame in frames if frame.code is not None]
    if len(taken) != len(frames):
        raise RuntimeError(f"{len(frames) - len(taken)} of {len(frames)} exported pictures have no readable code")
    return taken


def chosen(path: Path, seed: int) -> list[int]:
    """Return where to flip bits: in any byte of the package, then in files that are as likely as each other."""
    chance = random.Random(seed)  # noqa: S311 - it chooses places, it keeps no secret
    with zipfile.ZipFile(path) as archive:
        files = [(info.header_offset, end) for info, end in _extents(archive)]
    places = [chance.randrange(path.stat().st_size)]
    return places + [chance.randrange(*chance.choice(files)) for _ in range(ALTERATIONS - 1)]


def owner(path: Path, offset: int) -> str:
    """Return the file that a byte of a package belongs to, by its header or the directory; else the package's name."""
    with zipfile.ZipFile(path) as archive:
        for info, end in _extents(archive):
            if info.header_offset <= offset < end:
                return info.filename
        at = archive.start_dir
        for info in archive.infolist():
            at += _CENTRAL_BYTES + len(info.filename.encode()) + len(info.extra) + len(info.comment)
            if archive.start_dir <= offset < at:
                return info.filename
    return path.name


def _extents(archive: zipfile.ZipFile) -> list[tuple[zipfile.ZipInfo, int]]:
    """Return each member with where the next one begins; there is nothing between them."""
    members = sorted(archive.infolist(), key=lambda info: info.header_offset)
    ends = [after.header_offset for _, after in pairwise(members)]
    return list(zip(members, [*ends, archive.start_dir], strict=True))


async def _alter(path: Path, scratch: Path, page: Page, offset: int) -> Alteration:
    """Flip a bit of a copy, and see whether command and page name the file."""
    altered, name = scratch / "altered.zip", owner(path, offset)
    names = {name, altered.name if name == path.name else name}
    await asyncio.to_thread(_flip, path, altered, offset)
    code, output = await by_command(altered)
    verdict, words = await judged(page, scratch / "verify.html", [altered])
    return Alteration(
        offset=offset,
        file=name,
        named_by_command=code == _NOT_VERIFIED and any(f"{one}: " in output for one in names),
        named_by_page=verdict == "bad" and any(f"{one}: " in words for one in names),
    )


async def by_command(package: Path) -> tuple[int, str]:
    """Run `python -m recorder_core verify PACKAGE`; return its exit code and what it prints."""
    command = (sys.executable, "-m", "recorder_core", "verify", package)
    process = await asyncio.create_subprocess_exec(
        *command, cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await process.communicate()
    return await process.wait(), output.decode()


def _unpack(path: Path, folder: Path) -> list[Path]:
    """Unpack a package into a new folder; return its videos."""
    folder.mkdir()
    with zipfile.ZipFile(path) as archive:
        archive.extractall(folder)
    return sorted(folder.glob("*.mp4"))


def _flip(path: Path, to: Path, offset: int) -> None:
    data = bytearray(path.read_bytes())
    data[offset] ^= 1
    to.write_bytes(data)
