"""Hands on a package for tests that only look at it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.core.export.packages import made_package

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A package as it was made; tests do not change it. The key's data folder is two levels up."""
    return made_package(tmp_path_factory.mktemp("package"))
