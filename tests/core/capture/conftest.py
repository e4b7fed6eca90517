"""Hands on the storage tests' fixtures, and gives a place to record to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.core.storage.conftest import quiet_engine

from .sink import Place, place

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

__all__ = ["quiet_engine"]


@pytest.fixture
async def where(tmp_path: Path) -> AsyncGenerator[Place]:
    """A place to record to."""
    async with place(tmp_path) as opened:
        yield opened
