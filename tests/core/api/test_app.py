"""The API over its real socket: what is asked well is answered, what is asked badly is refused with its reason."""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING

import aiohttp
import pytest
from aiohttp import web

from recorder_core.api.app import make_app
from recorder_core.api.client import RecorderClient
from recorder_core.errors import ErrorCode, RecorderError
from recorder_core.models import (
    API_VERSION,
    CameraConfig,
    CameraState,
    EventView,
    ExportRequest,
    FeedItem,
    ProbeRequest,
    Settings,
    VolumeConfig,
    VolumeState,
)
from recorder_core.service.events import EventKind
from tests.core.service.rig import SOCKET, feed_until, followed, served, use_volume

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from recorder_core.service.recorder import Recorder

NOWHERE = "rtsp://127.0.0.1:9/camera"
"""The discard port: nothing listens there."""


PASSWORD = "hunter2"  # noqa: S105  a word to look for
_LARGE = bytearray(b" ") * ((1 << 20) + 1)


def _camera(camera_id: str = "lobby", *, enabled: bool = False, name: str = "Lobby") -> CameraConfig:
    return CameraConfig(camera_id=camera_id, name=name, url=NOWHERE, password=PASSWORD, enabled=enabled)


async def _raw(data: Path, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
    connector = aiohttp.UnixConnector(path=str(data / SOCKET))
    async with (
        aiohttp.ClientSession(connector=connector) as session,
        session.request(method, f"http://recorder{path}", data=body) as response,
    ):
        return response.status, await response.read()


async def _code(call: Awaitable[object]) -> ErrorCode:
    with pytest.raises(RecorderError) as caught:
        await call
    return caught.value.code


async def test_the_status_tells_of_the_whole_recorder(data: Path) -> None:
    before = time.time_ns() // 1000
    async with served(data) as (_, client):
        status = await client.status()
    assert status.api_version == API_VERSION
    assert before <= status.started_us <= time.time_ns() // 1000
    assert (status.cameras, status.volumes, status.supervisor_pid) == ([], [], None)
    assert len(status.store_id) == 32


async def test_settings_and_cameras_outlast_the_recorder(data: Path) -> None:
    async with served(data) as (_, client):
        await use_volume(client, data / "footage", min_free_bytes=1 << 20)
        await client.put_camera(_camera())
        before = await client.status()
    async with served(data) as (_, client):
        after = await client.status()
    assert after.store_id == before.store_id
    assert [camera.camera_id for camera in after.cameras] == ["lobby"]
    assert after.cameras[0].state is CameraState.DISABLED
    assert after.volumes[0].volume_id == before.volumes[0].volume_id
    assert (after.volumes[0].state, after.volumes[0].min_free_bytes) == (VolumeState.OK, 1 << 20)


async def test_a_password_goes_in_and_never_comes_out(data: Path) -> None:
    async with served(data) as (_, client):
        await client.put_camera(_camera(enabled=True))
        answers = [await _raw(data, "GET", "/v1/status")]
        answers.append(await _raw(data, "PUT", "/v1/cameras/lobby", _camera().to_jsonb()))
        items = await feed_until(client, lambda item: item.event is not None and item.event.kind == "camera_changed")
    assert all(PASSWORD.encode() not in body for _, body in answers)
    assert PASSWORD not in repr(items)
    assert PASSWORD not in repr(_camera())
    assert PASSWORD.encode() in (data / "cameras.json").read_bytes()
    assert (data / "cameras.json").stat().st_mode & 0o777 == 0o600


async def test_a_removed_camera_is_gone(data: Path) -> None:
    async with served(data) as (_, client):
        await client.put_camera(_camera())
        await client.remove_camera("lobby")
        assert (await client.status()).cameras == []
        assert await _code(client.remove_camera("lobby")) is ErrorCode.UNKNOWN_CAMERA


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code", "field"),
    [
        ("GET", "/", None, 404, "bad_request", ""),
        ("GET", "/v2/status", None, 404, "bad_request", ""),
        ("POST", "/v1/status", None, 405, "bad_request", ""),
        ("PUT", "/v1/settings", b"{", 400, "bad_request", ""),
        ("PUT", "/v1/settings", b"", 400, "bad_request", ""),
        ("PUT", "/v1/settings", b'{"zone": "UTC"}', 400, "bad_request", "zone"),
        ("PUT", "/v1/settings", b'{"time_zone": "Nowhere"}', 400, "bad_request", "time_zone"),
        ("PUT", "/v1/settings", b'{"volumes": [{"path": "/a"}, {"path": "/a/"}]}', 400, "bad_request", "volumes"),
        ("PUT", "/v1/settings", b'{"volumes": [{"path": "/nonexistent/a"}]}', 422, "volume_missing", None),
        ("PUT", "/v1/settings", _LARGE, 413, "bad_request", ""),
        ("PUT", "/v1/settings?x=1", b"{}", 400, "bad_request", "x"),
        ("GET", "/v1/status?x=1", None, 400, "bad_request", "x"),
        ("GET", "/v1/cameras/a/still?x=1", None, 400, "bad_request", "x"),
        ("DELETE", "/v1/cameras/a?x=1", None, 400, "bad_request", "x"),
        ("POST", "/v1/shutdown?x=1", None, 400, "bad_request", "x"),
        ("POST", "/v1/volumes/check", b'{"path": "a"}', 400, "bad_request", "path"),
        (
            "PUT",
            "/v1/cameras/a",
            b'{"camera_id": "b", "name": "B", "url": "rtsp://c"}',
            400,
            "bad_request",
            "camera_id",
        ),
        ("PUT", "/v1/cameras/a", b'{"camera_id": "a", "name": "A", "url": "x"}', 400, "bad_url", None),
        ("PUT", "/v1/cameras/a", b'{"camera_id": "a", "name": "A"}', 400, "bad_request", "url"),
        ("DELETE", "/v1/cameras/a", None, 404, "unknown_camera", None),
        ("GET", "/v1/cameras/a/still", None, 404, "unknown_camera", None),
        ("GET", "/v1/cameras/a/coverage", None, 400, "bad_request", "start_us"),
        ("GET", "/v1/cameras/a/coverage?start_us=1", None, 400, "bad_request", "end_us"),
        ("GET", "/v1/cameras/a/coverage?start_us=1&end_us=x", None, 400, "bad_request", "end_us"),
        ("GET", "/v1/cameras/a/coverage?start_us=1&end_us=2&z=1", None, 400, "bad_request", "z"),
        ("GET", "/v1/cameras/a/coverage?start_us=1&end_us=2&end_us=3", None, 400, "bad_request", "end_us"),
        ("GET", "/v1/cameras/a/coverage?start_us=1&end_us=2", None, 404, "unknown_camera", None),
        ("GET", "/v1/cameras/a/coverage?start_us=2&end_us=1", None, 422, "interval_inverted", None),
        ("GET", "/v1/cameras/a/coverage?start_us=0&end_us=9000000000000", None, 422, "interval_too_long", None),
        ("POST", "/v1/exports", b'{"camera_id": "a", "start_us": 2, "end_us": 1}', 422, "interval_inverted", None),
        ("POST", "/v1/exports", b'{"camera_id": "a", "start_us": -2, "end_us": 1}', 404, "no_footage", None),
        ("POST", "/v1/exports", b'{"camera_id": "a", "start_us": 1, "end_us": 2}', 404, "unknown_camera", None),
        (
            "POST",
            "/v1/exports",
            b'{"camera_id": "a", "start_us": 1, "end_us": 9000000000000000}',
            422,
            "interval_future",
            None,
        ),
        (
            "POST",
            "/v1/exports",
            b'{"camera_id": "a", "start_us": 1, "end_us": 99000000000}',
            422,
            "interval_too_long",
            None,
        ),
        ("GET", "/v1/exports/../../etc", None, 404, "bad_request", ""),
        ("GET", "/v1/exports/%2e%2e", None, 404, None, None),
        ("GET", "/v1/exports/0123456789abcdef0123456789abcdef", None, 404, "unknown_export", None),
        ("GET", "/v1/exports/x?wait_s=-1", None, 400, "bad_request", "wait_s"),
        ("GET", "/v1/exports?limit=0", None, 400, "bad_request", "limit"),
        ("GET", "/v1/exports?limit=1001", None, 400, "bad_request", "limit"),
        ("DELETE", "/v1/exports/x?actor=%0a", None, 400, "bad_request", "actor"),
        ("DELETE", "/v1/exports/x", None, 404, "unknown_export", None),
        ("POST", "/v1/stills", b'{"camera_id": "a", "at_us": 1}', 404, "unknown_camera", None),
        ("POST", "/v1/stills", b'{"camera_id": "a", "at_us": 9000000000000000}', 422, "interval_future", None),
        ("POST", "/v1/packages", b'{"camera_ids": [], "start_us": 1, "end_us": 2}', 400, "bad_request", "camera_ids"),
        (
            "POST",
            "/v1/packages",
            b'{"camera_ids": ["a", "b"], "start_us": 1, "end_us": 50000000000}',
            422,
            "interval_too_long",
            None,
        ),
        (
            "POST",
            "/v1/packages",
            b'{"camera_ids": ["a"], "start_us": 1, "end_us": 2, "expires_us": 3}',
            400,
            "bad_request",
            "expires_us",
        ),
        ("GET", "/v1/feed?after=x", None, 400, "bad_request", "after"),
    ],
)
async def test_what_is_asked_badly_is_refused(
    data: Path, method: str, path: str, body: bytes | None, status: int, code: str | None, field: str | None
) -> None:
    async with served(data) as (_, client):
        got, answer = await _raw(data, method, path, body)
        assert (await client.status()).pid
    assert got == status
    problem = json.loads(answer)["error"]
    assert code in (None, problem["code"])
    assert field is None or problem["placeholders"] == {"field": field}
    assert problem["message"]
    assert "Traceback" not in answer.decode()


