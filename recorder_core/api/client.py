"""`RecorderClient`: the recorder's API as typed calls, the only door that other programs use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote

import aiohttp

from recorder_core.errors import ErrorCode, RecorderError
from recorder_core.models import (
    CameraConfig,
    CameraStatus,
    Certificate,
    CertificateList,
    Coverage,
    Delivery,
    DeliveryList,
    DeliveryRemoval,
    DeliveryRequest,
    ExportJob,
    ExportList,
    ExportRequest,
    Failure,
    FeedItem,
    Forecast,
    Hold,
    HoldList,
    HoldRelease,
    HoldRequest,
    HoldReview,
    LedgerPage,
    PackageRequest,
    PlacedHold,
    ProbeRequest,
    ProbeResult,
    RecorderStatus,
    Settings,
    StillRequest,
    VolumeCheck,
    VolumeConfig,
)

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncGenerator
    from pathlib import Path

    from recorder_core.json_data import JsonData

_ANSWER_S = 30.0
"""Longest wait for an answer that needs no camera and no export."""

_COPY_S = 6 * 3600.0
"""Longest wait for a copy: a large package to a slow disk."""

_SILENCE_S = 45.0
"""The feed has a heartbeat every 15 s; after three missed ones the recorder counts as gone."""

_LINE_BYTES = 1 << 24
"""Longest line of the feed: the first one holds every camera."""

_UNREADABLE = (ValueError, TypeError, LookupError)
"""What mashumaro raises for an answer that does not fit."""


class RecorderClient:
    """Talks to one recorder.

    Every call raises `RecorderError` with a code: the recorder's own, `RECORDER_UNREACHABLE` for trouble on the way,
    or `VERSION_MISMATCH` for an answer that this version cannot read. Its session is made on first use, on the loop
    that uses it.
    """

    def __init__(
        self,
        *,
        socket: Path | None = None,
        url: str | None = None,
        token: str | None = None,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        """Give either the path of the Unix socket, or an https URL and its token.

        `ssl_context` says which certificates count for `url`; None takes the system's authorities.
        """
        if (socket is None) == (url is None):
            raise ValueError("Give either a socket or an https URL.")
        if url is not None and not url.startswith("https://"):
            raise RecorderError(ErrorCode.BAD_URL, "A recorder on the network is reached by https only.")
        self._socket = socket
        self._base = "http://recorder" if url is None else url.rstrip("/")
        self._headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        self._ssl = ssl_context
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        """Return the client; `close` follows."""
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Close it."""
        await self.close()

    async def close(self) -> None:
        """Close its connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def status(self) -> RecorderStatus:
        """Return the recorder as a whole."""
        return await self._ask(RecorderStatus, "GET", "/v1/status")

    async def apply_settings(self, settings: Settings) -> RecorderStatus:
        """Replace the settings."""
        return await self._ask(RecorderStatus, "PUT", "/v1/settings", settings)

    async def check_volume(self, volume: VolumeConfig) -> VolumeCheck:
        """Ask whether a folder may hold footage; nothing is changed."""
        return await self._ask(VolumeCheck, "POST", "/v1/volumes/check", volume)

    async def probe(self, request: ProbeRequest) -> ProbeResult:
        """Try a camera without saving it."""
        return await self._ask(ProbeResult, "POST", "/v1/probe", request, extra_s=request.timeout_s)

    async def put_camera(self, config: CameraConfig) -> CameraStatus:
        """Add a camera or replace its configuration. The password is always set: None means that there is none."""
        return await self._ask(CameraStatus, "PUT", f"/v1/cameras/{quote(config.camera_id, safe='')}", config)

    async def remove_camera(self, camera_id: str) -> None:
        """Stop recording a camera and forget its configuration; its footage stays."""
        await self._call("DELETE", f"/v1/cameras/{quote(camera_id, safe='')}")

    async def still(self, camera_id: str) -> bytes:
        """Return the newest picture of a camera as a JPEG."""
        return await self._call("GET", f"/v1/cameras/{quote(camera_id, safe='')}/still")

    async def coverage(self, camera_id: str, start_us: int, end_us: int) -> Coverage:
        """Return what is stored of a camera in `[start_us, end_us)`, and what is not."""
        path = f"/v1/cameras/{quote(camera_id, safe='')}/coverage?start_us={start_us:d}&end_us={end_us:d}"
        return await self._ask(Coverage, "GET", path)

    async def export(self, request: ExportRequest) -> ExportJob:
        """Queue a clip."""
        return await self._ask(ExportJob, "POST", "/v1/exports", request)

    async def still_export(self, request: StillRequest) -> ExportJob:
        """Queue a still: the picture that was on screen at a moment."""
        return await self._ask(ExportJob, "POST", "/v1/stills", request)

    async def package(self, request: PackageRequest) -> ExportJob:
        """Queue an evidence package."""
        return await self._ask(ExportJob, "POST", "/v1/packages", request)

    async def exports(self, limit: int = 100) -> list[ExportJob]:
        """Return up to `limit` exports, 1000 at most, the newest first."""
        return (await self._ask(ExportList, "GET", f"/v1/exports?limit={limit:d}")).exports

    async def remove_export(self, export_id: str, actor: str = "") -> ExportJob:
        """Cancel an export that is not done, remove the files of one that is; return it as it is then.

        Refused with `HELD` while a hold covers what it shows.
        """
        path = f"/v1/exports/{quote(export_id, safe='')}?actor={quote(actor, safe='')}"
        return await self._ask(ExportJob, "DELETE", path)

    async def export_job(self, export_id: str, *, wait_s: float = 0) -> ExportJob:
        """Return an export, waiting up to `wait_s` seconds for its end."""
        path = f"/v1/exports/{quote(export_id, safe='')}?wait_s={wait_s:.3f}"
        return await self._ask(ExportJob, "GET", path, extra_s=wait_s)

    async def deliver_export(self, export_id: str, request: DeliveryRequest) -> Delivery:
        """Copy the files of an export that is done into a delivery folder; answered when they lie there."""
        path = f"/v1/exports/{quote(export_id, safe='')}/deliver"
        return await self._ask(Delivery, "POST", path, request, extra_s=_COPY_S)

    async def deliveries(self, *, active: bool = True) -> list[Delivery]:
        """Return the copies, the newest first: those in a folder, or with up to 1000 in all those that went as well."""
        path = f"/v1/deliveries?active={'true' if active else 'false'}"
        return (await self._ask(DeliveryList, "GET", path)).deliveries

    async def remove_delivery(self, delivery_id: str, removal: DeliveryRemoval) -> Delivery:
        """Remove a copy before its time, and return it as it is then: `removing` where its folder is away."""
        return await self._ask(Delivery, "POST", f"/v1/deliveries/{quote(delivery_id, safe='')}/remove", removal)

    async def ledger(self, after: int = 0, limit: int = 1000) -> LedgerPage:
        """Return up to `limit` entries of the ledger, 1000 at most, whose number is above `after`."""
        return await self._ask(LedgerPage, "GET", f"/v1/ledger?after={after:d}&limit={limit:d}")

    async def place_hold(self, request: HoldRequest) -> PlacedHold:
        """Place a hold, or return the one that has the same key."""
        return await self._ask(PlacedHold, "POST", "/v1/holds", request)

    async def holds(self, *, active: bool = True) -> list[Hold]:
        """Return the holds, the newest first: the active ones, or with up to 1000 in all those that are over."""
        return (await self._ask(HoldList, "GET", f"/v1/holds?active={'true' if active else 'false'}")).holds

    async def hold(self, hold_id: str) -> Hold:
        """Return a hold."""
        return await self._ask(Hold, "GET", f"/v1/holds/{quote(hold_id, safe='')}")

    async def review_hold(self, hold_id: str, review: HoldReview) -> Hold:
        """Say that somebody looked at a hold and it stays, and when it is to be looked at again."""
        return await self._ask(Hold, "POST", f"/v1/holds/{quote(hold_id, safe='')}/review", review)

    async def release_hold(self, hold_id: str, release: HoldRelease) -> Hold:
        """Release a hold; what another one covers stays held."""
        return await self._ask(Hold, "POST", f"/v1/holds/{quote(hold_id, safe='')}/release", release)

    async def forecast(self, camera_id: str, start_us: int, end_us: int) -> Forecast:
        """Say when footage of `[start_us, end_us)`, stored or still to come, will go if nothing changes."""
        path = f"/v1/cameras/{quote(camera_id, safe='')}/forecast?start_us={start_us:d}&end_us={end_us:d}"
        return await self._ask(Forecast, "GET", path)

    async def certificates(self, camera_id: str | None = None, after: int = 0, limit: int = 1000) -> list[Certificate]:
        """Return up to `limit` certificates, 1000 at most, numbered above `after`; of one camera or of all."""
        which = "" if camera_id is None else f"&camera_id={quote(camera_id, safe='')}"
        found = await self._ask(CertificateList, "GET", f"/v1/certificates?after={after:d}&limit={limit:d}{which}")
        return found.certificates

    async def confirm_clock(self) -> RecorderStatus:
        """Say that the recorder's clock is right, so that footage is deleted by age again."""
        return await self._ask(RecorderStatus, "POST", "/v1/retention/confirm-clock")

    async def shutdown(self) -> None:
        """End the recorder, its supervisor included."""
        await self._call("POST", "/v1/shutdown")

    async def feed(self, after: int | None = None) -> AsyncGenerator[FeedItem]:
        """Follow the recorder: its status, the events numbered above `after`, then all that changes.

        Without `after` no stored event comes, only what happens from now on.
        Heartbeats stay inside. It ends only with a `RecorderError`; who follows asks again with the last `seq` seen.
        """
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=_ANSWER_S, sock_read=_SILENCE_S)
        query = "" if after is None else f"?after={after:d}"
        try:
            async with self._opened().get(f"{self._base}/v1/feed{query}", timeout=timeout) as response:
                if response.status >= 400:
                    raise _failure(response.status, await response.read())
                async for line in response.content:
                    item = _read(FeedItem, line)
                    if item != FeedItem():
                        yield item
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise _unreachable(error) from error
        raise RecorderError(ErrorCode.RECORDER_UNREACHABLE, "The recorder ended the feed.")

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector: aiohttp.BaseConnector
            if self._socket is not None:
                connector = aiohttp.UnixConnector(path=str(self._socket))
            else:
                connector = aiohttp.TCPConnector(ssl=self._ssl if self._ssl is not None else True)
            self._session = aiohttp.ClientSession(
                connector=connector, headers=self._headers, read_bufsize=_LINE_BYTES, trust_env=False
            )
        return self._session

    async def _ask[T: JsonData](
        self, model: type[T], method: str, path: str, body: JsonData | None = None, *, extra_s: float = 0
    ) -> T:
        return _read(model, await self._call(method, path, body, extra_s=extra_s))

    async def _call(self, method: str, path: str, body: JsonData | None = None, *, extra_s: float = 0) -> bytes:
        options: dict[str, Any] = {}  # Any: the keyword arguments of aiohttp
        if body is not None:
            options = {"data": body.to_jsonb(), "headers": {"Content-Type": "application/json"}}
        timeout = aiohttp.ClientTimeout(total=_ANSWER_S + extra_s)
        try:
            async with self._opened().request(method, f"{self._base}{path}", timeout=timeout, **options) as response:
                answer = await response.read()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise _unreachable(error) from error
        if response.status >= 400:
            raise _failure(response.status, answer)
        return answer


def _unreachable(error: Exception) -> RecorderError:
    return RecorderError(
        ErrorCode.RECORDER_UNREACHABLE,
        f"The recorder does not answer ({type(error).__name__}).",
        reason=type(error).__name__,
    )


def _read[T: JsonData](model: type[T], data: bytes) -> T:
    try:
        return model.from_json(data)
    except _UNREADABLE as error:
        raise RecorderError(
            ErrorCode.VERSION_MISMATCH, "The recorder answered in a way that this version does not know."
        ) from error


def _failure(status: int, data: bytes) -> RecorderError:
    """Return the recorder's own error; an answer that is none came from something else on that address."""
    try:
        problem = Failure.from_json(data).error
    except _UNREADABLE:
        sentence = f"Something that is no recorder answered, with HTTP status {status}."
        return RecorderError(ErrorCode.RECORDER_UNREACHABLE, sentence, reason=status)
    return RecorderError(problem.code, problem.message, **problem.placeholders)
