"""The system's Chromium, cut off from any network, for the page of a package and for its videos."""

from __future__ import annotations

import asyncio
import shutil
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from playwright.async_api import async_playwright

from tests.core.export.tools import system_packages

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from playwright.async_api import Page

_BROWSERS = ("chromium", "chromium-browser", "google-chrome")  # as `script/system-packages` takes them


@asynccontextmanager
async def opened_browser() -> AsyncIterator[Page]:
    """A page that is offline; files of this machine can be opened."""
    await asyncio.to_thread(system_packages, "chromium")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=next(filter(None, map(shutil.which, _BROWSERS)), None), args=["--no-sandbox"]
        )
        context = await browser.new_context(offline=True, viewport={"width": 1100, "height": 1000})
        yield await context.new_page()
        await browser.close()
