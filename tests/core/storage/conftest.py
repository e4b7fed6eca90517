"""Fixtures of the storage tests."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from .store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def quiet_engine() -> Iterator[None]:
    """Keep SQLAlchemy from logging every statement, which Home Assistant's test package asks for."""
    logger = logging.getLogger("sqlalchemy.engine")
    before = logger.level
    logger.setLevel(logging.WARNING)
    yield
    logger.setLevel(before)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An empty store that is closed after the test."""
    store = Store(tmp_path)
    yield store
    store.index.close()