async def test_a_body_that_cannot_be_read_is_the_callers_fault(data: Path, caplog: pytest.LogCaptureFixture) -> None:
    request = b"PUT /v1/settings HTTP/1.1\r\nHost: r\r\nContent-Encoding: gzip\r\nContent-Length: 7\r\n\r\nnotgzip"
    async with served(data):
        reader, writer = await asyncio.open_unix_connection(data / SOCKET)
        writer.write(request)
        answer = await reader.readuntil(b"}}")
        writer.close()
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"bad_request" in answer
    assert "failed unexpectedly" not in caplog.text


async def test_a_body_that_does_not_come_is_not_waited_for(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("recorder_core.api.exchange._BODY_S", 0.05)
    async with served(data) as (_, client):
        reader, writer = await asyncio.open_unix_connection(data / SOCKET)
        writer.write(b'POST /v1/holds HTTP/1.1\r\nHost: r\r\nContent-Length: 99\r\n\r\n{"start_us": 1')
        answer = await reader.readuntil(b"}}")
        writer.write(b"x" * 84)
        await reader.read()  # the connection ends
        writer.close()
        assert await client.holds(active=False) == []
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"bad_request" in answer


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "PATCH"])
async def test_a_method_that_is_not_taken_is_told_which_are(data: Path, method: str) -> None:
    """A page of another origin asks with OPTIONS first, and gets nothing that would let it go on."""
    connector = aiohttp.UnixConnector(path=str(data / SOCKET))
    headers = {"Origin": "https://elsewhere.example", "Access-Control-Request-Method": "POST"}
    async with (
        served(data),
        aiohttp.ClientSession(connector=connector) as session,
        session.request(method, "http://recorder/v1/holds", headers=headers) as response,
    ):
        assert (response.status, response.headers["Allow"]) == (405, "GET,HEAD,POST")
        assert not [name for name in response.headers if name.startswith("Access-Control")]


