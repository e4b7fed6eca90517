"""A recorder that answers what a test tells it to, through the API that real ones serve.

It stands in for what no test can bring a real recorder to in reasonable time: every code of an error, an older version,
an address behind a certificate. Only its thoughts are scripted; routes, rules and wire format are the product's.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self, cast

from aiohttp import web

from recorder_core.api.app import make_app
from recorder_core.errors import ErrorCode, RequestError
from recorder_core.models import (
    API_VERSION,
    CameraConfig,
    CameraState,
    CameraStatus,
    Duty,
    ProbeRequest,
    ProbeResult,
    RecorderStatus,
    Settings,
    SourceKind,
    SweepHalt,
    VolumeState,
    VolumeStatus,
)
from recorder_core.service.feed import Feed
from recorder_core.version import __version__

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator
    from pathlib import Path

    from recorder_core.errors import RecorderError
    from recorder_core.service.recorder import Recorder

GB = 1_000_000_000

PROBED = ProbeResult(
    source=SourceKind.RTSP,
    codec="h264",
    width=1920,
    height=1080,
    fps=25.0,
    bitrate=4_000_000,
    audio_offered=True,
    clock_offset_us=-1_250_000,
    still_jpeg="AAAA",
)
"""What a camera usually turns out to be; its picture is one to recognise, not to look at."""

VOLUME = VolumeStatus(
    volume_id="v1",
    path="/srv/footage",
    state=VolumeState.OK,
    total_bytes=2000 * GB,
    free_bytes=900 * GB,
    used_bytes=150 * GB,
    min_free_bytes=50 * GB,
)


@dataclass
class StandingRecorder:
    """The scripted part: set its fields, read what it was asked."""

    probed: ProbeResult | RecorderError = PROBED
    volumes: list[VolumeStatus] = field(default_factory=lambda: [VOLUME])
    store_id: str = "store-1"
    api_version: int = API_VERSION
    cameras: dict[str, CameraStatus] = field(default_factory=dict)
    configs: dict[str, CameraConfig] = field(default_factory=dict)
    probes: list[ProbeRequest] = field(default_factory=list)
    settings: list[Settings] = field(default_factory=list)
    refused: set[str] = field(default_factory=set)
    days_until_full: float | None = None
    holds_to_review: int = 0
    holds_leave_little: bool = False
    sweep_halt: SweepHalt | None = None
    failing: list[Duty] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Make the feed, which has no events."""

        async def no_events(_after: int, _limit: int) -> list[object]:
            return []

        async def no_event() -> int:
            return 0

        self.feed = Feed(no_events, no_event, self.status)  # type: ignore[arg-type]  # no event is of any type

    def status(self) -> RecorderStatus:
        """Return what it says of itself."""
        return RecorderStatus(
            version=__version__,
            api_version=self.api_version,
            store_id=self.store_id,
            pid=1,
            supervisor_pid=None,
            started_us=0,
            host_synchronised=True,
            cameras=list(self.cameras.values()),
            volumes=self.volumes,
            days_until_full=self.days_until_full,
            holds=self.holds_to_review,
            holds_to_review=self.holds_to_review,
            holds_leave_little=self.holds_leave_little,
            sweep_halt=self.sweep_halt,
            failing=self.failing,
        )

    @property
    def configuration(self) -> Self:
        """It changes its configuration itself."""
        return self

    async def apply_settings(self, settings: Settings) -> None:
        """Remember the settings."""
        self.settings.append(settings)

    async def probe(self, request: ProbeRequest) -> ProbeResult:
        """Remember the question, and answer as the test says."""
        self.probes.append(request)
        if isinstance(self.probed, ProbeResult):
            return self.probed
        raise self.probed

    async def put_camera(self, config: CameraConfig) -> CameraStatus:
        """Remember a camera, unless it is one that will not do."""
        if config.camera_id in self.refused:
            raise RequestError(ErrorCode.BAD_REQUEST, "This camera will not do.")
        self.configs[config.camera_id] = config
        status = CameraStatus(
            camera_id=config.camera_id,
            name=config.name,
            enabled=config.enabled,
            state=CameraState.CONNECTING,
            since_us=0,
        )
        return self.cameras.setdefault(config.camera_id, status)

    async def remove_camera(self, camera_id: str) -> None:
        """Forget a camera."""
        del self.cameras[camera_id], self.configs[camera_id]


@asynccontextmanager
async def serving(
    recorder: StandingRecorder,
    *,
    socket: Path | None = None,
    tls: ssl.SSLContext | None = None,
    token: str | None = None,
) -> AsyncIterator[int | None]:
    """Let it answer on a Unix socket, or behind TLS on a port of 127.0.0.1 that is yielded."""
    app = make_app(cast("Recorder", recorder), token=token)
    async with _running(app, socket=socket, tls=tls) as port:
        yield port
        recorder.feed.close()


@asynccontextmanager
async def serving_something_else(socket: Path, status: int) -> AsyncIterator[None]:
    """Let a web server that is no recorder answer every request on a Unix socket."""

    async def answer(_: web.Request) -> web.Response:
        return web.Response(text="<html>Welcome</html>", status=status)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    async with _running(app, socket=socket, tls=None):
        yield


@asynccontextmanager
async def _running(
    app: web.Application, *, socket: Path | None, tls: ssl.SSLContext | None
) -> AsyncIterator[int | None]:
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls) if socket is None else web.UnixSite(runner, str(socket))
    await site.start()
    try:
        yield None if socket else runner.addresses[0][1]
    finally:
        await runner.cleanup()
