"""Pictures over HTTP, as a client that shares no code with the simulator takes them."""

from __future__ import annotations

import base64
import io
from dataclasses import replace
from typing import TYPE_CHECKING

import aiohttp
import numpy as np
import pytest
from PIL import Image

from recorder_core.simulator import (
    Challenge,
    Garbage,
    LosePackets,
    Quirk,
    ReorderPackets,
    Simulator,
    Transport,
    VideoCodec,
    read_code,
)

from .cameras import CAMERA, QUICK

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

OLD = replace(CAMERA, video=replace(QUICK, codec=VideoCodec.MJPEG), transports=(Transport.HTTP,))
LOCKED = replace(OLD, username="reader", password="right", challenges=(Challenge.BASIC,))  # noqa: S106  a test's


async def serials(response: aiohttp.ClientResponse) -> AsyncIterator[int]:
    """Yield which pictures come in the parts of the answer."""
    reader = aiohttp.MultipartReader.from_response(response)
    while True:
        part = await reader.next()
        assert isinstance(part, aiohttp.BodyPartReader)
        assert part.headers["Content-Type"] == "image/jpeg"
        luma = Image.open(io.BytesIO(await part.read())).convert("L")
        code = read_code(np.asarray(luma))
        assert code is not None
        yield code.serial


async def test_pictures_follow_each_other_in_one_answer() -> None:
    """Faults of packets are none of an answer's, which has no packets."""
    camera = replace(OLD, faults=(LosePackets(2), ReorderPackets(2), Garbage(50)))
    async with Simulator([camera]) as simulator, aiohttp.ClientSession() as client:
        async with client.get(simulator.url("door")) as response:
            assert response.status == 200
            parts = serials(response)
            first, *others = [await anext(parts) for _ in range(12)]
        assert others == list(range(first + 1, first + 12))
        await simulator.wait_for_no_client("door")
        counters = simulator.counters("door")
        assert (counters.plays, counters.packets_sent, counters.reports_sent) == (1, 0, 0)
        sent = [frame.serial for frame in simulator.frames if frame.receivers]
        assert set(range(first, first + 12)) <= set(sent)


@pytest.mark.parametrize(
    ("method", "quirk", "password", "status"),
    [
        ("GET", None, "right", 200),
        ("GET", None, "wrong", 401),
        ("GET", None, None, 401),
        ("GET", Quirk.NOT_FOUND, "right", 404),
        ("GET", Quirk.UNAVAILABLE, "right", 503),
        ("POST", None, "right", 501),
    ],
)
async def test_what_is_refused_says_why(method: str, quirk: Quirk | None, password: str | None, status: int) -> None:
    camera = replace(LOCKED, faults=() if quirk is None else (quirk,))
    credentials = base64.b64encode(f"reader:{password}".encode()).decode()
    headers = {} if password is None else {"Authorization": f"Basic {credentials}"}
    async with (
        Simulator([camera]) as simulator,
        aiohttp.ClientSession() as client,
        client.request(method, simulator.url("door"), headers=headers) as response,
    ):
        assert response.status == status


async def test_a_clients_answer_is_as_the_camera_goes_on() -> None:
    """Two clients are sent the same pictures; a camera that stalls sends none."""
    async with Simulator([OLD]) as simulator, aiohttp.ClientSession() as client:
        url = simulator.url("door")
        async with client.get(url) as one, client.get(url) as other:
            ours, theirs = serials(one), serials(other)
            first = await anext(theirs)
            while (serial := await anext(ours)) < first:  # it began earlier
                pass
            seen = [[serial, *[await anext(ours) for _ in range(4)]], [first, *[await anext(theirs) for _ in range(4)]]]
            assert seen == [list(range(first, first + 5))] * 2
            await simulator.apply("door", Quirk.STALL)
            sent = simulator.counters("door").frames_sent
            await simulator.wait_taken("door", simulator.counters("door").frames_taken + 5)
            assert simulator.counters("door").frames_sent == sent
