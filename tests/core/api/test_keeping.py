"""Holds, forecasts, certificates and the clock over the API: what is asked badly is refused and changes nothing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import aiohttp
import pytest

from recorder_core.errors import ErrorCode, RecorderError
from recorder_core.models import CameraConfig, HoldRelease, HoldRequest, HoldReview, LedgerKind
from tests.core.service.rig import SOCKET, served

if TYPE_CHECKING:
    from pathlib import Path

NOW_US = 1_800_000_000_000_000
GOOD: dict[str, object] = {"camera_ids": ["lobby"], "start_us": NOW_US}


async def _raw(data: Path, method: str, path: str, body: object = None) -> tuple[int, dict[str, object]]:
    connector = aiohttp.UnixConnector(path=str(data / SOCKET))
    content = None if body is None else json.dumps(body).encode()
    async with (
        aiohttp.ClientSession(connector=connector) as session,
        session.request(method, f"http://recorder{path}", data=content) as response,
    ):
        answer: dict[str, object] = await response.json()
        return response.status, answer


async def test_bad_holds_are_named_and_leave_nothing(data: Path) -> None:
    bad: list[tuple[dict[str, object], str | None, ErrorCode, int]] = [
        ({"camera_ids": []}, "camera_ids", ErrorCode.BAD_REQUEST, 400),
        ({"camera_ids": ["lobby", "lobby"]}, "camera_ids", ErrorCode.BAD_REQUEST, 400),
        ({"camera_ids": ["../up"]}, "camera_ids", ErrorCode.BAD_REQUEST, 400),
        ({"camera_ids": "lobby"}, "camera_ids", ErrorCode.BAD_REQUEST, 400),
        ({"camera_ids": [7]}, "camera_ids[0]", ErrorCode.BAD_REQUEST, 400),
        ({"camera_ids": ["lobby", "nobody"]}, None, ErrorCode.UNKNOWN_CAMERA, 404),
        ({"start_us": "now"}, "start_us", ErrorCode.BAD_REQUEST, 400),
        ({"start_us": -1}, "start_us", ErrorCode.BAD_REQUEST, 400),
        ({"end_us": NOW_US - 1}, None, ErrorCode.INTERVAL_INVERTED, 422),
        ({"end_us": NOW_US}, None, ErrorCode.INTERVAL_INVERTED, 422),
        ({"end_us": 1 << 62}, "end_us", ErrorCode.BAD_REQUEST, 400),
        ({"pre_roll_s": -1}, "pre_roll_s", ErrorCode.BAD_REQUEST, 400),
        ({"post_roll_s": 1e9}, "post_roll_s", ErrorCode.BAD_REQUEST, 400),
        ({"kind": "because"}, "kind", ErrorCode.BAD_REQUEST, 400),
        ({"case_id": "a\nb"}, "case_id", ErrorCode.BAD_REQUEST, 400),
        ({"key": "k" * 129}, "key", ErrorCode.BAD_REQUEST, 400),
        ({"actor": "\u0000"}, "actor", ErrorCode.BAD_REQUEST, 400),
        ({"reason": "words"}, "reason", ErrorCode.BAD_REQUEST, 400),
    ]
    async with served(data) as (_, client):
        await client.put_camera(CameraConfig(camera_id="lobby", name="L", url="rtsp://c/", enabled=False))
        for change, field, code, status in bad:
            answered, body = await _raw(data, "POST", "/v1/holds", GOOD | change)
            error = body["error"]
            assert isinstance(error, dict)
            assert (answered, error["code"]) == (status, code), change
            assert field is None or error["placeholders"]["field"] == field, change
        assert await client.holds(active=False) == []
        assert LedgerKind.HOLD_PLACED not in {entry.kind for entry in (await client.ledger()).entries}
        status, body = await _raw(data, "POST", "/v1/holds", GOOD | {"key": "k"})
        assert (status, body["created"]) == (201, True)
        status, body = await _raw(data, "POST", "/v1/holds", GOOD | {"key": "k"})
        assert (status, body["created"]) == (200, False)


async def test_a_bad_review_is_named_and_leaves_the_hold_as_it_was(data: Path) -> None:
    """One that does not say when the next is, too: nobody ends them by leaving a field out."""
    bad: list[tuple[dict[str, object], str]] = [
        ({}, "review_us"),
        ({"review_us": "soon"}, "review_us"),
        ({"review_us": -1}, "review_us"),
        ({"review_us": 1 << 62}, "review_us"),
        ({"review_us": 1_600_000_000_000_000}, "review_us"),
        ({"review_us": None, "actor": "a\nb"}, "actor"),
        ({"review_us": None, "expires_us": None}, "expires_us"),
    ]
    async with served(data) as (_, client):
        await client.put_camera(CameraConfig(camera_id="lobby", name="L", url="rtsp://c/", enabled=False))
        hold = (await client.place_hold(HoldRequest(camera_ids=["lobby"], start_us=NOW_US))).hold
        for review, field in bad:
            status, body = await _raw(data, "POST", f"/v1/holds/{hold.hold_id}/review", review)
            assert (status, body["error"]["placeholders"]["field"]) == (400, field), review  # type: ignore[index]  # it is an object
        assert await client.hold(hold.hold_id) == hold
        await client.release_hold(hold.hold_id, HoldRelease())
        status, body = await _raw(data, "POST", f"/v1/holds/{hold.hold_id}/review", {"review_us": None})
        assert (status, body["error"]["code"]) == (409, ErrorCode.HOLD_OVER)  # type: ignore[index]  # it is an object


@pytest.mark.parametrize(
    ("method", "path", "field"),
    [
        ("GET", "/v1/holds?active=maybe", "active"),
        ("GET", "/v1/holds?all=true", "all"),
        ("GET", "/v1/certificates?limit=0", "limit"),
        ("GET", "/v1/certificates?limit=1001", "limit"),
        ("GET", "/v1/certificates?after=x", "after"),
        ("GET", "/v1/cameras/lobby/forecast?start_us=1", "end_us"),
        ("GET", "/v1/cameras/lobby/forecast?start_us=1&end_us=two", "end_us"),
        ("GET", "/v1/cameras/lobby/forecast?start_us=-1&end_us=2", "start_us"),
        ("GET", f"/v1/cameras/lobby/forecast?start_us=1&end_us={2**63 - 1}", "end_us"),
        ("GET", f"/v1/cameras/lobby/coverage?start_us={-(2**63) + 1}&end_us=2", "start_us"),
        ("POST", "/v1/retention/confirm-clock?force=1", "force"),
    ],
)
async def test_bad_questions_are_named(data: Path, method: str, path: str, field: str) -> None:
    async with served(data):
        status, body = await _raw(data, method, path)
    assert (status, body["error"]["placeholders"]["field"]) == (400, field)  # type: ignore[index]  # it is an object


async def test_what_is_not_there_is_said_to_be_so(data: Path) -> None:
    async with served(data) as (_, client):
        for call, code in (
            (client.hold("0" * 32), ErrorCode.UNKNOWN_HOLD),
            (client.review_hold("../..", HoldReview(review_us=None)), ErrorCode.UNKNOWN_HOLD),
            (client.release_hold("../..", HoldRelease()), ErrorCode.UNKNOWN_HOLD),
            (client.certificates("nobody"), ErrorCode.UNKNOWN_CAMERA),
            (client.forecast("nobody", 1, 2), ErrorCode.UNKNOWN_CAMERA),
            (client.place_hold(HoldRequest(camera_ids=["nobody"], start_us=1)), ErrorCode.UNKNOWN_CAMERA),
        ):
            with pytest.raises(RecorderError) as caught:
                await call
            assert caught.value.code is code
        assert await client.certificates() == []
        assert (await client.confirm_clock()).sweep_halt is None
