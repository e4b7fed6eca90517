"""A camera that sends over UDP only is recorded like any other, through a child process that may die."""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from pathlib import Path

import av
import numpy as np

from recorder_core.models import CameraState, ProbeRequest, SourceKind
from recorder_core.simulator import Simulator, Transport, read_code
from tests.core.service.rig import (
    PASSWORD,
    camera,
    config_of,
    followed,
    holes,
    in_state,
    served,
    state_reached,
    stored,
    use_volume,
)


def _children() -> dict[int, bytes]:
    """Return this process's capturing children and their command lines."""
    found = {}
    for folder in Path("/proc").iterdir():
        if not folder.name.isdecimal():
            continue
        try:
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            command = (folder / "cmdline").read_bytes()
        except FileNotFoundError, ProcessLookupError:  # it has ended meanwhile
            continue
        if parent == os.getpid() and b"pyav_child" in command:
            found[int(folder.name)] = command
    return found


async def test_a_camera_over_udp_is_recorded_and_survives_the_death_of_its_child(data: Path) -> None:
    udp = replace(camera(), transports=(Transport.UDP,))
    async with Simulator([udp]) as simulator, served(data) as (_, client):
        result = await client.probe(ProbeRequest(url=simulator.url("lobby"), username="viewer", password=PASSWORD))
        assert (result.source, result.codec, result.width) == (SourceKind.PYAV, "h264", 320)
        await use_volume(client, data / "footage")
        await client.put_camera(config_of(simulator))
        await state_reached(client, CameraState.RECORDING)
        assert (await client.status()).cameras[0].source is SourceKind.PYAV
        first = (await stored(client, seconds=1.5)).segments[-1].run_id
        [(pid, command)] = _children().items()
        assert PASSWORD.encode() not in command
        async with followed(client, in_state(CameraState.RETRYING)):
            os.kill(pid, signal.SIGKILL)
        await state_reached(client, CameraState.RECORDING)
        coverage = await stored(client, seconds=1.5)
        assert simulator.counters("lobby").audio_setups == 0
        await client.remove_camera("lobby")
        assert _children() == {}
    assert coverage.segments[-1].run_id != first
    assert "connection_lost" in [gap.reason for gap in coverage.gaps]
    assert holes(coverage) == []
    for file in sorted((data / "footage").rglob("*.mp4")):
        with av.open(file) as segment:
            assert [stream.type for stream in segment.streams] == ["video"]
            codes = [read_code(np.asarray(one.to_ndarray(format="gray"), np.uint8)) for one in segment.decode(video=0)]
        serials = [code.serial for code in codes if code is not None]
        assert serials == list(range(serials[0], serials[0] + len(codes)))
