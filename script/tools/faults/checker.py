"""Judges what a fault left behind, by the files alone, the log of the frames sent and the log of the holds placed.

Neither this module nor what it uses (`boxes`, `claimed`, `sent`) imports anything of the recorder's, so it shares no
mistake with it.
"""

from __future__ import annotations

import bisect
from collections import defaultdict
from dataclasses import dataclass, field
from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING, Final

from .boxes import read_file
from .claimed import by_id, certificates, copies, delivery_folders, exports, gaps, garbage, holds, rows, sha256

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from .claimed import Certificate, Claim, Claims, Row
    from .sent import Held, SentFrame

LOSS_LIMIT_S: Final = 1.5
"""What a kill may cost: the open fragment of a second, and what was not read yet."""

_SAME_US: Final = 8_000_000
"""A loop's frame recurs after more than twice that, so a stored sample's time says which of its showings it is."""

_LIVED_US: Final = 120_000_000
"""No recorder of a test whose clock steps lives longer."""

_MEETS_US: Final = 50_000
"""Neighbours in the account that are this close leave nothing between them."""

_APART_US: Final = 500_000
"""How far the recorder's time of a frame, which it guesses by arrivals, may be from the camera's own."""

_ACCOUNTED_S: Final = 0.1


@dataclass(frozen=True, slots=True)
class Life:
    """One life of a recorder, from its start to its end in UTC microseconds."""

    start_us: int
    end_us: int


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is judged: an index and volumes whose recorder has stopped cleanly, and what is known of them otherwise.

    `shifts_us` is what the recorder's clock was ahead of the cameras'.
    """

    index: Path
    volumes: Sequence[Path]
    sent: dict[str, list[SentFrame]]
    lives: Sequence[Life]
    claims: Claims
    holds: Sequence[Held] = ()
    shifts_us: Sequence[int] = (0,)


@dataclass(slots=True)
class Verdict:
    """What the files say.

    `strays` are files of which the index knows nothing, `unlike_row` segments whose file is not as large as their row
    says, `altered` counts samples that are not as their digest says, `unknown` those that no camera ever sent.
    `unaccounted_s` is time of cameras in no segment, no gap and no certificate. `exports_broken` are exports that are
    called done and are not there as they were made, and folders of exports that are not done; `copies_broken` the same
    of copies in delivery folders; `holds_lost` holds that were confirmed and that the index does not know as active,
    though nobody released them. `deleted` are claimed segments for which there is a certificate, `closed_segments_lost`
    those that are gone or changed without one.

    `max_loss_s` is from the first to the last frame of the longest piece that was sent in one life of the recorder and
    that no file holds, though no certificate speaks of it or a hold covers it. `held_bytes_deleted` adds up segments
    that went while a hold was on them, and frames under a hold in pieces that are too long to be a crash's cost.
    """

    frames_sent: int = 0
    frames_stored: int = 0
    duplicated: int = 0
    unknown: int = 0
    altered: int = 0
    torn: int = 0
    strays: int = 0
    unlike_row: int = 0
    exports_broken: int = 0
    copies_broken: int = 0
    holds_lost: int = 0
    deleted: int = 0
    closed_segments_lost: int = 0
    held_bytes_deleted: int = 0
    max_loss_s: float = 0.0
    unaccounted_s: float = 0.0

    @property
    def is_good(self) -> bool:
        """Whether nothing is wrong but for the loss, whose bound depends on the fault."""
        wrong = (
            *(self.unknown, self.altered, self.torn, self.strays, self.unlike_row),
            *(
                self.exports_broken,
                self.copies_broken,
                self.holds_lost,
                self.closed_segments_lost,
                self.held_bytes_deleted,
            ),
        )
        return not any(wrong) and self.unaccounted_s < _ACCOUNTED_S


def judge(evidence: Evidence, *, loss_limit_s: float = LOSS_LIMIT_S) -> Verdict:
    """Judge a store; `loss_limit_s` is what the fault may cost in one piece."""
    return _Judge(evidence, loss_limit_s).judge()


@dataclass(slots=True)
class _Judge:
    """One judgement on its way."""

    evidence: Evidence
    loss_limit_s: float
    verdict: Verdict = field(default_factory=Verdict)
    rows: dict[int, Row] = field(default_factory=dict)
    files: dict[int, Path] = field(default_factory=dict)
    certificates: dict[str, list[Certificate]] = field(default_factory=lambda: defaultdict(list))

    def judge(self) -> Verdict:
        evidence = self.evidence
        self.rows = rows(evidence.index)
        self.files = by_id(evidence.volumes)
        for certificate in certificates(evidence.index):
            self.certificates[certificate.camera_id].append(certificate)
        self.verdict.frames_sent = sum(map(len, evidence.sent.values()))
        self._hold_against_rows()
        self._hold_against_claims()
        self._hold_against_exports()
        kept = {hold.key for hold in evidence.holds if hold.released_us is None}
        self.verdict.holds_lost = len(kept - holds(evidence.index))
        self._hold_against_frames(self._stored())
        self.verdict.unaccounted_s = self._unaccounted_s()
        return self.verdict

    def _hold_against_rows(self) -> None:
        self.verdict.strays = len(self.files.keys() - self.rows.keys() - garbage(self.evidence.index))
        self.verdict.unlike_row = sum(
            segment_id not in self.files or self.files[segment_id].stat().st_size != row.size
            for segment_id, row in self.rows.items()
        )

    def _hold_against_claims(self) -> None:
        """Tell what was lost from what was deleted by rule, and that from what no rule may delete."""
        claims = self.evidence.claims
        for segment_id in claims.broken() | (claims.known.keys() - self.rows.keys()):
            claim = claims.known.get(segment_id)
            if claim is not None and self._was_held(claim):
                self.verdict.held_bytes_deleted += claim.row.size
            if claim is not None and segment_id not in self.rows and self._certified(claim.row):
                self.verdict.deleted += 1
            else:
                self.verdict.closed_segments_lost += 1

    def _was_held(self, claim: Claim) -> bool:
        """Whether one hold was on a segment from when it was seen last until it was missed."""
        row = claim.row
        return any(
            hold.covers(row.camera_id, row.start_us, row.end_us)
            and hold.placed_us <= claim.seen_us
            and (hold.released_us is None or (claim.missed_us is not None and hold.released_us > claim.missed_us))
            for hold in self.evidence.holds
        )

    def _certified(self, row: Row) -> bool:
        return any(
            one.start_us <= row.start_us and row.end_us <= one.end_us for one in self.certificates[row.camera_id]
        )

    def _hold_against_exports(self) -> None:
        done = exports(self.evidence.index)
        for files in done.values():
            self.verdict.exports_broken += any(not path.exists() or sha256(path) != digest for path, digest in files)
        folders = [folder for volume in self.evidence.volumes for folder in volume.glob("exports/*")]
        self.verdict.exports_broken += sum(folder.name not in done for folder in folders)
        delivered = copies(self.evidence.index)
        for files in delivered.values():
            self.verdict.copies_broken += any(not path.exists() or sha256(path) != digest for path, digest in files)
        found = [copy for desk in delivery_folders(self.evidence.index) for copy in desk.iterdir() if copy.is_dir()]
        self.verdict.copies_broken += sum(copy not in delivered for copy in found)

    def _stored(self) -> dict[str, set[int]]:
        """Return the serials that files hold, by camera, and count what should not be."""
        shown: dict[tuple[str, str], list[SentFrame]] = defaultdict(list)
        for camera, frames in self.evidence.sent.items():
            for frame in frames:
                shown[camera, frame.key].append(frame)
        stored: dict[str, set[int]] = defaultdict(set)
        verdict = self.verdict
        for path in self.files.values():
            file = read_file(path)
            verdict.torn += file.torn > 0
            for sample in file.samples:
                verdict.altered += not sample.whole
                frames = shown[file.camera_id, sample.sha256]
                near = (_near(frames, sample.time_us - shift_us) for shift_us in self.evidence.shifts_us)
                serial = next((frame.serial for frame in near if frame is not None), None)
                if serial is None:
                    verdict.unknown += 1
                else:
                    verdict.duplicated += serial in stored[file.camera_id]
                    stored[file.camera_id].add(serial)
        verdict.frames_stored = sum(map(len, stored.values()))
        return stored

    def _hold_against_frames(self, stored: dict[str, set[int]]) -> None:
        for camera, frames in self.evidence.sent.items():
            held = [hold for hold in self.evidence.holds if camera in hold.cameras and hold.released_us is None]
            for life in self.evidence.lives:
                for piece in _lost_pieces(frames, stored[camera], life):
                    for gone, some in groupby(piece, partial(self._may_be_gone, camera, held)):
                        if not gone:
                            self._count_loss(camera, list(some), held)

    def _count_loss(self, camera: str, piece: list[SentFrame], on: Sequence[Held]) -> None:
        loss_s = (piece[-1].time_us - piece[0].time_us) / 1e6
        self.verdict.max_loss_s = max(self.verdict.max_loss_s, loss_s)
        if loss_s > self.loss_limit_s:
            self.verdict.held_bytes_deleted += sum(frame.size for frame in piece if _is_held(camera, frame, on))

    def _may_be_gone(self, camera: str, on: Sequence[Held], frame: SentFrame) -> bool:
        """Whether a certificate speaks of a frame; none may of one that a hold is on."""
        certified = any(
            one.start_us - _APART_US <= frame.time_us < one.end_us + _APART_US for one in self.certificates[camera]
        )
        return certified and not _is_held(camera, frame, on)

    def _unaccounted_s(self) -> float:
        """Return the seconds between the first and the last known moment of the cameras that nothing accounts for.

        A clock that stepped back leaves as much time between its two beginnings in which nobody recorded anything.
        """
        known: dict[str, list[tuple[int, int]]] = defaultdict(list)
        for row in self.rows.values():
            known[row.camera_id].append((row.start_us, row.end_us))
        for camera, start, end, _ in gaps(self.evidence.index):
            known[camera].append((start, start if end is None else end))
        for camera, destroyed in self.certificates.items():
            known[camera].extend((one.start_us, one.end_us) for one in destroyed)
        steps_us = [-shift for shift in self.evidence.shifts_us if shift < 0]
        missing = 0
        for camera in self.evidence.sent.keys() & known.keys():
            intervals = known[camera]
            reached = min(intervals)[0]
            for start, end in sorted(intervals):
                hole = start - reached
                if hole > _MEETS_US and not any(abs(hole - step) < _LIVED_US for step in steps_us):
                    missing += hole
                reached = max(reached, end)
        return missing / 1e6


def _is_held(camera: str, frame: SentFrame, on: Sequence[Held]) -> bool:
    """Whether a frame lies in a hold, and not so near to its ends that the two clocks may disagree."""
    return any(
        hold.covers(camera, frame.time_us - _APART_US, frame.time_us - _APART_US + 1)
        and hold.covers(camera, frame.time_us + _APART_US, frame.time_us + _APART_US + 1)
        for hold in on
    )


def _near(frames: list[SentFrame], time_us: int) -> SentFrame | None:
    """Return the showing of a frame that a sample of that time is; None if there is none."""
    at = bisect.bisect(frames, time_us, key=lambda frame: frame.time_us)
    near = min(frames[max(at - 1, 0) : at + 1], key=lambda frame: abs(frame.time_us - time_us), default=None)
    return near if near is not None and abs(near.time_us - time_us) < _SAME_US else None


def _lost_pieces(frames: list[SentFrame], stored: set[int], life: Life) -> Iterator[list[SentFrame]]:
    """Yield the pieces sent in a life that are not stored, in each session from its first sync sample on.

    Frames between that were sent to nobody show that another session has begun.
    """
    first = bisect.bisect(frames, life.start_us, key=lambda frame: frame.time_us)
    last = bisect.bisect(frames, life.end_us, key=lambda frame: frame.time_us)
    seen_sync = False
    piece: list[SentFrame] = []
    expected = -1
    for frame in frames[first:last]:
        begins = frame.serial != expected
        expected = frame.serial + 1
        seen_sync = frame.sync or (seen_sync and not begins)
        if piece and (begins or frame.serial in stored):
            yield piece
            piece = []
        if seen_sync and frame.serial not in stored:
            piece.append(frame)
    if piece:
        yield piece
