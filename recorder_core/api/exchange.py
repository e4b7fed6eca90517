"""What every route needs: the recorder that answers, what a request brings, and the JSON that goes back."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from aiohttp import web

from recorder_core.errors import ErrorCode, RequestError

from .parse import parse_body, parse_int
from .rules import MOMENT, check, is_moment

if TYPE_CHECKING:
    from recorder_core.json_data import JsonData
    from recorder_core.models import (
        CameraConfig,
        DeliveryRemoval,
        DeliveryRequest,
        ExportRequest,
        HoldRelease,
        HoldRequest,
        HoldReview,
        PackageRequest,
        ProbeRequest,
        Settings,
        StillRequest,
        VolumeConfig,
    )
    from recorder_core.service.recorder import Recorder

_BODY_S = 30.0
"""How long a body may take; it has a MiB at most."""

MOST = 1000
"""The longest page of a list."""

_TRUTH = {"true": True, "false": False}

RECORDER: web.AppKey[Recorder] = web.AppKey("recorder")
"""The recorder that an application answers for."""


def answer(value: JsonData, status: int = 200) -> web.Response:
    """Return a value as an answer that nobody keeps."""
    return web.Response(
        body=value.to_jsonb(), status=status, content_type="application/json", headers={"Cache-Control": "no-store"}
    )


async def body[
    T: (
        CameraConfig,
        DeliveryRemoval,
        DeliveryRequest,
        ExportRequest,
        HoldRelease,
        HoldRequest,
        HoldReview,
        PackageRequest,
        ProbeRequest,
        Settings,
        StillRequest,
        VolumeConfig,
    )
](request: web.Request, model: type[T]) -> T:
    """Return the value that a request's body holds, which keeps its rules; the request has no parameters.

    Raises:
        RequestError: `BAD_REQUEST` with the field's name.
        CameraError: `BAD_URL`.
        HTTPRequestTimeout: It does not come.
    """
    query(request)
    try:
        async with asyncio.timeout(_BODY_S):
            data = await request.read()
    except TimeoutError:
        raise web.HTTPRequestTimeout from None
    except web.RequestPayloadError:  # cut off, or compressed and damaged
        raise RequestError(ErrorCode.BAD_REQUEST, "The body cannot be read.", field="") from None
    value = parse_body(model, data)
    check(value)
    return value


def query(request: web.Request, *known: str, optional: tuple[str, ...] = ()) -> dict[str, str]:
    """Return the query's parameters; each one is known and stands once.

    Raises:
        RequestError: `BAD_REQUEST` with the parameter's name.
    """
    given = dict(request.query)
    for name in known:
        if name not in given:
            raise RequestError(ErrorCode.BAD_REQUEST, f"{name} is missing.", field=name)
    for name in request.query:
        if name not in {*known, *optional} or len(request.query.getall(name)) > 1:
            raise RequestError(ErrorCode.BAD_REQUEST, "A parameter is unknown or repeated.", field=name[:64])
    return given


def interval(request: web.Request) -> tuple[int, int]:
    """Return `start_us` and `end_us`, which are all that the query holds.

    Raises:
        RequestError: `BAD_REQUEST` with the parameter's name.
    """
    given = query(request, "start_us", "end_us")
    start_us, end_us = (parse_int(given[name], name) for name in ("start_us", "end_us"))
    for name, value in (("start_us", start_us), ("end_us", end_us)):
        if not is_moment(value):
            raise RequestError(ErrorCode.BAD_REQUEST, f"{name} {MOMENT}.", field=name)
    return start_us, end_us


def limit(given: dict[str, str], usual: int = MOST) -> int:
    """Return how many a query asks for, or as many as are usual.

    Raises:
        RequestError: `BAD_REQUEST`, with the parameter's name.
    """
    wanted = parse_int(given.get("limit", str(usual)), "limit")
    if not 1 <= wanted <= MOST:
        raise RequestError(ErrorCode.BAD_REQUEST, f"limit must lie between 1 and {MOST}.", field="limit")
    return wanted


def active(given: dict[str, str]) -> bool:
    """Return whether a query asks for what is active only, as one that says nothing does.

    Raises:
        RequestError: `BAD_REQUEST`, with the parameter's name.
    """
    wanted = _TRUTH.get(given.get("active", "true"))
    if wanted is None:
        raise RequestError(ErrorCode.BAD_REQUEST, "active is neither true nor false.", field="active")
    return wanted
