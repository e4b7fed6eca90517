"""Pictures as a viewer would see them, for their frame codes."""

from __future__ import annotations

from hashlib import sha256
from io import BytesIO
from typing import TYPE_CHECKING, cast

import av
import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


def digest_of(path: Path) -> str:
    """Return a file's SHA-256."""
    return sha256(path.read_bytes()).hexdigest()


def decoded(path: Path, *, hidden: bool = False) -> list[NDArray[np.uint8]]:
    """Return the luma of every picture that a player shows of a clip, which has one track; or of all that is in it."""
    with av.open(path, options={"ignore_editlist": "1"} if hidden else {}) as container:
        (stream,) = container.streams
        return [
            np.asarray(cast("av.VideoFrame", frame).to_ndarray(format="gray"), np.uint8)
            for frame in container.decode(stream)
        ]


def luma_of(jpeg: bytes) -> NDArray[np.uint8]:
    """Return the luma of a still."""
    return np.asarray(Image.open(BytesIO(jpeg)).convert("L"))
