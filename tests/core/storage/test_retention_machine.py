"""Holds, readings and deletions in any order leave exactly what a plain list of segments says (invariants 2 and 3)."""

from __future__ import annotations

import json
import shutil
import tempfile
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from hypothesis import settings, strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, precondition, rule

from recorder_core.models import Certificate, DeletionRule, HoldRequest, HoldReview, HoldState, LedgerKind
from recorder_core.storage.ids import segment_path
from recorder_core.storage.index import Index
from recorder_core.storage.records import FragmentSpan, Run, Segment, Volume

from .store import T0, ManualClock

_CAMERAS = ("entrance", "lobby")
_VOLUMES = ("north", "south")
_EVER = 1 << 60

_camera = st.sampled_from(_CAMERAS)
_moment = st.integers(0, 40)
_limit = st.integers(1, 4)
_bytes = st.integers(0, 3000)


@dataclass(frozen=True, slots=True)
class _Kept:
    """A hold or a reading."""

    cameras: frozenset[str]
    start_us: int
    end_us: int


class Retention(RuleBasedStateMachine):
    """The index beside a list of segments; times are microseconds since T0, so each boundary is met often."""

    holds: Bundle[str] = Bundle("holds")
    readings: Bundle[int] = Bundle("readings")

    def __init__(self) -> None:
        """Open an empty index with two cameras and two volumes."""
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.index = Index.open(self.folder / "index.sqlite3", ManualClock())
        self.segments: list[Segment] = []
        self.kept: dict[str | int, _Kept] = {}
        self.certificates: list[Certificate] = []
        self.garbage: set[int] = set()
        self.number = 0

    @initialize()
    def furnish(self) -> None:
        """Put what segments refer to."""
        for volume_id in _VOLUMES:
            self.index.put_volume(Volume(volume_id, self.folder / volume_id))
        for camera_id in _CAMERAS:
            self.index.put_camera(camera_id, camera_id)
            self.index.begin_run(Run(f"run-{camera_id}", camera_id, T0, "rtsp", "h264", 16, 16))

    def teardown(self) -> None:
        """Look once more, and close it."""
        self.look_at_all()
        self.index.close()
        shutil.rmtree(self.folder)

    @rule(
        camera_id=_camera,
        start=_moment,
        lasts=st.integers(0, 6),
        volume_id=st.sampled_from(_VOLUMES),
        size=st.integers(900, 1100),
    )
    def record(self, camera_id: str, start: int, lasts: int, volume_id: str, size: int) -> None:
        """Add a segment anywhere, also one that overlaps others or has no duration."""
        if any((one.camera_id, one.start_us) == (camera_id, T0 + start) for one in self.segments):
            return  # which of two that begin together is older is nobody's to say
        self.number += 1
        segment = Segment(
            segment_id=self.number,
            camera_id=camera_id,
            run_id=f"run-{camera_id}",
            volume_id=volume_id,
            path=segment_path(camera_id, T0 + start, self.number),
            start_us=T0 + start,
            wall_duration_us=lasts,
            media_duration=1,
            size=size,
            root=sha256(b"%d" % self.number).digest(),
            fragments=(FragmentSpan(800, size - 800, 1, sync=True),),
            samples=1,
        )
        self.index.file_closed(segment)
        self.segments.append(segment)

    @rule(
        target=holds,
        camera_ids=st.sets(_camera, min_size=1),
        start=_moment,
        lasts=st.none() | st.integers(1, 8),
        rolls=st.tuples(st.integers(0, 3), st.integers(0, 3)),
    )
    def place(self, camera_ids: set[str], start: int, lasts: int | None, rolls: tuple[int, int]) -> str:
        """Hold an interval, with a pre-roll and post-roll of microseconds."""
        self.number += 1
        hold_id = f"hold-{self.number}"
        request = HoldRequest(
            camera_ids=sorted(camera_ids),
            start_us=T0 + start,
            end_us=None if lasts is None else T0 + start + lasts,
            pre_roll_s=rolls[0] / 1e6,
            post_roll_s=rolls[1] / 1e6,
        )
        self.index.place_hold(request, hold_id=hold_id, now_us=T0)
        end_us = _EVER if lasts is None else T0 + start + lasts + rolls[1]
        self.kept[hold_id] = _Kept(frozenset(camera_ids), T0 + start - rolls[0], end_us)
        return hold_id

    @rule(hold_id=holds, next_review=st.none() | _moment)
    def review(self, hold_id: str, next_review: int | None) -> None:
        """Look at a hold, which frees nothing and keeps no more."""
        review = HoldReview(review_us=None if next_review is None else T0 + next_review)
        self.index.review_hold(hold_id, review, now_us=0)

    @rule(hold_id=consumes(holds), state=st.sampled_from([HoldState.RELEASED, HoldState.EXPIRED]))
    def end_hold(self, hold_id: str, state: HoldState) -> None:
        """Free what no other hold covers."""
        self.index.end_hold(hold_id, state=state, actor="", now_us=T0)
        del self.kept[hold_id]

    @rule(target=readings, camera_id=_camera, start=_moment, lasts=st.integers(1, 8))
    def begin_reading(self, camera_id: str, start: int, lasts: int) -> int:
        """Read an interval."""
        reading_id = self.index.begin_reading(camera_id, T0 + start, T0 + start + lasts)
        self.kept[reading_id] = _Kept(frozenset([camera_id]), T0 + start, T0 + start + lasts)
        return reading_id

    @rule(reading_id=consumes(readings))
    def end_reading(self, reading_id: int) -> None:
        """Twice is as once."""
        self.index.end_reading(reading_id)
        self.index.end_reading(reading_id)
        del self.kept[reading_id]

    @precondition(lambda self: self.segments)
    @rule(camera_id=_camera, before=_moment, most=st.none() | _bytes, limit=_limit)
    def condemn_by_age(self, camera_id: str, before: int, most: int | None, limit: int) -> None:
        """The oldest unbroken stretch before a moment goes, and nothing else."""
        certificate = self.index.condemn_oldest(
            camera_id,
            before_us=T0 + before,
            max_bytes=most,
            rule=DeletionRule.AGE,
            policy_version="1",
            now_us=T0,
            limit=limit,
        )
        self._expect_one(certificate, camera_id, T0 + before, most, limit)

    @precondition(lambda self: self.segments)
    @rule(camera_id=_camera, most=_bytes, limit=_limit)
    def condemn_by_quota(self, camera_id: str, most: int, limit: int) -> None:
        """The oldest unbroken stretch goes until there is enough."""
        certificate = self.index.condemn_oldest(
            camera_id,
            before_us=None,
            max_bytes=most,
            rule=DeletionRule.QUOTA,
            policy_version="1",
            now_us=T0,
            limit=limit,
        )
        self._expect_one(certificate, camera_id, _EVER, most, limit)

    @precondition(lambda self: self.segments)
    @rule(volume_id=st.sampled_from(_VOLUMES), wanted=_bytes, limit=_limit)
    def condemn_by_space(self, volume_id: str, wanted: int, limit: int) -> None:
        """The oldest of all cameras on a volume go, and of no other volume."""
        certificates = self.index.condemn_oldest_on(volume_id, wanted, policy_version="1", now_us=T0, limit=limit)
        free = [one for camera_id in _CAMERAS for one in self._free(camera_id, _EVER) if one.volume_id == volume_id]
        gone = _gathered(sorted(free, key=lambda one: (one.start_us, one.camera_id)), wanted, limit)
        expected = []
        for camera_id in _CAMERAS:
            of_camera = [one for one in gone if one.camera_id == camera_id]
            while of_camera:
                stretch = self._stretch(of_camera)
                expected.append(stretch)
                of_camera = of_camera[len(stretch) :]
        assert len(certificates) == len(expected)
        for certificate, stretch in zip(certificates, expected, strict=True):
            self._go(certificate, stretch)

    @rule(camera_id=_camera, start=_moment, lasts=st.integers(1, 20))
    def look(self, camera_id: str, start: int, lasts: int) -> None:
        """Ask for what is held, what may go and what an interval has."""
        start_us, end_us = T0 + start, T0 + start + lasts
        mine = [one for one in self.segments if one.camera_id == camera_id]
        assert self.index.held_bytes(camera_id) == sum(one.size for one in mine if self._is_kept(one, str))
        assert self.index.held(camera_id, start_us, end_us) == any(
            camera_id in one.cameras and one.start_us < end_us and one.end_us > start_us
            for name, one in self.kept.items()
            if isinstance(name, str)
        )
        inside = [one for one in mine if one.start_us < end_us and max(one.end_us, one.start_us + 1) > start_us]
        moments = {at for one in inside for at in range(max(one.start_us, start_us), min(one.end_us, end_us))}
        assert self.index.footage_in(camera_id, start_us, end_us) == (sum(one.size for one in inside), len(moments))
        oldest = self.index.oldest_unheld(camera_id)
        first = next(iter(self._free(camera_id, _EVER, str)), None)
        assert (oldest is None) == (first is None)
        if oldest is not None and first is not None:
            expected = (first.start_us, first.end_us, first.size, first.volume_id)
            assert (oldest.start_us, oldest.end_us, oldest.size, oldest.volume_id) == expected

    @rule()
    def look_at_all(self) -> None:
        """Only what was to go is gone, and each file of it is still to be unlinked."""
        volumes = [(list(self.index.all_segments(one)), self.index.garbage(one)) for one in _VOLUMES]
        assert {one.segment_id for stored, _ in volumes for one in stored} == {one.segment_id for one in self.segments}
        assert {one.segment_id for _, garbage in volumes for one in garbage} == self.garbage
        assert self.index.certificates(None, 0, 1000) == self.certificates
        held = [all(self._is_kept(one, str) for one in self.segments if one.volume_id == each) for each in _VOLUMES]
        assert [self.index.all_held(each) for each in _VOLUMES] == held

    def _is_kept(self, segment: Segment, *kinds: type) -> bool:
        """Whether a microsecond of it is held (its name is a text) or read (a number)."""
        taken = range(segment.start_us, max(segment.end_us, segment.start_us + 1))
        return any(
            segment.camera_id in one.cameras and any(one.start_us <= moment < one.end_us for moment in taken)
            for name, one in self.kept.items()
            if isinstance(name, kinds)
        )

    def _free(self, camera_id: str, before_us: int, *kinds: type) -> list[Segment]:
        """What may go, the oldest first; with one of the kinds, what only that would keep."""
        free = [
            one
            for one in self.segments
            if one.camera_id == camera_id
            and max(one.end_us, one.start_us + 1) <= before_us
            and not self._is_kept(one, *kinds or (str, int))
        ]
        return sorted(free, key=lambda one: one.start_us)

    def _stretch(self, chosen: list[Segment]) -> list[Segment]:
        """The first of `chosen` up to where a segment of the camera that is not among them begins in between."""
        stretch = chosen[:1]
        for segment in chosen[1:]:
            between = [
                one
                for one in self.segments
                if one.camera_id == segment.camera_id and stretch[-1].start_us < one.start_us < segment.start_us
            ]
            if between:
                break
            stretch.append(segment)
        return stretch

    def _expect_one(
        self, certificate: Certificate | None, camera_id: str, before_us: int, most: int | None, limit: int
    ) -> None:
        stretch = _gathered(self._stretch(self._free(camera_id, before_us)), most, limit)
        if certificate is None:
            assert stretch == []
        else:
            self._go(certificate, stretch)

    def _go(self, certificate: Certificate, stretch: list[Segment]) -> None:
        """Hold a certificate, its entry in the ledger and its place in the list against what was to go."""
        assert (certificate.start_us, certificate.end_us) == (
            stretch[0].start_us,
            max(one.end_us for one in stretch),
        )
        assert (certificate.records, certificate.size) == (len(stretch), sum(one.size for one in stretch))
        assert certificate.digest == sha256(b"".join(one.root for one in stretch)).hexdigest()
        bodies = [json.loads(one.body) for one in self.index.ledger(0, 1000).entries if one.kind is LedgerKind.DELETED]
        self.certificates.append(certificate)
        assert bodies[len(self.certificates) - 1] == certificate.to_dict()
        self.segments = [one for one in self.segments if one not in stretch]
        self.garbage |= {one.segment_id for one in stretch}


def _gathered(segments: list[Segment], most: int | None, limit: int) -> list[Segment]:
    gathered: list[Segment] = []
    for segment in segments[:limit]:
        if most is not None and sum(one.size for one in gathered) >= most:
            break
        gathered.append(segment)
    return gathered


TestRetention = Retention.TestCase
TestRetention.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
