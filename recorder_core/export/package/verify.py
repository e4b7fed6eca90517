"""Checking a package: zip, signature, each file's hashes piece by piece, and the proofs; says which file is not right.

Nothing in the package is trusted before the signature over the manifest holds. Where it does not, the list of sums
tells whether manifest, signature or key were altered; an altered manifest accuses no other file. Nor is the signature
trusted with what the proofs can tell: times, pictures and what a player makes of them.
"""

from __future__ import annotations

import hashlib
import zlib
from functools import partial
from typing import TYPE_CHECKING

from recorder_core.ledger_chain import broken_links

from .ed25519 import fingerprint, read_public, signed
from .findings import PackageFinding, PackageFlaw, PackageReport
from .layout import (
    CUSTODY,
    MANIFEST,
    PIECE_BYTES,
    PUBLIC_KEY,
    SIGNATURE,
    SUMS,
    UNLISTED,
    read_sums,
    sums_text,
    utc_text,
)
from .opened import OpenedPackage
from .read_manifest import ManifestError, ReadFile, ReadManifest, read_manifest
from .verify_absent import check_absences
from .verify_clip import check_frames, check_video
from .verify_derived import check_derived, check_table, check_told
from .verify_proofs import ProofError, ProvedClip, SampleCheck, check_ledger, check_segment, proved_clip
from .zip_file import dos_stamp

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from recorder_core.models import LedgerEntry

    from .read_manifest import ReadDerived, ReadVideo

_AMISS = (ProofError, OverflowError)
"""What the checks raise: times that somebody made up may lie beyond any calendar."""


def verify_package(
    path: Path,
    progress: Callable[[int, int], None] | None = None,
    *,
    expected_fingerprint: str | None = None,
    ledger_copy: Sequence[LedgerEntry] | None = None,
) -> PackageReport:
    """Check a package, a zip or the folder that it was unpacked into.

    `expected_fingerprint` is that of the key which it must be signed with; `ledger_copy` are the entries of a copy of
    the recorder's ledger, which must have those that the package shows. `progress` hears the bytes checked so far and
    those to check. Blocks.

    Raises:
        OSError: the package cannot be read.
    """
    return _Check(OpenedPackage(path), progress).run(expected_fingerprint, ledger_copy)


