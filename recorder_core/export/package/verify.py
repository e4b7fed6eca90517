"""Checking a package: zip, signature, each file's hashes piece by piece, and the proofs; says which file is not right.

Nothing in the package is trusted before the signature over the manifest holds. Where it does not, the list of sums
tells whether manifest, signature or key were altered; an altered manifest accuses no other file.
"""

from __future__ import annotations

import hashlib
from functools import partial
from typing import TYPE_CHECKING

from .findings import PackageFinding, PackageFlaw
from .key import fingerprint, read_public, signed
from .layout import MANIFEST, PIECE_BYTES, PUBLIC_KEY, SIGNATURE, SUMS, UNLISTED, sums_text
from .opened import OpenedPackage
from .read_manifest import ManifestError, ReadFile, ReadManifest, read_manifest
from .verify_proofs import ProofError, SampleCheck, check_ledger, check_segment, proved_samples

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from .read_manifest import ReadVideo


def verify_package(
    path: Path,
    progress: Callable[[int, int], None] | None = None,
    *,
    expected_fingerprint: str | None = None,
) -> list[PackageFinding]:
    """Check a package, a zip or the folder that it was unpacked into; no finding means that it is whole and genuine.

    Genuine is relative to the key in the package, unless its fingerprint is expected. `progress` hears the bytes
    checked so far and those to check. Blocks.

    Raises:
        OSError: the package cannot be read.
    """
    with OpenedPackage(path) as package:
        return _Check(package, progress).run(expected_fingerprint)


