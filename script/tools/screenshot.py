"""Takes the picture of the dashboard that the README shows, from a demonstration that it starts for it."""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import sys
from pathlib import Path
from typing import Final

from playwright.async_api import async_playwright

from .demo import say
from .demo_house import RunningHouse, open_house, wait_until_recording
from .demo_people import HOUSES
from .ha_process import ROOT
from .places import find_work_folder, free_port

OUTPUT: Final = ROOT / "docs" / "images" / "dashboard.png"
WIDTH: Final = 1720
HEIGHT: Final = 1290
SETTLED_S: Final = 45.0
"""So long the house records before the picture is taken: its figures are no longer those of the first second."""
_BROWSERS: Final = ("chromium", "chromium-browser", "google-chrome")  # as `script/system-packages` takes them
PICTURES_S: Final = 12.0
"""Home Assistant's frontend fetches a camera's picture every ten seconds."""


async def take(house: RunningHouse, output: Path) -> None:
    """Open the dashboard in the system's Chromium, signed in as the owner, and save what it shows."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=next(filter(None, map(shutil.which, _BROWSERS)), None),
            args=["--no-sandbox", "--force-color-profile=srgb"],
        )
        page = await browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, device_scale_factor=1)
        tokens = json.dumps(house.api.browser_tokens())
        await page.add_init_script(f"localStorage.setItem('hassTokens', {json.dumps(tokens)});")
        await page.goto(house.home_assistant.url)
        await page.wait_for_selector("hui-picture-entity-card", timeout=60_000)
        await page.wait_for_timeout(PICTURES_S * 1000)
        output.parent.mkdir(parents=True, exist_ok=True)
        await page.screenshot(path=output)
        await browser.close()


async def run(library: str, output: Path) -> None:
    """Start a house, let it record for a while, and take its picture."""
    async with open_house(library, find_work_folder(), free_port(8123), say) as house:
        await wait_until_recording(house, say)
        await asyncio.sleep(SETTLED_S)
        await take(house, output)
    say(f"{output} is the new picture.")


def main() -> int:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(prog="script/screenshot", description=__doc__)
    parser.add_argument("--library", choices=HOUSES, default="missoula", help="whose cameras (missoula)")
    parser.add_argument("--output", type=Path, default=OUTPUT, help="the picture to write (docs/images/dashboard.png)")
    arguments = parser.parse_args()
    asyncio.run(run(arguments.library, arguments.output))
    return 0


if __name__ == "__main__":
    sys.exit(main())
