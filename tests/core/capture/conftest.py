"""Hands on the storage tests' fixtures."""

from tests.core.storage.conftest import quiet_engine

__all__ = ["quiet_engine"]