class _Check:
    def __init__(self, package: OpenedPackage, progress: Callable[[int, int], None] | None) -> None:
        self._package = package
        self._sizes = package.sizes
        self._findings = list(package.findings)
        self._progress = progress
        self._done = 0

    def run(self, expected_fingerprint: str | None) -> list[PackageFinding]:
        """Look at everything."""
        if not self._sizes:
            return self._findings
        for name in (MANIFEST, SIGNATURE, PUBLIC_KEY, SUMS):
            if name not in self._sizes:
                self._find(name, PackageFlaw.MISSING, "The file is missing.")
        data = self._package.content(MANIFEST)
        sums = _read_sums(self._package.content(SUMS))
        own = {name: hashlib.sha256(self._package.content(name)).hexdigest() for name in (MANIFEST, SIGNATURE)}
        manifest = self._manifest(data, sums, own)
        if manifest is None:
            self._by_sums(sums)
            return self._findings
        if expected_fingerprint is not None and manifest.fingerprint != expected_fingerprint:
            detail = f"It was signed with another key than expected, {manifest.fingerprint}."
            self._find(PUBLIC_KEY, PackageFlaw.KEY, detail)
        self._by_manifest(manifest)
        self._check_sums(manifest, own)
        return self._findings

    def _manifest(self, data: bytes, sums: dict[str, str], own: dict[str, str]) -> ReadManifest | None:
        """The manifest, if it may be gone by: it is signed, or only its signature or the key were altered."""
        pem = self._package.content(PUBLIC_KEY)
        key = read_public(pem)
        if data and key is not None and signed(key, self._package.content(SIGNATURE), data):
            genuine = True
        else:
            now = {**own, PUBLIC_KEY: hashlib.sha256(pem).hexdigest()}
            altered = [name for name, digest in now.items() if name in self._sizes and digest != sums.get(name)]
            for name in altered:
                self._find(name, PackageFlaw.ALTERED, f"It is not the file that {SUMS} lists, so the signature fails.")
            if not altered and all(name in self._sizes for name in (MANIFEST, SIGNATURE, PUBLIC_KEY)):
                self._find(SIGNATURE, PackageFlaw.SIGNATURE, "The signature does not belong to the manifest and key.")
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
        listed = {file.name for file in manifest.files}
        total = sum(file.size for file in manifest.files)
        for name in self._sizes:
            if name not in listed and name not in UNLISTED:
                self._find(name, PackageFlaw.EXTRA, "It is no part of the package.")
        self._check_ledger(manifest)
        videos = {video.name: video for video in manifest.videos}
        # What proves a video is checked before the video itself.
        for file in sorted(manifest.files, key=lambda file: file.name in videos):
            if file.name not in self._sizes:
                if not self._flawed(file.name):
                    self._find(file.name, PackageFlaw.MISSING, "The file is missing.")
                continue
            check = self._sample_check(videos[file.name], manifest, file.size) if file.name in videos else None
            self._check_file(file, total, check)
            if check is not None and check.wrong is not None and not self._flawed(file.name):
                self._find(file.name, PackageFlaw.PROOF, f"{check.wrong}.")

    def _check_ledger(self, manifest: ReadManifest) -> None:
        checks = [partial(check_ledger, entry) for entry in manifest.ledger.values()]
        checks += [partial(check_segment, *item, manifest.ledger) for item in manifest.segments.items()]
        for check in checks:
            try:
                check()
            except ProofError as error:
                self._find(MANIFEST, PackageFlaw.PROOF, f"{error}.")

    def _sample_check(self, video: ReadVideo, manifest: ReadManifest, size: int) -> SampleCheck | None:
        """The check of a video's samples; None where its proofs are no help."""
        if video.proofs not in self._sizes or self._flawed(video.proofs):
            return None
        try:
            samples = proved_samples(self._package.content(video.proofs), video, manifest)
        except ProofError as error:
            self._find(video.proofs, PackageFlaw.PROOF, f"{error}.")
            return None
        return SampleCheck(samples, size - video.media_bytes)

    def _check_file(self, file: ReadFile, total: int, check: SampleCheck | None) -> None:
        whole = hashlib.sha256()
        size = 0
        for number, data in enumerate(self._package.pieces(file.name), 1):
            whole.update(data)
            size += len(data)
            self._done += len(data)
            if number > len(file.pieces) or hashlib.sha256(data).hexdigest() != file.pieces[number - 1]:
                self._find_piece(file.name, number, len(data))
            if check is not None:
                check.feed(data)
            if self._progress is not None:
                self._progress(min(self._done, total), total)
        if size != file.size:
            self._find(file.name, PackageFlaw.ALTERED, f"It has {size} bytes instead of {file.size}.")
        elif whole.hexdigest() != file.sha256 and not self._flawed(file.name):
            self._find(file.name, PackageFlaw.ALTERED, "It is not the file that the manifest lists.")

    def _find_piece(self, name: str, number: int, size: int) -> None:
        first = (number - 1) * PIECE_BYTES
        detail = f"Piece {number} is altered: somewhere in the bytes {first} to {first + size - 1}."
        self._findings.append(PackageFinding(name, PackageFlaw.ALTERED, detail, piece=number, offset=first))

    def _check_sums(self, manifest: ReadManifest, own: dict[str, str]) -> None:
        """Compare the list of sums with what it must be; it repeats what others say, so nothing else hangs on it."""
        expected = sums_text({**{file.name: file.sha256 for file in manifest.files}, **own}).splitlines()
        found = self._package.content(SUMS).decode("utf-8", "replace").splitlines()
        if SUMS not in self._sizes or self._package.content(SUMS) == ("\n".join(expected) + "\n").encode():
            return
        wrong = next((line for line in expected if line not in found), None)
        name = wrong.split("  ", 1)[1] if wrong is not None else None
        if name is None or not self._flawed(name):
            what = f"its line for {name} is not right" if name else "it is not laid out as it was"
            self._find(SUMS, PackageFlaw.ALTERED, f"The list of sums was altered: {what}.")

    def _by_sums(self, sums: dict[str, str]) -> None:
        """What can be told without a manifest: which files are not those that the list of sums has."""
        total = sum(self._sizes.values())
        for name, digest in sums.items():
            if name not in self._sizes:
                if not self._flawed(name):
                    self._find(name, PackageFlaw.MISSING, "The file is missing.")
                continue
            whole = hashlib.sha256()
            for data in self._package.pieces(name):
                whole.update(data)
                self._done += len(data)
                if self._progress is not None:
                    self._progress(min(self._done, total), total)
            if whole.hexdigest() != digest and not self._flawed(name):
                self._find(name, PackageFlaw.ALTERED, f"It is not the file that {SUMS} lists.")

    def _flawed(self, name: str) -> bool:
        return any(finding.file == name for finding in self._findings)

    def _find(self, name: str, flaw: PackageFlaw, detail: str) -> None:
        self._findings.append(PackageFinding(name, flaw, detail))


def _read_sums(data: bytes) -> dict[str, str]:
    """Return the sums by file; lines that are none are left out."""
    lines = data.decode("utf-8", "replace").splitlines()
    return {name: digest for digest, mark, name in (line.partition("  ") for line in lines) if mark}