class _Check:
    def __init__(self, package: OpenedPackage, progress: Callable[[int, int], None] | None) -> None:
        self._package = package
        self._findings = list(package.findings)
        self._progress = progress
        self._done = 0

    def run(self, expected_fingerprint: str | None, ledger_copy: Sequence[LedgerEntry] | None) -> PackageReport:
        """Look at everything."""
        if not self._package.places:
            return PackageReport(self._findings or [self._nothing()], None)
        for name in (MANIFEST, SIGNATURE, PUBLIC_KEY, SUMS):
            if not self._has(name):
                self._find(name, PackageFlaw.MISSING, "The file is missing.")
        key = read_public(self._package.content(PUBLIC_KEY))
        found = None if key is None else fingerprint(key)
        if expected_fingerprint is not None and found != expected_fingerprint:
            whose = "its key cannot be read" if found is None else f"the fingerprint of its key is {found}"
            self._find(PUBLIC_KEY, PackageFlaw.KEY, f"It is not signed with the key that it must be: {whose}.")
        data = self._package.content(MANIFEST)
        sums = read_sums(self._package.content(SUMS))
        own = {name: hashlib.sha256(self._package.content(name)).hexdigest() for name in (MANIFEST, SIGNATURE)}
        manifest = self._manifest(data, sums, own)
        if manifest is None:
            self._by_sums(sums)
            return PackageReport(self._findings, found)
        self._by_manifest(manifest)
        self._check_scope(manifest)
        if ledger_copy is not None:
            self._by_copy(manifest, ledger_copy)
        self._check_sums(manifest, own)
        places = [segment.ledger for segment in manifest.segments.values() if segment.ledger is not None]
        newest = manifest.ledger.get(max(manifest.ledger, default=0))
        return PackageReport(
            self._findings,
            found,
            len(manifest.segments),
            len(places),
            None if newest is None else newest.hash,
            manifest.absences,
            tuple(one.name for one in manifest.derived),
        )

    def _manifest(self, data: bytes, sums: dict[str, str], own: dict[str, str]) -> ReadManifest | None:
        """The manifest, if it may be gone by: it is signed, or only its signature or the key were altered."""
        pem = self._package.content(PUBLIC_KEY)
        key = read_public(pem)
        if data and key is not None and signed(key, self._package.content(SIGNATURE), data):
            genuine = True
        else:
            now = {**own, PUBLIC_KEY: hashlib.sha256(pem).hexdigest()}
            altered = [name for name, digest in now.items() if self._has(name) and digest != sums.get(name)]
            for name in altered:
                self._find(
                    name, PackageFlaw.ALTERED, f"It is not the file that {SUMS} lists, so the signature does not hold."
                )
            if not altered and all(map(self._has, (MANIFEST, SIGNATURE, PUBLIC_KEY))):
                self._find(
                    SIGNATURE, PackageFlaw.SIGNATURE, "The signature does not belong to the manifest and the key."
                )
            genuine = MANIFEST not in altered
        if not genuine or not data:
            return None
        try:
            manifest = read_manifest(data)
        except ManifestError as error:
            self._find(MANIFEST, PackageFlaw.STRUCTURE, str(error))
            return None
        if key is not None and fingerprint(key) != manifest.fingerprint and not self._flawed(PUBLIC_KEY):
            self._find(PUBLIC_KEY, PackageFlaw.KEY, "The manifest names another key.")
        return manifest

    def _by_manifest(self, manifest: ReadManifest) -> None:
        for name in self._package.places:
            if name not in manifest.names:
                self._find(name, PackageFlaw.EXTRA, "It is no part of the package.")
        self._check_packing(manifest)
        self._check_ledger(manifest)
        total = sum(file.size for file in manifest.files)
        videos = {video.name: video for video in manifest.videos}
        derived = {one.name: one for one in manifest.derived}
        # What belongs to a video is checked before the video itself.
        for file in sorted(manifest.files, key=lambda file: file.name in videos or file.name in derived):
            if not self._has(file.name):
                if not self._flawed(file.name):
                    self._find(file.name, PackageFlaw.MISSING, "The file is missing.")
                continue
            video = videos.get(file.name)
            clip = None if video is None else self._proved(video, manifest)
            if file.name in derived:
                self._check_derived(file, derived[file.name], manifest, total)
            elif video is None or clip is None:
                self._check_file(file, total, None)
            else:
                self._check_video(file, video, clip, manifest, total)
        if self._has(CUSTODY) and not self._flawed(CUSTODY) and self._package.content(CUSTODY) != manifest.custody:
            self._find(CUSTODY, PackageFlaw.PROOF, "It does not tell what the manifest tells.")

    def _check_packing(self, manifest: ReadManifest) -> None:
        """A zip has one order and one time; that its directory and its members agree was looked at before."""
        members = self._package.members
        if self._findings or not members:
            return
        stamp = dos_stamp(manifest.started_us)
        again = "The zip was packed anew: its files"
        if [member.name for member in members] != manifest.names:
            self._find(self._package.path.name, PackageFlaw.STRUCTURE, f"{again} have another order.")
        elif any(member.stamp != stamp for member in members):
            self._find(self._package.path.name, PackageFlaw.STRUCTURE, f"{again} have another time.")

    def _check_ledger(self, manifest: ReadManifest) -> None:
        checks = [partial(check_ledger, entry) for entry in manifest.ledger.values()]
        checks += [partial(check_segment, *item, manifest.ledger) for item in manifest.segments.items()]
        for check in checks:
            self._check_told(check)

    def _check_scope(self, manifest: ReadManifest) -> None:
        """What is missing must be told; where a video is not right itself, that says nothing about the manifest."""
        for camera_id in manifest.cameras:
            own = [video for video in manifest.videos if video.camera_id == camera_id]
            if any(self._flawed(name) for video in own for name in (video.name, video.proofs)):
                continue
            for begin, end in manifest.untold(camera_id):
                sentence = f"It hides that {camera_id} shows nothing from {utc_text(begin)} to {utc_text(end)}."
                self._find(MANIFEST, PackageFlaw.PROOF, sentence)
            self._check_told(partial(check_absences, manifest, camera_id))
        self._check_told(partial(check_told, manifest))

    def _check_told(self, check: Callable[[], None]) -> None:
        """Blame the manifest for what a check of it finds."""
        try:
            check()
        except _AMISS as error:
            self._find_amiss(MANIFEST, error)

    def _by_copy(self, manifest: ReadManifest, ledger_copy: Sequence[LedgerEntry]) -> None:
        """Whoever has the key could make up entries too, but not in a copy that is kept elsewhere."""
        whole = not any(broken_links(ledger_copy))
        kept = {entry.seq: entry for entry in ledger_copy} if whole else {}
        for seq, entry in manifest.ledger.items():
            if kept.get(seq) != entry:
                self._find(MANIFEST, PackageFlaw.PROOF, f"The copy of the ledger does not have its entry {seq}.")

    def _proved(self, video: ReadVideo, manifest: ReadManifest) -> ProvedClip | None:
        """What a video's proofs show; None where they are no help."""
        if self._flawed(video.proofs):
            return None
        try:
            return proved_clip(self._package.content(video.proofs), video, manifest)
        except _AMISS as error:
            self._find_amiss(video.proofs, error)
            return None

    def _check_video(
        self, file: ReadFile, video: ReadVideo, clip: ProvedClip, manifest: ReadManifest, total: int
    ) -> None:
        check = SampleCheck(clip.pictures, max(file.size - video.media_bytes, 0))
        self._check_file(file, total, check)
        if self._flawed(file.name):
            return
        if check.wrong is not None:
            self._find(file.name, PackageFlaw.PROOF, f"{check.wrong}.")
            return
        place = self._package.places[file.name]
        try:
            with place.path.open("rb", buffering=0) as opened:
                layout = check_video(opened, place.offset, place.size, video, clip, manifest)
        except _AMISS as error:
            self._find_amiss(file.name, error)
            return
        if self._flawed(video.frames_file):
            return
        try:
            check_frames(self._package.content(video.frames_file), clip, layout, manifest.segments)
        except _AMISS as error:
            self._find_amiss(video.frames_file, error)

    def _check_derived(self, file: ReadFile, told: ReadDerived, manifest: ReadManifest, total: int) -> None:
        """Nothing proves it; but it must be what it is said to be."""
        self._check_file(file, total, None)
        if self._flawed(file.name):
            return
        place = self._package.places[file.name]
        blamed = file.name
        try:
            with place.path.open("rb", buffering=0) as opened:
                layout = check_derived(opened, place.offset, place.size, told, manifest.asked)
            blamed = told.frames_file
            if not self._flawed(blamed):
                check_table(self._package.content(blamed), told, layout)
        except _AMISS as error:
            self._find_amiss(blamed, error)

    def _check_file(self, file: ReadFile, total: int, check: SampleCheck | None) -> None:
        whole = hashlib.sha256()
        size = crc = 0
        for number, data in enumerate(self._package.pieces(file.name), 1):
            whole.update(data)
            crc = zlib.crc32(data, crc)
            size += len(data)
            self._advance(len(data), total)
            if number > len(file.pieces) or hashlib.sha256(data).hexdigest() != file.pieces[number - 1]:
                self._find_piece(file.name, number, len(data))
            if check is not None:
                check.feed(data)
        if size != file.size:
            self._find(file.name, PackageFlaw.ALTERED, f"It has {size} bytes instead of {file.size}.")
        elif whole.hexdigest() != file.sha256 and not self._flawed(file.name):
            self._find(file.name, PackageFlaw.ALTERED, "It is not the file that the manifest lists.")
        self._check_sum_in_zip(file.name, crc)

    def _check_sum_in_zip(self, name: str, crc: int) -> None:
        wrong = any(member.name == name and member.crc != crc for member in self._package.members)
        if wrong and not self._flawed(name):
            self._find(name, PackageFlaw.STRUCTURE, "The zip has a wrong checksum for it, so it cannot be unpacked.")

    def _find_piece(self, name: str, number: int, size: int) -> None:
        first = (number - 1) * PIECE_BYTES
        detail = f"Piece {number} is altered: somewhere in the bytes {first} to {first + size - 1}."
        self._findings.append(PackageFinding(name, PackageFlaw.ALTERED, detail, piece=number, offset=first))

    def _check_sums(self, manifest: ReadManifest, own: dict[str, str]) -> None:
        """Compare the list of sums with what it must be; it repeats what others say, so nothing else hangs on it."""
        for name in UNLISTED:
            self._check_sum_in_zip(name, zlib.crc32(self._package.content(name)))
        expected = sums_text({**{file.name: file.sha256 for file in manifest.files}, **own})
        found = self._package.content(SUMS)
        if not self._has(SUMS) or found == expected.encode():
            return
        lines = found.decode("utf-8", "replace").splitlines()
        wrong = next((line for line in expected.splitlines() if line not in lines), None)
        altered = None if wrong is None else wrong.split("  ", 1)[1]
        if altered is None or not self._flawed(altered):
            what = f"its line for {altered} is not right" if altered else "it is not laid out as it was"
            self._find(SUMS, PackageFlaw.ALTERED, f"The list of sums was altered: {what}.")

    def _by_sums(self, sums: dict[str, str]) -> None:
        """What can be told without a manifest: which files are not those that the list of sums has."""
        total = sum(place.size for place in self._package.places.values())
        for name, digest in sums.items():
            if not self._has(name):
                if not self._flawed(name):
                    self._find(name, PackageFlaw.MISSING, "The file is missing.")
                continue
            whole = hashlib.sha256()
            for data in self._package.pieces(name):
                whole.update(data)
                self._advance(len(data), total)
            if whole.hexdigest() != digest and not self._flawed(name):
                self._find(name, PackageFlaw.ALTERED, f"It is not the file that {SUMS} lists.")

    def _advance(self, size: int, total: int) -> None:
        self._done += size
        if self._progress is not None:
            self._progress(min(self._done, total), total)

    def _has(self, name: str) -> bool:
        return name in self._package.places

    def _flawed(self, name: str) -> bool:
        return any(finding.file == name for finding in self._findings)

    def _nothing(self) -> PackageFinding:
        return PackageFinding(self._package.path.name, PackageFlaw.STRUCTURE, "There is no package in it.")

    def _find_amiss(self, name: str, error: ProofError | OverflowError) -> None:
        sentence = f"{error}." if isinstance(error, ProofError) else "It tells a time that no calendar has."
        self._find(name, PackageFlaw.PROOF, sentence)

    def _find(self, name: str, flaw: PackageFlaw, detail: str) -> None:
        self._findings.append(PackageFinding(name, flaw, detail))
