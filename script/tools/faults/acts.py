"""The ways in which recorders live while they are ended at every step: with nothing, with much, with what is broken.

Each goes on, life after life, on the store that the one before it left, however that ended.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Final, Protocol

from recorder_core.errors import ErrorCode, RecorderError
from recorder_core.models import (
    DeliveryRequest,
    DeliveryState,
    ExportRequest,
    ExportState,
    HoldRequest,
    HoldState,
    PackageRequest,
)

from .bustle import HURRIED, RETENTION, Bustle
from .claimed import by_id, rows
from .crash import Crash
from .databases import DAMAGES, do_damage, start_until_read
from .kills import bustle_for, settle, take
from .planted import plant
from .result import Cost
from .running import GoneError, RecorderProcess
from .scene import DESK, Scene, configure, place_hold, recording, set_up, until
from .stage import Stage, now_us

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from recorder_core.api.client import RecorderClient

    from .result import Ground, Result
    from .running import Cameras, Plan
    from .sent import SentFrame

type Sent = dict[str, list[SentFrame]]

_BUSY_S: Final = 9.0
_BUSY_SHORT_S: Final = 5.0
_RECORDED_S: Final = 1.5
_SMALL: Final = 3_000_000
_AWAY_S: Final = 1.5
_COPIES: Final = 2
_BRIEF_US: Final = 1_000_000
_LOOK_S: Final = 0.1
_RARELY_COPIED: Final = {name: value for name, value in HURRIED.items() if "index_backups" not in name}
"""So that an index that is put back does not know of what came later."""

_TORN_END: Final = b"\0\0\1\0moof"
"""What a write that was cut short may leave: the beginning of a box."""


class Act(Protocol):
    """One way in which recorders live."""

    name: ClassVar[str]
    cut: ClassVar[Crash | None]
    """Where one of its lives is to end before another one is watched, which then cleans up after it."""

    async def live(self, plan: Plan, died: Path) -> None:
        """Let a recorder live by a plan until it is gone or has done all; `died` is where it says when it ended."""
        ...

    async def settle(self) -> None:
        """Bring the stores to an end, with recorders that are left in peace."""
        ...

    def judge(self, sent: Sent, result: Result) -> None:
        """Have the checker judge the stores."""
        ...


@dataclass
class Busy:
    """A recorder with much to do."""

    ground: Ground
    cameras: Cameras
    wrong: list[str]
    name: ClassVar[str] = "busy"
    cut: ClassVar[Crash | None] = Crash("export/package/write.write_package:mkdir", "after", 1)

    def __post_init__(self) -> None:
        """Begin with an empty store."""
        self.stage = Stage(self.ground.folder / "busy")
        self._bustle = Bustle(self.stage, list(self.cameras.urls), self.ground.random, self.wrong)

    async def live(self, plan: Plan, died: Path) -> None:
        """Record, and ask for all that can be asked for.

        The first life is one that nobody watches: what a store sees only once, nobody could meet here again.
        """
        if not self.stage.lives:
            await set_up(self.stage, self.cameras, retention=RETENTION)
            await self._live({}, died)
        await self._live(plan, died)

    async def _live(self, plan: Plan, died: Path) -> None:
        recorder = RecorderProcess(self.stage, {"constants": HURRIED, **plan})
        await while_there(recorder, died, self._be_busy)
        self.stage.note_claims()

    async def _be_busy(self, client: RecorderClient) -> None:
        await until(client, recording)
        await bustle_for(self._bustle, client, _BUSY_SHORT_S if self.ground.short else _BUSY_S)

    async def settle(self) -> None:
        """Record once more."""
        await settle(self.stage)

    def judge(self, sent: Sent, result: Result) -> None:
        """Judge it, and take files away to see whether that is found."""
        take(self.stage, sent, result, "kills at steps")
        plant(self.stage, sent, result)


@dataclass
class First:
    """A recorder that begins with nothing, each on a store of its own: its first footage, hold and signed package."""

    ground: Ground
    cameras: Cameras
    stages: list[Stage] = field(default_factory=list)
    name: ClassVar[str] = "first"
    cut: ClassVar[Crash | None] = None

    async def live(self, plan: Plan, died: Path) -> None:
        """Set it up, record for a moment and use that; if that was cut short, somebody does it again."""
        stage = Stage(self.ground.folder / f"first-{len(self.stages)}")
        self.stages.append(stage)
        begin = partial(self._begin, stage)
        await while_there(RecorderProcess(stage, {"constants": HURRIED, **plan}), died, begin)
        if has_died(died):
            stage.note_claims()
            recorder = RecorderProcess(stage)
            async with recorder.client() as client:
                await begin(client)
            recorder.stop()
        stage.note_claims()

    async def _begin(self, stage: Stage, client: RecorderClient) -> None:
        await configure(client, stage, self.cameras)
        await until(client, recording)
        await asyncio.sleep(_RECORDED_S)
        end_us = now_us() - 500_000
        start_us, cameras = end_us - 1_000_000, list(self.cameras.urls)
        await place_hold(stage, client, f"hold-{end_us}", cameras, start_us, end_us)
        package = await client.package(PackageRequest(camera_ids=cameras, start_us=start_us, end_us=end_us))
        await client.export_job(package.export_id, wait_s=20)

    async def settle(self) -> None:
        """They were stopped already."""

    def judge(self, sent: Sent, result: Result) -> None:
        """Judge each by what was sent while it was there."""
        for stage in self.stages:
            judge_part(stage, sent, result)


@dataclass
class Torn:
    """A recorder that was killed, with files that are torn, empty and gone.

    Then packets of a camera are lost, and the volume goes away for a moment.
    """

    ground: Ground
    cameras: Cameras
    name: ClassVar[str] = "torn"
    cut: ClassVar[Crash | None] = None

    def __post_init__(self) -> None:
        """Begin with an empty store."""
        self.stage = Stage(self.ground.folder / "torn")

    async def live(self, plan: Plan, died: Path) -> None:
        """Leave open files behind, break them, and let the next recorder live with that."""
        if not self.stage.lives:
            await set_up(self.stage, self.cameras)
        killed = RecorderProcess(self.stage, {"constants": HURRIED})
        async with killed.client() as client:
            await until(client, recording)
            await asyncio.sleep(_RECORDED_S)
        killed.kill()
        self.stage.note_claims()
        self._tear()
        recorder = RecorderProcess(self.stage, {"constants": HURRIED, **plan})
        await while_there(recorder, died, partial(self._lose_volume, recorder))
        self.stage.note_claims()

    def _tear(self) -> None:
        """Break the files of what was open: what a power cut can do to them."""
        claimed = rows(self.stage.index)
        left = [path for segment_id, path in by_id(self.stage.volumes).items() if segment_id not in claimed]
        for number, path in enumerate(left):
            match number % 3:
                case 0:
                    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
                case 1:
                    path.write_bytes(b"")
                case _:
                    path.unlink()

    async def _lose_volume(self, recorder: RecorderProcess, client: RecorderClient) -> None:
        await until(client, recording)
        self.cameras.tell("cam0", "skip_packets")
        (volume,) = self.stage.volumes
        aside = volume.with_name("aside")
        with Scene(self.stage, self.cameras, recorder, client).away():
            volume.rename(aside)
            try:
                await until(client, lambda status: not recording(status))
                await asyncio.sleep(_AWAY_S)
            finally:
                aside.rename(volume)
            await until(client, recording)
        await asyncio.sleep(_RECORDED_S)

    async def settle(self) -> None:
        """Record once more."""
        await settle(self.stage)

    def judge(self, sent: Sent, result: Result) -> None:
        """Judge all but the loss: footage was destroyed on purpose."""
        judge_part(self.stage, sent, result, Cost.ANY)


@dataclass
class Small:
    """A recorder whose share of the disk is used up."""

    ground: Ground
    cameras: Cameras
    name: ClassVar[str] = "small"
    cut: ClassVar[Crash | None] = None

    def __post_init__(self) -> None:
        """Begin with an empty store."""
        self.stage = Stage(self.ground.folder / "small")

    async def live(self, plan: Plan, died: Path) -> None:
        """Record until something has to go, a hold whose time is over among it."""
        if not self.stage.lives:
            await set_up(self.stage, self.cameras, max_bytes=_SMALL)
        recorder = RecorderProcess(self.stage, {"constants": HURRIED, **plan})
        await while_there(recorder, died, self._until_something_goes)
        self.stage.note_claims()

    async def _until_something_goes(self, client: RecorderClient) -> None:
        await client.confirm_clock()  # where nothing disciplines it, no time is over
        await until(client, recording)
        at_us = now_us()
        # It is in no log of what must stay: that is known of the others, which somebody releases.
        brief = HoldRequest(camera_ids=["cam0"], start_us=at_us - 500_000, end_us=at_us, expires_us=at_us + _BRIEF_US)
        placed = await client.place_hold(brief)
        before = await client.certificates()
        last = before[-1].certificate_id if before else 0
        async with asyncio.timeout(60):
            while not await client.certificates(after=last):  # noqa: ASYNC110  # it is another process that changes
                await asyncio.sleep(_LOOK_S)
            while (await client.hold(placed.hold.hold_id)).state is HoldState.ACTIVE:  # noqa: ASYNC110  # so it is here
                await asyncio.sleep(_LOOK_S)

    async def settle(self) -> None:
        """Record once more."""
        await settle(self.stage)

    def judge(self, sent: Sent, result: Result) -> None:
        """Judge it."""
        judge_part(self.stage, sent, result)


@dataclass
class Mended:
    """A recorder whose index was damaged."""

    ground: Ground
    cameras: Cameras
    name: ClassVar[str] = "mended"
    cut: ClassVar[Crash | None] = None

    def __post_init__(self) -> None:
        """Begin with an empty store."""
        self.stage = Stage(self.ground.folder / self.name)

    async def live(self, plan: Plan, died: Path) -> None:
        """Record something, damage the index, and let the next recorders mend it."""
        if not self.stage.lives:
            await set_up(self.stage, self.cameras)
        await self._record()
        self._damage()
        (await start_until_read(self.stage, {"constants": _RARELY_COPIED, **plan})).finish(died)

    async def _record(self) -> None:
        """Have everything mended, and something recorded that no copy of the index knows of."""
        recorder = await start_until_read(self.stage, {"constants": _RARELY_COPIED})
        async with recorder.client() as client:
            await until(client, recording)
            await self._do_more(client)
        recorder.kill()
        self.stage.note_claims()

    async def _do_more(self, client: RecorderClient) -> None:
        """Place a hold, which the index that takes this one's place may not know."""
        await asyncio.sleep(_RECORDED_S)
        at_us = now_us()
        await place_hold(self.stage, client, f"hold-{at_us}", list(self.cameras.urls), at_us - 1_000_000, at_us)

    def _damage(self) -> None:
        do_damage(self.stage, self.ground.random.choice(DAMAGES), self.ground.random)

    async def settle(self) -> None:
        """Have everything mended."""
        await self._record()
        recorder = await start_until_read(self.stage)
        recorder.stop()
        self.stage.note_claims()

    def judge(self, sent: Sent, result: Result) -> None:
        """Judge it."""
        judge_part(self.stage, sent, result)