async def test_an_unexpected_fault_shows_no_detail(
    data: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with served(data) as (recorder, client):
        monkeypatch.setattr(recorder._volumes, "statuses", lambda: 1 // 0)
        with pytest.raises(RecorderError) as caught:
            await client.status()
        monkeypatch.undo()
    assert caught.value.code is ErrorCode.INTERNAL
    assert "division" not in caught.value.message
    assert "ZeroDivisionError" in caplog.text


async def test_a_folder_is_checked_without_a_trace(data: Path) -> None:
    async with served(data) as (_, client):
        good = await client.check_volume(VolumeConfig(path=str(data / "new")))
        bad = await client.check_volume(VolumeConfig(path="/nonexistent/place/for/footage"))
    assert good.problem is None
    assert good.total_bytes >= good.free_bytes > 0
    assert not (data / "new").exists()
    assert bad.problem is not None
    assert bad.problem.code is ErrorCode.VOLUME_MISSING


async def test_a_probe_says_what_is_wrong(data: Path) -> None:
    async with served(data) as (_, client):
        assert await _code(client.probe(ProbeRequest(url=NOWHERE))) is ErrorCode.CONNECTION_REFUSED


async def test_the_feed_begins_with_the_status_and_then_tells_what_happens(data: Path) -> None:
    async with served(data) as (_, client):
        async with followed(client, lambda item: item.removed_camera == "lobby", after=0) as following:
            await client.put_camera(_camera())
            await client.remove_camera("lobby")
        assert following.result()[0].status is not None
        kinds = [item.event.kind for item in await feed_until(client, _is("camera_removed")) if item.event]
    assert "recorder_started" in kinds
    assert kinds.index("camera_added") < kinds.index("camera_removed")


def _is(kind: str, camera_id: str | None = None) -> Callable[[FeedItem], bool]:
    return lambda item: item.event is not None and item.event.kind == kind and camera_id in (None, item.event.camera_id)


async def test_the_feed_replays_exactly_what_was_missed(data: Path) -> None:
    async with served(data) as (_, client):
        for number in range(5):
            await client.put_camera(_camera(f"camera-{number}"))
        everything = [
            item.event.seq for item in await feed_until(client, _is("camera_added", "camera-4")) if item.event
        ]
        assert everything == list(range(1, everything[-1] + 1))
        missed = await feed_until(client, _is("camera_added", "camera-4"), after=everything[2])
    assert [item.event.seq for item in missed if item.event] == everything[3:]


async def test_who_knows_more_than_there_is_gets_everything(data: Path) -> None:
    async with served(data) as (_, client):
        items = await feed_until(client, _is("recorder_started"), after=10_000)
    assert items[-1].event is not None
    assert items[-1].event.seq == 1


async def test_the_feed_beats_while_nothing_happens(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("recorder_core.api.server.make_app", _quick_heart)
    async with served(data):
        reader, writer = await asyncio.open_unix_connection(str(data / SOCKET))
        writer.write(b"GET /v1/feed?after=0 HTTP/1.1\r\nHost: recorder\r\n\r\n")
        beat = FeedItem().to_jsonb() + b"\n"
        async with asyncio.timeout(60):
            for _ in range(2):
                await reader.readuntil(beat)
        writer.close()
        await writer.wait_closed()


def _quick_heart(recorder: Recorder, *, token: str | None = None) -> web.Application:
    return make_app(recorder, token=token, heartbeat_s=0.01)


async def test_who_does_not_read_is_cut_and_others_are_not(data: Path) -> None:
    async with served(data) as (recorder, client):
        reader, writer = await asyncio.open_unix_connection(str(data / SOCKET), limit=1 << 10)
        writer.write(b"GET /v1/feed?after=0 HTTP/1.1\r\nHost: recorder\r\n\r\n")
        await reader.readuntil(b"\n{")
        assert recorder.feed.subscribers == 1
        seq = 1000
        async with asyncio.timeout(60):
            while recorder.feed.subscribers:
                for _ in range(100):
                    seq += 1
                    event = EventView(seq=seq, at_us=0, kind=EventKind.GAP, camera_id=None, data={"detail": "x" * 4000})
                    recorder.feed.publish(FeedItem(event=event))
                await recorder._last_event()
        with pytest.raises(asyncio.LimitOverrunError):
            await reader.readuntil(b"never")
        writer.close()
        assert (await client.status()).pid


async def test_followers_are_let_go_when_the_recorder_stops(data: Path) -> None:
    async with served(data) as (recorder, _):
        follower = asyncio.create_task(_code(_drain(RecorderClient(socket=data / SOCKET))))
        while not recorder.feed.subscribers:
            await recorder._last_event()
    assert await follower is ErrorCode.RECORDER_UNREACHABLE


async def test_without_a_number_nothing_is_replayed(data: Path) -> None:
    async with served(data) as (_, client):
        await client.put_camera(_camera("before"))
        await feed_until(client, _is("camera_added", "before"))
        async with followed(client, _is("camera_added", "after")) as following:
            await client.put_camera(_camera("after"))
        items = following.result()
    assert [item.event.camera_id for item in items if item.event and item.event.kind == "camera_added"] == ["after"]


async def _drain(client: RecorderClient) -> None:
    async with client:
        async for _ in client.feed():
            pass


async def test_an_export_job_that_waits_is_answered_when_it_is_unknown(data: Path) -> None:
    async with served(data) as (_, client):
        assert await _code(client.export_job("f" * 32, wait_s=5)) is ErrorCode.UNKNOWN_EXPORT
        request = ExportRequest(camera_id="lobby", start_us=1, end_us=2)
        await client.put_camera(_camera())
        assert await _code(client.export(request)) is ErrorCode.NO_FOOTAGE
        assert await _code(client.still("lobby")) is ErrorCode.NO_FOOTAGE


async def test_shutdown_asks_whoever_runs_the_recorder(data: Path) -> None:
    async with served(data) as (recorder, client):
        assert not recorder.shutdown_requested.is_set()
        await client.shutdown()
        assert recorder.shutdown_requested.is_set()


async def test_a_time_zone_alone_interrupts_nothing(data: Path) -> None:
    async with served(data) as (_, client):
        await use_volume(client, data / "footage")
        settings = Settings(volumes=[VolumeConfig(path=str(data / "footage"))], time_zone="America/Denver")
        await client.apply_settings(settings)
        await client.put_camera(_camera())
        items = await feed_until(client, _is("camera_added"))
    kinds = [item.event.kind for item in items if item.event]
    assert kinds.count("volumes_changed") == 1
