"""Waiting for what Home Assistant and the recorder tell nobody of: looking again and again, for a limited time."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

_LOOK_S: Final = 0.3


async def until[T](look: Callable[[], Awaitable[T | None]], limit_s: float, what: str) -> T:
    """Look until there is something, and return it. Raises `RuntimeError` with `what` was waited for."""
    deadline = asyncio.get_running_loop().time() + limit_s
    while not (found := await look()):
        if asyncio.get_running_loop().time() > deadline:
            raise RuntimeError(f"{what} did not come within {limit_s:.0f} s")
        await asyncio.sleep(_LOOK_S)
    return found
