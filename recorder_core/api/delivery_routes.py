"""The routes of deliveries: copying exports into delivery folders, what lies there, and having it removed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from recorder_core.models import DeliveryList, DeliveryRemoval, DeliveryRequest

from .exchange import MOST, RECORDER, active, answer, body, query

if TYPE_CHECKING:
    from collections.abc import Sequence


async def _deliver(request: web.Request) -> web.Response:
    deliveries = request.app[RECORDER].exporting.deliveries
    wish = await body(request, DeliveryRequest)
    return answer(await deliveries.deliver(request.match_info["export_id"], wish), 201)


async def _deliveries(request: web.Request) -> web.Response:
    wanted = active(query(request, optional=("active",)))
    found = await request.app[RECORDER].exporting.deliveries.deliveries(MOST, active=wanted)
    return answer(DeliveryList(deliveries=found))


async def _remove(request: web.Request) -> web.Response:
    removal = await body(request, DeliveryRemoval)
    deliveries = request.app[RECORDER].exporting.deliveries
    return answer(await deliveries.remove(request.match_info["delivery_id"], removal.actor))


ROUTES: Sequence[web.RouteDef] = (
    web.post("/v1/exports/{export_id}/deliver", _deliver),
    web.get("/v1/deliveries", _deliveries),
    web.post("/v1/deliveries/{delivery_id}/remove", _remove),
)
