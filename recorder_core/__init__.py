"""Recorder core of Library Surveillance: captures, keeps, protects and serves camera footage.

It knows no people and nothing of Home Assistant; it is run as a process (`python -m recorder_core serve`)
and talked to through `recorder_core.api.client.RecorderClient`.
"""

from .version import __version__

__all__ = ["__version__"]
