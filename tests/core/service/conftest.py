"""Hands on the shared fixtures."""

from tests.core.service.fixtures import data, unix_sockets
from tests.core.storage.conftest import quiet_engine

__all__ = ["data", "quiet_engine", "unix_sockets"]
