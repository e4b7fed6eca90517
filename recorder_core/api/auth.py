"""Who may speak over TCP: the holder of the token. Whoever can open the Unix socket (mode 0600) needs none."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING

from aiohttp import web

from recorder_core.errors import ErrorCode, RequestError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from aiohttp.typedefs import Middleware

_SHORTEST_TOKEN = 32


def check_token(token: str) -> str:
    """Return a token that is fit to guard the recorder.

    Raises:
        ValueError: It is short enough to be guessed or cannot stand in a header.
    """
    if len(token) < _SHORTEST_TOKEN or not token.isascii() or not token.isprintable() or " " in token:
        raise ValueError(f"A token has at least {_SHORTEST_TOKEN} printable ASCII characters and no space.")
    return token


def require_token(token: str) -> Middleware:
    """Return a middleware that lets only requests with this bearer token (RFC 6750 section 2.1) pass."""
    expected = f"Bearer {token}".encode()

    @web.middleware
    async def check(
        request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        given = request.headers.get("Authorization", "").encode(errors="surrogateescape")
        if not hmac.compare_digest(given, expected):
            raise RequestError(ErrorCode.UNAUTHORIZED, "The token is missing or wrong.")
        return await handler(request)

    return check
