"""Which HTTP status tells of which error, and the one place that turns errors into answers."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from aiohttp import web

from recorder_core.errors import ErrorCode, RecorderError
from recorder_core.models import Failure
from recorder_core.service.problems import problem_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

_LOGGER = logging.getLogger(__name__)

_STATUS = {
    ErrorCode.BAD_REQUEST: 400,
    ErrorCode.BAD_URL: 400,
    ErrorCode.UNAUTHORIZED: 401,
    ErrorCode.UNKNOWN_CAMERA: 404,
    ErrorCode.UNKNOWN_EXPORT: 404,
    ErrorCode.UNKNOWN_HOLD: 404,
    ErrorCode.UNKNOWN_DELIVERY: 404,
    ErrorCode.UNKNOWN_DELIVERY_FOLDER: 404,
    ErrorCode.NO_FOOTAGE: 404,
    ErrorCode.HOLD_OVER: 409,
    ErrorCode.HELD: 409,
    ErrorCode.KEY_TAKEN: 409,
    ErrorCode.EXPORT_CANCELLED: 409,
    ErrorCode.EXPORT_NOT_DONE: 409,
    ErrorCode.DELIVERY_FOLDER_IN_USE: 409,
    ErrorCode.INTERVAL_INVERTED: 422,
    ErrorCode.INTERVAL_TOO_LONG: 422,
    ErrorCode.INTERVAL_FUTURE: 422,
    ErrorCode.VOLUME_MISSING: 422,
    ErrorCode.VOLUME_FOREIGN: 422,
    ErrorCode.VOLUME_READ_ONLY: 422,
    ErrorCode.VOLUME_OVERLAY: 422,
    ErrorCode.VOLUME_NETWORK: 422,
    ErrorCode.VOLUME_FORBIDDEN: 422,
    ErrorCode.DELIVERY_FOLDER_MISSING: 422,
    ErrorCode.UNREACHABLE: 502,
    ErrorCode.CONNECTION_REFUSED: 502,
    ErrorCode.CONNECTION_LOST: 502,
    ErrorCode.TLS_FAILED: 502,
    ErrorCode.AUTH_FAILED: 502,
    ErrorCode.AUTH_REQUIRED: 502,
    ErrorCode.NOT_FOUND: 502,
    ErrorCode.PROTOCOL: 502,
    ErrorCode.REJECTED: 502,
    ErrorCode.NO_VIDEO: 502,
    ErrorCode.UNSUPPORTED_CODEC: 502,
    ErrorCode.NO_SYNC_SAMPLE: 502,
    ErrorCode.FORMAT_UNREADABLE: 502,
    ErrorCode.STALLED: 504,
    ErrorCode.TIMEOUT: 504,
    ErrorCode.VOLUME_FULL: 507,
    ErrorCode.DELIVERY_FOLDER_FULL: 507,
}
"""Everything else is 500: the recorder itself is in trouble."""

_HTTP_SENTENCES = {
    404: "There is no such address.",
    405: "This address does not take that method.",
    408: "The body did not come in time.",
    413: "The body is too large.",
}


_HEADERS = {ErrorCode.UNAUTHORIZED: {"WWW-Authenticate": "Bearer"}}
"""RFC 9110 section 11.6.1 wants it."""


def answer(error: RecorderError, status: int | None = None, headers: Mapping[str, str] | None = None) -> web.Response:
    """Return the answer that tells of an error."""
    return web.Response(
        body=Failure(error=problem_of(error)).to_jsonb(),
        status=status or _STATUS.get(error.code, 500),
        headers=headers or _HEADERS.get(error.code),
        content_type="application/json",
    )


@web.middleware
async def answer_errors(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Turn every error into an answer; the log gets all of what nobody expected, the caller no detail of it."""
    try:
        return await handler(request)
    except RecorderError as error:
        return answer(error)
    except web.HTTPException as error:
        sentence = _HTTP_SENTENCES.get(error.status, "The request is malformed.")
        allowed = {name: error.headers[name] for name in ("Allow",) if name in error.headers}  # RFC 9110 section 15.5.6
        return answer(RecorderError(ErrorCode.BAD_REQUEST, sentence, field=""), error.status, allowed)
    except Exception:  # whatever it is, the caller gets an answer and no traceback
        _LOGGER.exception("%s %s failed unexpectedly", request.method, request.path)
        return answer(RecorderError(ErrorCode.INTERNAL, "The recorder failed; its log says why."))
