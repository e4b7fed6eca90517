"""The system's Chromium, cut off from any network, for the page of a package and for its videos."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from playwright.async_api import async_playwright

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from playwright.async_api import Page

_BROWSERS = ("chromium", "chromium-browser", "google-chrome")  # as `script/system-packages` takes them
_SYSTEM_PACKAGES = Path(__file__).parents[3] / "script" / "system-packages"


@asynccontextmanager
async def opened_browser() -> AsyncIterator[Page]:
    """A page that is offline; files of this machine can be opened."""
    await asyncio.to_thread(_install)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=next(filter(None, map(shutil.which, _BROWSERS)), None), args=["--no-sandbox"]
        )
        context = await browser.new_context(offline=True, viewport={"width": 1100, "height": 1000})
        yield await context.new_page()
        await browser.close()


def _install() -> None:
    subprocess.run([_SYSTEM_PACKAGES, "chromium"], check=True)
