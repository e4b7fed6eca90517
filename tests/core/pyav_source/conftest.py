"""Hands on the shared fixtures."""

from tests.core.service.fixtures import data, unix_sockets

__all__ = ["data", "unix_sockets"]
