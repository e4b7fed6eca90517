"""The routes are those that the page tells of, with their parameters; and each one is held to the same manners."""

from __future__ import annotations

import asyncio
import re
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlencode

import aiohttp
from yarl import URL

from recorder_core.api.app import make_app
from recorder_core.errors import ErrorCode
from recorder_core.models import CameraConfig, Failure, HoldRequest, Problem
from tests.core.service.rig import SOCKET, served

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from recorder_core.api.client import RecorderClient
    from recorder_core.service.recorder import Recorder

API = (Path(__file__).parents[3] / "docs" / "api.md").read_text(encoding="utf-8")

GOOD = {"start_us": "1", "end_us": "2", "after": "0", "limit": "1", "wait_s": "0"} | {
    "active": "true",
    "camera_id": "lobby",
}
"""A value for each parameter that does not take any id."""

SMALLEST = {"HoldReview": b'{"review_us": null}', "DeliveryRequest": b'{"folder": "desk"}'}
"""The bodies for a thing with an id that cannot be empty."""

IDS = ["%00", "%ff", "%ed%a0%80", "%2e%2e%2f", "a" * 7000, "%0a", "%e2%80%ae", "0" * 32]
BODIES = [b"", b"null", b"[]", b"\xff", b'{"bogus": 1}', b'{"a": "\\ud800"}', b"[" * 9000]


class Route(NamedTuple):
    """A row of the page's table."""

    method: str
    path: str
    parameters: dict[str, str]
    body: bytes | None

    def address(self, one: str = "0" * 32, **more: str) -> str:
        """Return its path with an id, and with all its parameters and more."""
        return re.sub(r"\{\w+\}", lambda _: one, self.path) + "?" + urlencode({**self.parameters, **more})


def _told() -> list[Route]:
    rows = re.findall(r"^\| `([A-Z]+) (/v1/[^`?]+)\??([^`]*)` \| ([^|]*)\|", API, re.MULTILINE)
    return [
        Route(
            method,
            path,
            {name: GOOD.get(name, "id") for name in re.findall(r"(\w+)=", query)},
            SMALLEST.get(body.strip(" `"), b"{}") if body.strip() else None,
        )
        for method, path, query, body in rows
    ]


ROUTES = _told()


class Caller:
    """Asks by hand, without the client's care."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        """Ask over a session."""
        self._session = session

    async def ask(self, route: Route, address: str, body: bytes | None = None) -> tuple[int, Problem | None]:
        """Return the status, and the problem if there is one; what an endless answer says is not waited for."""
        where = URL(f"http://recorder{address}", encoded=True)
        async with self._session.request(route.method, where, data=route.body if body is None else body) as response:
            if response.status < 400:
                return response.status, None
            answer = await response.read()
            assert len(answer) < 600, (route, address)
            return response.status, Failure.from_json(answer).error


@asynccontextmanager
async def _asking(data: Path) -> AsyncGenerator[tuple[Recorder, RecorderClient, Caller]]:
    async with (
        served(data) as (recorder, client),
        aiohttp.ClientSession(connector=aiohttp.UnixConnector(path=str(data / SOCKET))) as session,
    ):
        await client.put_camera(CameraConfig(camera_id="lobby", name="L", url="rtsp://127.0.0.1:9/", enabled=False))
        yield recorder, client, Caller(session)


async def test_there_are_no_others(data: Path) -> None:
    async with served(data) as (recorder, _):
        known = {
            (route.method, route.resource.canonical)
            for route in make_app(recorder).router.routes()
            if route.resource is not None and route.method != "HEAD"
        }
    assert known == {(route.method, route.path) for route in ROUTES}


async def test_what_a_route_does_not_know_or_gets_twice_is_named(data: Path) -> None:
    """Also beside a body, and beside all that it does know."""
    async with _asking(data) as (recorder, _, caller):
        for route in ROUTES:
            status, problem = await caller.ask(route, route.address(bogus="1"))
            assert problem is not None, route
            assert (status, problem.placeholders) == (400, {"field": "bogus"}), route
            for name in route.parameters:
                status, problem = await caller.ask(route, f"{route.address()}&{name}=1")
                assert problem is not None, route
                assert (status, problem.placeholders) == (400, {"field": name}), route
        assert not recorder.shutdown_requested.is_set()


async def test_the_parameters_that_are_told_are_taken(data: Path) -> None:
    async with _asking(data) as (_, _, caller):
        for route in ROUTES:
            if route.parameters:
                status, problem = await caller.ask(route, route.address("lobby"))
                assert status == 200 or (problem and problem.code is ErrorCode.UNKNOWN_EXPORT), (route, problem)


async def test_a_body_that_is_none_of_its_own_is_refused_and_changes_nothing(data: Path) -> None:
    async with _asking(data) as (_, client, caller):
        before = await client.ledger()
        for route in ROUTES:
            for body in BODIES if route.body is not None else ():
                status, problem = await caller.ask(route, route.address(), body)
                assert problem is not None, (route, body)
                assert (status, problem.code) == (400, ErrorCode.BAD_REQUEST), (route, body)
        assert await client.ledger() == before
        assert [camera.camera_id for camera in (await client.status()).cameras] == ["lobby"]


async def test_an_id_that_nothing_has_is_unknown_and_not_quoted_at_length(data: Path) -> None:
    async with _asking(data) as (_, _, caller):
        for route in ROUTES:
            for one in IDS if "{" in route.path and route.method != "PUT" else ():
                status, problem = await caller.ask(route, route.address(one))
                assert problem is not None, (route, one)
                assert (status, problem.code.startswith("unknown_")) == (404, True), (route, one)


async def test_one_key_at_once_is_one_hold(data: Path) -> None:
    async with _asking(data) as (_, client, _):
        request = HoldRequest(camera_ids=["lobby"], start_us=1, key="k")
        placed = await asyncio.gather(*[client.place_hold(request) for _ in range(30)])
        [hold] = await client.holds(active=False)
    assert [one.hold for one in placed] == [hold] * 30
    assert [one.created for one in placed].count(True) == 1


async def test_a_page_beyond_the_end_is_empty(data: Path) -> None:
    async with _asking(data) as (_, client, _):
        far = (1 << 63) - 1
        page = await client.ledger(after=far)
        assert (page.entries, await client.certificates(after=far)) == ([], [])
        assert page.head_seq == len((await client.ledger()).entries)