@dataclass
class Lost(Mended):
    """A recorder whose index is gone, with all its copies; there are holds, and an export that was delivered."""

    name: ClassVar[str] = "lost"

    async def live(self, plan: Plan, died: Path) -> None:
        """Live as one whose index was damaged does, until the copies that were delivered are found again as well."""
        if not self.stage.lives:
            await set_up(self.stage, self.cameras)
        await self._record()
        self._damage()
        recorder = await start_until_read(self.stage, {"constants": _RARELY_COPIED, **plan})
        await while_there(recorder, died, self._until_found)

    async def _until_found(self, client: RecorderClient) -> None:
        """Wait until the copy that is whole is known, and the half one was cleared away."""
        async with asyncio.timeout(60):
            while {copy.state for copy in await client.deliveries(active=False)} != {  # noqa: ASYNC110  # see above
                DeliveryState.DELIVERED,
                DeliveryState.FAILED,
            }:
                await asyncio.sleep(_LOOK_S)

    async def _do_more(self, client: RecorderClient) -> None:
        """Place a hold, and have an export made and delivered, twice."""
        await super()._do_more(client)
        if not await client.exports():
            end_us = now_us() - 500_000
            wanted = ExportRequest(camera_id="cam0", start_us=end_us - 1_000_000, end_us=end_us)
            await client.export_job((await client.export(wanted)).export_id, wait_s=20)
        for job in await client.exports():
            while job.state is ExportState.DONE and len(await client.deliveries()) < _COPIES:
                await client.deliver_export(job.export_id, DeliveryRequest(folder=DESK))

    def _damage(self) -> None:
        """Lose it, leave a torn end on each file that was open, and one of the copies as if it never was whole."""
        for copy in sorted(self.stage.desk.glob("[!.]*"))[1:]:
            copy.rename(copy.with_name(f".{copy.name}"))
        claimed = rows(self.stage.index)
        for segment_id, path in by_id(self.stage.volumes).items():
            if segment_id not in claimed:
                with path.open("ab") as file:
                    file.write(_TORN_END)
        for path in self.stage.data.glob("index.sqlite*"):
            path.unlink()


