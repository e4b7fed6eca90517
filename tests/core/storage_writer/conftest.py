"""Hands on the storage tests' fixtures."""

from tests.core.storage.conftest import quiet_engine, store

__all__ = ["quiet_engine", "store"]
