"""What dataclasses inherit that are written as JSON and read back: over the API, in files, in columns of the index.

The code for a class is made when it is used first. Making that of all was a third of a recorder's start, in which
nothing is recorded, and of each command's time.
"""

from __future__ import annotations

from mashumaro.config import BaseConfig
from mashumaro.mixins.orjson import DataClassORJSONMixin


class JsonData(DataClassORJSONMixin):
    """A dataclass with `to_dict`, `from_dict`, `to_json` (text), `to_jsonb` (bytes) and `from_json`."""

    __slots__ = ()

    class Config(BaseConfig):
        """See mashumaro."""

        lazy_compilation = True
