"""Fixtures that the tests of service, API and command line share."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import pytest_socket

if TYPE_CHECKING:
    from collections.abc import Generator


@pytest.fixture
def data() -> Generator[Path]:
    """Give a folder with a path that is short enough for a socket in it."""
    folder = Path(tempfile.mkdtemp(prefix="rec"))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(autouse=True)
def unix_sockets(real_sockets: None) -> None:  # noqa: ARG001  it comes first
    """Let tests connect to sockets with a path as well."""
    pytest_socket.socket_allow_hosts(["127.0.0.1"], allow_unix_socket=True)
