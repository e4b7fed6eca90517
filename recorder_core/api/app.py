"""The routes of the API: each parses a request, asks the recorder, and writes the answer down."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING

from aiohttp import web

from recorder_core.errors import ErrorCode, RequestError
from recorder_core.models import CameraConfig, ExportRequest, FeedItem, ProbeRequest, Settings, VolumeConfig
from recorder_core.service.feed import FeedCut

from .auth import require_token
from .parse import parse_body, parse_int, parse_seconds
from .problems import answer_errors
from .rules import check

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from mashumaro.mixins.orjson import DataClassORJSONMixin

    from recorder_core.service.recorder import Recorder

HEARTBEAT_S = 15.0
_LARGEST_BODY = 1 << 20
_LONGEST_WAIT_S = 600.0
_RECORDER: web.AppKey[Recorder] = web.AppKey("recorder")
_HEARTBEAT: web.AppKey[float] = web.AppKey("heartbeat_s")


def make_app(recorder: Recorder, *, token: str | None = None, heartbeat_s: float = HEARTBEAT_S) -> web.Application:
    """Return the application that answers for `recorder`; with a token it asks every caller for it."""
    guards = [] if token is None else [require_token(token)]
    app = web.Application(middlewares=[answer_errors, *guards], client_max_size=_LARGEST_BODY)
    app[_RECORDER] = recorder
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
            web.post("/v1/exports", _export),
            web.get("/v1/exports/{export_id}", _export_job),
            web.post("/v1/shutdown", _shutdown),
        ]
    )
    return app


async def _let_followers_go(app: web.Application) -> None:
    app[_RECORDER].feed.close()


def _json(value: DataClassORJSONMixin, status: int = 200) -> web.Response:
    return web.Response(
        body=value.to_jsonb(), status=status, content_type="application/json", headers={"Cache-Control": "no-store"}
    )


async def _body[T: (CameraConfig, ExportRequest, ProbeRequest, Settings, VolumeConfig)](
    request: web.Request, model: type[T]
) -> T:
    _query(request)
    try:
        body = await request.read()
    except web.RequestPayloadError:  # cut off, or compressed and damaged
        raise RequestError(ErrorCode.BAD_REQUEST, "The body cannot be read.", field="") from None
    value = parse_body(model, body)
    check(value)
    return value


def _query(request: web.Request, *known: str, optional: tuple[str, ...] = ()) -> dict[str, str]:
    """Return the query's parameters; each one is known and stands once."""
    given = dict(request.query)
    for name in known:
        if name not in given:
            raise RequestError(ErrorCode.BAD_REQUEST, f"{name} is missing.", field=name)
    for name in request.query:
        if name not in {*known, *optional} or len(request.query.getall(name)) > 1:
            raise RequestError(ErrorCode.BAD_REQUEST, "A parameter is unknown or repeated.", field=name[:64])
    return given


async def _status(request: web.Request) -> web.Response:
    _query(request)
    return _json(request.app[_RECORDER].status())


async def _put_settings(request: web.Request) -> web.Response:
    return _json(await request.app[_RECORDER].apply_settings(await _body(request, Settings)))


async def _check_volume(request: web.Request) -> web.Response:
    return _json(await request.app[_RECORDER].check_volume(await _body(request, VolumeConfig)))


async def _probe(request: web.Request) -> web.Response:
    return _json(await request.app[_RECORDER].probe(await _body(request, ProbeRequest)))


async def _put_camera(request: web.Request) -> web.Response:
    config = await _body(request, CameraConfig)
    if config.camera_id != request.match_info["camera_id"]:
        raise RequestError(ErrorCode.BAD_REQUEST, "camera_id differs from the address.", field="camera_id")
    return _json(await request.app[_RECORDER].put_camera(config))


async def _delete_camera(request: web.Request) -> web.Response:
    _query(request)
    await request.app[_RECORDER].remove_camera(request.match_info["camera_id"])
    return web.Response(status=204)


async def _still(request: web.Request) -> web.Response:
    _query(request)
    picture = await request.app[_RECORDER].still(request.match_info["camera_id"])
    return web.Response(body=picture, content_type="image/jpeg", headers={"Cache-Control": "no-store"})


async def _coverage(request: web.Request) -> web.Response:
    query = _query(request, "start_us", "end_us")
    start_us, end_us = (parse_int(query[name], name) for name in ("start_us", "end_us"))
    return _json(await request.app[_RECORDER].coverage(request.match_info["camera_id"], start_us, end_us))


async def _export(request: web.Request) -> web.Response:
    return _json(await request.app[_RECORDER].export(await _body(request, ExportRequest)), 202)


async def _export_job(request: web.Request) -> web.Response:
    wait_s = parse_seconds(_query(request, optional=("wait_s",)).get("wait_s", "0"), "wait_s")
    job = request.app[_RECORDER].export_job(request.match_info["export_id"], min(wait_s, _LONGEST_WAIT_S))
    return _json(await job)


async def _shutdown(request: web.Request) -> web.Response:
    _query(request)
    request.app[_RECORDER].request_shutdown()
    return web.Response(status=202)


async def _feed(request: web.Request) -> web.StreamResponse:
    given = _query(request, optional=("after",))
    after = parse_int(given["after"], "after") if "after" in given else None
    response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson", "Cache-Control": "no-store"})
    await response.prepare(request)

    def cut() -> None:  # its handler may be stuck in a write that nobody reads
        if request.transport is not None:
            request.transport.abort()

    items = request.app[_RECORDER].feed.follow(after, cut)
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
