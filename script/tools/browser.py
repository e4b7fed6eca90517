"""The system's Chromium, for the dashboard's picture and for pages and videos that must do without any network."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import tempfile
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from playwright.async_api import async_playwright

from .ha_process import ROOT

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable
    from pathlib import Path

    from playwright.async_api import Page

_BROWSERS: Final = ("chromium", "chromium-browser", "google-chrome")  # as `script/system-packages` takes them
_PATIENCE_MS: Final = 250_000
"""For whatever a page is to do; the longest is the verdict on a package of gigabytes."""


@asynccontextmanager
async def opened_browser(
    *, offline: bool = True, width: int = 1100, height: int = 1000, time_zone: str = "UTC"
) -> AsyncIterator[Page]:
    """A page of that size in pixels; files of this machine can be opened, and nothing else while it is offline.

    Raises `subprocess.CalledProcessError` where there is no Chromium and none can be installed.
    """
    await asyncio.to_thread(_provide)
    async with _scratch() as scratch, async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=next(filter(None, map(shutil.which, _BROWSERS)), None),
            args=["--no-sandbox", "--force-color-profile=srgb"],
            timeout=_PATIENCE_MS,
            env={**os.environ, "TMPDIR": scratch},
        )
        context = await browser.new_context(
            offline=offline, viewport={"width": width, "height": height}, timezone_id=time_zone
        )
        context.set_default_timeout(_PATIENCE_MS)
        yield await context.new_page()
        await browser.close()


@asynccontextmanager
async def _scratch() -> AsyncIterator[str]:
    """A folder for what Chromium puts down and, where a Ctrl-C ends it, leaves lying about."""
    with tempfile.TemporaryDirectory(prefix="browser-", ignore_cleanup_errors=True) as folder:
        yield folder


def _provide() -> None:
    subprocess.run([ROOT / "script" / "system-packages", "chromium"], check=True)


async def judged(page: Page, verify_page: Path, given: Iterable[Path]) -> tuple[str, str]:
    """Hand files to a package's own page, opened from disk; return its verdict (good, bad, open) and its words."""
    await page.goto(verify_page.as_uri())
    await page.set_input_files("#files", [str(path) for path in given])
    await page.wait_for_selector("html[data-result]")
    return await page.get_attribute("html", "data-result") or "", await page.inner_text("#verdict")
