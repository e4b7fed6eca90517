"""What a library asks of a recorder while it records: holds placed and released, exports, copies of them, settings.

It goes on over many lives of recorders on one store, each of which may end at any moment. What was asked for and not
confirmed is asked for again, with the same key.
"""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Final

from recorder_core.errors import ErrorCode, RecorderError
from recorder_core.models import (
    CameraConfig,
    DeliveryRemoval,
    DeliveryRequest,
    DeliveryState,
    ExportJob,
    ExportRequest,
    ExportState,
    HoldRelease,
    HoldRequest,
    HoldReview,
    PackageRequest,
    Retention,
    StartMode,
    StillFormat,
    StillRequest,
)

from .scene import DESK, QUICK, settings
from .stage import now_us

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Generator, Iterator
    from random import Random

    from recorder_core.api.client import RecorderClient

    from .stage import Stage

RETENTION: Final = Retention(quota_bytes=1_200_000)
"""About nine seconds of a camera's footage, beside what is held."""

HURRIED: Final = QUICK | {
    "recorder_core.service.index_backups:EVERY_S": 2.0,
    "recorder_core.service.ledger:HOUR_US": 2_000_000,
    "recorder_core.service.exporting:_LOOK_S": 1.0,
    "recorder_core.service.deliveries:_LOOK_S": 1.0,
}
"""Constants of the recorder, so that all that it does in an hour is done in a few seconds."""

_EXPORTS: Final = Retention(quota_bytes=3_000_000)
_HELD_BEFORE_US: Final = 3_000_000
_HELD_AFTER_US: Final = 1_000_000
_STILL_THERE_US: Final = 5_000_000
"""What is that old is still there, however many lives were cut short since."""

_NEXT_REVIEW_US: Final = 3_600_000_000

_MOST_HOLDS: Final = 2
_MOST_COPIES: Final = 2
_FOREVER: Final = 6
"""One hold in so many stays to the end."""

_PAUSE_S: Final = 0.3
_BETWEEN_HOLDS_S: Final = 1.5
_WAIT_S: Final = 20.0
_SPARE: Final = "spare"

_MAY_HAPPEN: Final = frozenset(
    {
        *(ErrorCode.NO_FOOTAGE, ErrorCode.HELD, ErrorCode.UNKNOWN_EXPORT, ErrorCode.HOLD_OVER),
        *(ErrorCode.INTERVAL_FUTURE, ErrorCode.EXPORT_NOT_DONE, ErrorCode.EXPORT_DAMAGED),
    }
)


