"""The routes of exports: asking for clips, stills and packages, how far these are, and having them removed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from recorder_core.errors import ErrorCode, RequestError
from recorder_core.models import ExportList, ExportRequest, PackageRequest, StillRequest

from .exchange import RECORDER, answer, body, limit, query
from .parse import parse_seconds
from .rules import is_opaque

if TYPE_CHECKING:
    from collections.abc import Sequence

_LONGEST_WAIT_S = 600.0
_USUAL = 100


async def _clip(request: web.Request) -> web.Response:
    return answer(await request.app[RECORDER].exporting.submit(await body(request, ExportRequest)), 202)


async def _still(request: web.Request) -> web.Response:
    return answer(await request.app[RECORDER].exporting.submit(await body(request, StillRequest)), 202)


async def _package(request: web.Request) -> web.Response:
    return answer(await request.app[RECORDER].exporting.submit(await body(request, PackageRequest)), 202)


async def _exports(request: web.Request) -> web.Response:
    wanted = limit(query(request, optional=("limit",)), _USUAL)
    return answer(ExportList(exports=await request.app[RECORDER].exporting.jobs(wanted)))


async def _export(request: web.Request) -> web.Response:
    wait_s = parse_seconds(query(request, optional=("wait_s",)).get("wait_s", "0"), "wait_s")
    exporting = request.app[RECORDER].exporting
    return answer(await exporting.job(request.match_info["export_id"], min(wait_s, _LONGEST_WAIT_S)))


async def _remove(request: web.Request) -> web.Response:
    actor = query(request, optional=("actor",)).get("actor", "")
    if not is_opaque(actor):
        raise RequestError(ErrorCode.BAD_REQUEST, "actor must have at most 128 characters on one line.", field="actor")
    return answer(await request.app[RECORDER].exporting.remove(request.match_info["export_id"], actor))


ROUTES: Sequence[web.RouteDef] = (
    web.post("/v1/exports", _clip),
    web.post("/v1/stills", _still),
    web.post("/v1/packages", _package),
    web.get("/v1/exports", _exports),
    web.get("/v1/exports/{export_id}", _export),
    web.delete("/v1/exports/{export_id}", _remove),
)
