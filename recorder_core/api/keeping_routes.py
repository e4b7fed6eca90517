"""The routes of holds, certificates, forecasts and the clock: what is kept, how long, and what became of the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from recorder_core.models import CertificateList, HoldList, HoldRelease, HoldRequest, HoldReview

from .exchange import RECORDER, active, answer, body, interval, limit, query
from .parse import parse_int

if TYPE_CHECKING:
    from collections.abc import Sequence


async def _place_hold(request: web.Request) -> web.Response:
    placed = await request.app[RECORDER].keeping.place_hold(await body(request, HoldRequest))
    return answer(placed, 201 if placed.created else 200)


async def _holds(request: web.Request) -> web.Response:
    wanted = active(query(request, optional=("active",)))
    return answer(HoldList(holds=await request.app[RECORDER].keeping.holds(active=wanted)))


async def _hold(request: web.Request) -> web.Response:
    query(request)
    return answer(await request.app[RECORDER].keeping.hold(request.match_info["hold_id"]))


async def _review_hold(request: web.Request) -> web.Response:
    review = await body(request, HoldReview)
    return answer(await request.app[RECORDER].keeping.review_hold(request.match_info["hold_id"], review))


async def _release_hold(request: web.Request) -> web.Response:
    release = await body(request, HoldRelease)
    return answer(await request.app[RECORDER].keeping.release_hold(request.match_info["hold_id"], release))


async def _forecast(request: web.Request) -> web.Response:
    camera_id = request.match_info["camera_id"]
    return answer(await request.app[RECORDER].keeping.forecast(camera_id, *interval(request)))


async def _certificates(request: web.Request) -> web.Response:
    given = query(request, optional=("camera_id", "after", "limit"))
    after = parse_int(given.get("after", "0"), "after")
    found = await request.app[RECORDER].keeping.certificates(given.get("camera_id"), after, limit(given))
    return answer(CertificateList(certificates=found))


async def _confirm_clock(request: web.Request) -> web.Response:
    query(request)
    await request.app[RECORDER].keeping.confirm_clock()
    return answer(request.app[RECORDER].status())


ROUTES: Sequence[web.RouteDef] = (
    web.post("/v1/holds", _place_hold),
    web.get("/v1/holds", _holds),
    web.get("/v1/holds/{hold_id}", _hold),
    web.post("/v1/holds/{hold_id}/review", _review_hold),
    web.post("/v1/holds/{hold_id}/release", _release_hold),
    web.get("/v1/cameras/{camera_id}/forecast", _forecast),
    web.get("/v1/certificates", _certificates),
    web.post("/v1/retention/confirm-clock", _confirm_clock),
)