@dataclass(slots=True)
class Bustle:
    """Whoever asks for all that, on one store."""

    stage: Stage
    cameras: list[str]
    random: Random
    wrong: list[str]
    asked: dict[str, HoldRequest] = field(default_factory=dict)
    placed: dict[str, str] = field(default_factory=dict)
    released: dict[str, str] = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    async def go_on(self, client: RecorderClient) -> None:
        """Ask for all of it again and again until the recorder is gone, or this is cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for act in (self._hold, self._export, self._deliver, self._configure):
                tasks.create_task(self._again_and_again(act, client))

    async def _again_and_again(self, act: Callable[[RecorderClient], Awaitable[None]], client: RecorderClient) -> None:
        while True:
            try:
                await act(client)
            except RecorderError as error:
                if error.code is ErrorCode.RECORDER_UNREACHABLE:
                    return
                if error.code not in _MAY_HAPPEN:
                    self.wrong.append(f"{act.__name__} was refused: {error.code}: {error.message}")
            await asyncio.sleep(_PAUSE_S)

    async def _hold(self, client: RecorderClient) -> None:
        """Place what was not confirmed, then one more, review one, and release one."""
        key = f"hold-{next(self._numbers)}"
        self.asked[key] = self._request(key)
        for key, request in list(self.asked.items()):
            answer = await client.place_hold(request)
            del self.asked[key]
            if request.start_us > now_us() - _STILL_THERE_US:
                self.placed[key] = answer.hold.hold_id
                self.stage.hold_placed(key, request.camera_ids, request.start_us, request.end_us)
            else:
                self.released[key] = answer.hold.hold_id
        if self.placed:
            reviewed = self.placed[self.random.choice(list(self.placed))]
            await client.review_hold(reviewed, HoldReview(review_us=now_us() + _NEXT_REVIEW_US, actor="somebody"))
        ending = [key for key in self.placed if int(key.rpartition("-")[2]) % _FOREVER]
        if len(ending) > _MOST_HOLDS:
            key = self.random.choice(ending)
            self.stage.hold_released(key)
            self.released[key] = self.placed.pop(key)
        for key, hold_id in list(self.released.items()):
            with _unless(ErrorCode.HOLD_OVER):  # an answer that nobody heard
                await client.release_hold(hold_id, HoldRelease(actor="somebody"))
            del self.released[key]
        await asyncio.sleep(_BETWEEN_HOLDS_S)

    def _request(self, key: str) -> HoldRequest:
        cameras = self.random.sample(self.cameras, self.random.randint(1, len(self.cameras)))
        at_us = now_us()
        return HoldRequest(camera_ids=cameras, start_us=at_us - _HELD_BEFORE_US, end_us=at_us + _HELD_AFTER_US, key=key)

    async def _export(self, client: RecorderClient) -> None:
        """Have a clip, a still and a package made, break off more of them, and remove one of the exports."""
        jobs = await client.exports()
        done = [job for job in jobs if job.state is ExportState.DONE]
        unfinished = [job for job in jobs if job.state in (ExportState.QUEUED, ExportState.RUNNING)]
        if unfinished:
            await client.export_job(unfinished[0].export_id, wait_s=_WAIT_S)
            return
        end_us = now_us() - 500_000
        start_us = end_us - 3_000_000
        camera = self.random.choice(self.cameras)
        clip = ExportRequest(camera_id=camera, start_us=start_us, end_us=end_us)
        mode = StartMode.REENCODE_FIRST_GOP
        package = PackageRequest(camera_ids=self.cameras[:2], start_us=start_us, end_us=end_us, start_mode=mode)
        asked = (
            client.export(clip),
            client.package(package),
            client.still_export(StillRequest(camera_id=camera, at_us=end_us - 500_000, format=StillFormat.JPEG)),
        )
        answers = await asyncio.gather(*asked, return_exceptions=True)
        for answer in answers:
            if isinstance(answer, ExportJob):
                await client.export_job(answer.export_id, wait_s=_WAIT_S)
            elif not isinstance(answer, RecorderError) or answer.code is not ErrorCode.NO_FOOTAGE:
                raise answer
        await client.remove_export((await client.package(package)).export_id, actor="somebody")
        await client.remove_export((await client.export(clip)).export_id, actor="somebody")
        if done:
            await client.remove_export(self.random.choice(done).export_id, actor="somebody")

    async def _deliver(self, client: RecorderClient) -> None:
        """Have the newest export copied, which may go meanwhile, and remove the oldest copy once there are some."""
        done = [job for job in await client.exports() if job.state is ExportState.DONE]
        if done:
            await client.deliver_export(done[0].export_id, DeliveryRequest(folder=DESK, actor="somebody"))
        copies = [copy for copy in await client.deliveries() if copy.state is DeliveryState.DELIVERED]
        if len(copies) > _MOST_COPIES:
            await client.remove_delivery(copies[-1].delivery_id, DeliveryRemoval(actor="somebody"))

    async def _configure(self, client: RecorderClient) -> None:
        """Change the policy's version, and add and remove a camera."""
        version = str(next(self._numbers))
        await client.apply_settings(settings(self.stage, exports=_EXPORTS, policy_version=version))
        await client.put_camera(CameraConfig(camera_id=_SPARE, name=_SPARE, url="rtsp://127.0.0.1:9/", enabled=False))
        await client.remove_camera(_SPARE)
        await asyncio.sleep(1)


@contextmanager
def _unless(code: ErrorCode) -> Generator[None]:
    """Let an answer of that code pass."""
    try:
        yield
    except RecorderError as error:
        if error.code is not code:
            raise
