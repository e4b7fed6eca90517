"""The routes of the API: each parses a request, asks the recorder, and writes the answer down."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING

from aiohttp import web

from recorder_core.errors import ErrorCode, RequestError
from recorder_core.models import CameraConfig, FeedItem, ProbeRequest, Settings, VolumeConfig
from recorder_core.service.feed import FeedCut

from .auth import require_token
from .delivery_routes import ROUTES as DELIVERY_ROUTES
from .exchange import RECORDER, answer, body, interval, query
from .export_routes import ROUTES as EXPORT_ROUTES
from .keeping_routes import ROUTES as KEEPING_ROUTES
from .ledger_routes import ROUTES as LEDGER_ROUTES
from .parse import parse_int
from .problems import answer_errors

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from recorder_core.service.recorder import Recorder

HEARTBEAT_S = 15.0
_LARGEST_BODY = 1 << 20
_HEARTBEAT: web.AppKey[float] = web.AppKey("heartbeat_s")


def make_app(recorder: Recorder, *, token: str | None = None, heartbeat_s: float = HEARTBEAT_S) -> web.Application:
    """Return the application that answers for `recorder`; with a token it asks every caller for it."""
    guards = [] if token is None else [require_token(token)]
    app = web.Application(middlewares=[answer_errors, *guards], client_max_size=_LARGEST_BODY)
    app[RECORDER] = recorder
    app[_HEARTBEAT] = heartbeat_s
    app.on_shutdown.append(_let_followers_go)
    app.add_routes(
        [
            web.get("/v1/status", _status),
            web.get("/v1/feed", _feed),
            web.put("/v1/settings", _put_settings),
            web.post("/v1/volumes/check", _check_volume),
            web.post("/v1/probe", _probe),
            web.put("/v1/cameras/{camera_id}", _put_camera),
            web.delete("/v1/cameras/{camera_id}", _delete_camera),
            web.get("/v1/cameras/{camera_id}/still", _still),
            web.get("/v1/cameras/{camera_id}/coverage", _coverage),
            web.post("/v1/shutdown", _shutdown),
            *EXPORT_ROUTES,
            *DELIVERY_ROUTES,
            *KEEPING_ROUTES,
            *LEDGER_ROUTES,
        ]
    )
    return app


async def _let_followers_go(app: web.Application) -> None:
    app[RECORDER].feed.close()


async def _status(request: web.Request) -> web.Response:
    query(request)
    return answer(request.app[RECORDER].status())


async def _put_settings(request: web.Request) -> web.Response:
    recorder = request.app[RECORDER]
    await recorder.configuration.apply_settings(await body(request, Settings))
    return answer(recorder.status())


async def _check_volume(request: web.Request) -> web.Response:
    return answer(await request.app[RECORDER].check_volume(await body(request, VolumeConfig)))


async def _probe(request: web.Request) -> web.Response:
    return answer(await request.app[RECORDER].probe(await body(request, ProbeRequest)))


async def _put_camera(request: web.Request) -> web.Response:
    config = await body(request, CameraConfig)
    if config.camera_id != request.match_info["camera_id"]:
        raise RequestError(ErrorCode.BAD_REQUEST, "camera_id differs from the address.", field="camera_id")
    return answer(await request.app[RECORDER].configuration.put_camera(config))


async def _delete_camera(request: web.Request) -> web.Response:
    query(request)
    await request.app[RECORDER].configuration.remove_camera(request.match_info["camera_id"])
    return web.Response(status=204)


async def _still(request: web.Request) -> web.Response:
    query(request)
    picture = await request.app[RECORDER].still(request.match_info["camera_id"])
    return web.Response(body=picture, content_type="image/jpeg", headers={"Cache-Control": "no-store"})


async def _coverage(request: web.Request) -> web.Response:
    return answer(await request.app[RECORDER].coverage(request.match_info["camera_id"], *interval(request)))


async def _shutdown(request: web.Request) -> web.Response:
    query(request)
    request.app[RECORDER].request_shutdown()
    return web.Response(status=202)


async def _feed(request: web.Request) -> web.StreamResponse:
    given = query(request, optional=("after",))
    after = parse_int(given["after"], "after") if "after" in given else None
    response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson", "Cache-Control": "no-store"})
    await response.prepare(request)

    def cut() -> None:  # its handler may be stuck in a write that nobody reads
        if request.transport is not None:
            request.transport.abort()

    items = request.app[RECORDER].feed.follow(after, cut)
    async with aclosing(items), aclosing(_with_heartbeat(items, request.app[_HEARTBEAT])) as beating:
        try:
            async for item in beating:
                await response.write(item.to_jsonb() + b"\n")
        except FeedCut, ConnectionError:
            return response
    return response


async def _with_heartbeat(items: AsyncGenerator[FeedItem], heartbeat_s: float) -> AsyncGenerator[FeedItem]:
    """Yield the items, and an empty one whenever none came for `heartbeat_s` seconds."""
    pending = asyncio.ensure_future(anext(items))
    try:
        while True:
            done, _ = await asyncio.wait({pending}, timeout=heartbeat_s)
            if not done:
                yield FeedItem()
                continue
            yield pending.result()
            pending = asyncio.ensure_future(anext(items))
    finally:
        pending.cancel()
        await asyncio.wait({pending})