@dataclass
class Ledger:
    """The command that copies the ledger, of a store that was busy."""

    ground: Ground
    stage: Stage
    name: ClassVar[str] = "ledger"
    cut: ClassVar[Crash | None] = None

    def __post_init__(self) -> None:
        """Begin without a copy."""
        self._copy = self.ground.folder / "ledger.jsonl"
        self._codes: Counter[int] = Counter()

    async def live(self, plan: Plan, died: Path) -> None:
        """Make a copy, and go on with it."""
        del died  # the command ends by itself
        self._copy.unlink(missing_ok=True)
        self._run(plan)
        self._codes[self._run({})] += 1

    def _run(self, plan: Plan) -> int:
        file = self.ground.folder / "plan.json"
        file.write_text(json.dumps(dict(plan)))
        command: list[str | Path] = [sys.executable, "-m", "script.tools.faults.worker", file, "ledger", "export"]
        command += [self._copy, "--data", self.stage.data]
        return subprocess.run(command, check=False, stdout=subprocess.DEVNULL).returncode

    async def settle(self) -> None:
        """It leaves nothing running."""

    def judge(self, sent: Sent, result: Result) -> None:
        """See that every copy could be gone on with."""
        del sent
        if self._codes.keys() - {0}:
            result.wrong.append(f"a copy of the ledger could not be gone on with: {self._codes}")


async def while_there(
    recorder: RecorderProcess, died: Path, doing: Callable[[RecorderClient], Awaitable[None]]
) -> None:
    """Do something with a recorder until it is gone, and stop it if it is not.

    Raises `GoneError` if it ended by itself where it was not to.
    """
    try:
        async with recorder.client() as client:
            await doing(client)
    except (GoneError, RecorderError) as error:
        if isinstance(error, RecorderError) and error.code is not ErrorCode.RECORDER_UNREACHABLE:
            raise
        recorder.finish(died)
        if not has_died(died):
            raise GoneError(f"the recorder ended by itself with {recorder.process.returncode}") from error
    else:
        recorder.finish(died)


def has_died(died: Path) -> bool:
    """Whether a recorder has ended itself where it was to."""
    return died.exists()


def judge_part(stage: Stage, sent: Sent, result: Result, cost: Cost = Cost.KILL) -> None:
    """Judge a store by what was sent while it was there."""
    begin_us, end_us = stage.lives[0].start_us, stage.lives[-1].end_us
    part = {camera: [one for one in frames if begin_us <= one.time_us <= end_us] for camera, frames in sent.items()}
    result.take(stage.judge(part, cost), stage.folder.name, cost)
