"""The route that shows the ledger, page by page, for whoever keeps a copy of it elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from .exchange import RECORDER, answer, limit, query
from .parse import parse_int

if TYPE_CHECKING:
    from collections.abc import Sequence


async def _ledger(request: web.Request) -> web.Response:
    given = query(request, optional=("after", "limit"))
    after = parse_int(given.get("after", "0"), "after")
    return answer(await request.app[RECORDER].ledger(after, limit(given)))


ROUTES: Sequence[web.RouteDef] = (web.get("/v1/ledger", _ledger),)
