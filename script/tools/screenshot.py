"""Takes the pictures that README and docs show, from a demonstration that it starts for it."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from .browser import judged, opened_browser
from .demo import say, until_ended
from .demo_furnish import DASHBOARD
from .demo_house import open_house, wait_until_recording
from .demo_people import HOUSES
from .demo_story import export_package, tell
from .ha_process import ROOT
from .places import find_work_folder, free_port

if TYPE_CHECKING:
    from .demo_house import RunningHouse

OUTPUT: Final = ROOT / "docs" / "images"
WIDTH: Final = 1720
HEIGHTS: Final = {"cameras": 1290, "footage": 1000}
"""The dashboard's pages, and how high their pictures are."""
PAGE: Final = (1000, 1180)
SETTLED_S: Final = 330.0
"""So long the house goes on before the pictures are taken: it has closed files, and has counted what holds keep."""
PICTURES_S: Final = 25.0
"""Home Assistant's frontend fetches each picture every ten seconds, and at first all of them at once."""


async def take_dashboard(house: RunningHouse, time_zone: str, folder: Path) -> None:
    """Save what the pages of the dashboard show the owner, as `<page>.png`."""
    async with opened_browser(offline=False, width=WIDTH, time_zone=time_zone) as page:
        tokens = json.dumps(house.api.browser_tokens())
        await page.add_init_script(f"localStorage.setItem('hassTokens', {json.dumps(tokens)});")
        for name, height in HEIGHTS.items():
            await page.set_viewport_size({"width": WIDTH, "height": height})
            await page.goto(f"{house.home_assistant.url}/{DASHBOARD}/{name}")
            await page.wait_for_selector("hui-tile-card", timeout=60_000)
            await page.wait_for_timeout(PICTURES_S * 1000)
            await page.screenshot(path=folder / f"{name}.png")


async def take_verify(package: Path, unpacked: Path, folder: Path) -> None:
    """Save what the page of a package says of it, as `verify.png`."""
    with zipfile.ZipFile(package) as archive:
        page_at = Path(archive.extract("verify.html", unpacked))
    width, height = PAGE
    async with opened_browser(width=width, height=height) as page:
        await judged(page, page_at, [package])
        await page.screenshot(path=folder / "verify.png")


async def run(library: str, folder: Path) -> int:
    """Start a house, let it record and its story happen, and take its pictures."""
    async with open_house(library, find_work_folder(), free_port(8123), say) as house:
        await wait_until_recording(house, say)
        story = await tell(house, library, say)
        await asyncio.sleep(SETTLED_S)
        await take_dashboard(house, HOUSES[library].time_zone, folder)
        package = await export_package(house, story.packed)  # once more: the ledger tells of files that are closed
        await take_verify(Path(package["files"][0]["path"]), house.folder / "unpacked", folder)
    say(f"The new pictures are in {folder}.")
    return 0


def main() -> int:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(prog="script/screenshot", description=__doc__)
    parser.add_argument("--library", choices=HOUSES, default="missoula", help="whose cameras (missoula)")
    parser.add_argument("--output", type=Path, default=OUTPUT, help="the folder to write to (docs/images)")
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    return asyncio.run(until_ended(run(arguments.library, arguments.output)))


if __name__ == "__main__":
    sys.exit(main())
