"""The version of recorder and integration; the release script writes it."""

__version__ = "0.1.0"
