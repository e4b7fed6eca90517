"""The route that shows the ledger, page by page, for whoever keeps a copy of it elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from recorder_core.errors import ErrorCode, RequestError

from .exchange import RECORDER, answer, query
from .parse import parse_int

if TYPE_CHECKING:
    from collections.abc import Sequence

_MOST = 1000


async def _ledger(request: web.Request) -> web.Response:
    given = query(request, optional=("after", "limit"))
    after = parse_int(given.get("after", "0"), "after")
    limit = parse_int(given.get("limit", str(_MOST)), "limit")
    if not 1 <= limit <= _MOST:
        raise RequestError(ErrorCode.BAD_REQUEST, f"limit must lie between 1 and {_MOST}.", field="limit")
    return answer(await request.app[RECORDER].ledger(after, limit))


ROUTES: Sequence[web.RouteDef] = (web.get("/v1/ledger", _ledger),)
