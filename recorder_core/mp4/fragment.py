"""A fragment's boxes before its data: `prft`, the samples' digests, `moof`, and the head of `mdat`.

This is called once a second for every camera, so each table is packed in one go and nothing is built box by box. The
digests stand in a `uuid` box of the extended type `DIGESTS_UUID`; its payload, big-endian:

    u8   version, 0
    u24  flags, 0
    u32  number of samples
    then the SHA-256 of each sample's data, 32 bytes each, in decoding order
"""

from __future__ import annotations

import struct
from functools import lru_cache
from itertools import chain
from typing import TYPE_CHECKING

from recorder_core.media import TIMESCALE, Sample
from recorder_core.mp4.boxes import mdat_header

if TYPE_CHECKING:
    from collections.abc import Sequence

DIGESTS_UUID = bytes.fromhex("e0d7a9344f1e4b5c9a3f7c2d18b6640e")
"""The extended type of the box that holds the digests."""

DIGEST_BYTES = 32

NTP_EPOCH_TO_1970_S = 2_208_988_800

_SYNC_FLAGS = 0x0200_0000  # sample_depends_on 2: on no other sample (ISO/IEC 14496-12 section 8.8.3.1)
_NON_SYNC_FLAGS = 0x0101_0000  # sample_depends_on 1, sample_is_non_sync_sample
NON_SYNC_BIT = 0x1_0000

# `prft` version 1 (section 8.16.5): size, kind, version and flags, track, NTP time, media time;
# then the head of the digests' box: size, kind, extended type, version and flags, count.
REFERENCE_AND_DIGESTS = struct.Struct(">I4sIIQQ I4s16sII")
# The time is that of the capture, not of an encoder's input or of the writing of the file.
_REFERENCE_VERSION_AND_FLAGS = 1 << 24 | 24
_REFERENCE_BYTES = 32
_DIGESTS_HEAD_BYTES = 32

# `moof` (8.8.4), `mfhd` (8.8.5), `traf` (8.8.6), `tfhd` (8.8.7), `tfdt` version 1 (8.8.12), `trun` version 1 (8.8.8).
MOVIE_FRAGMENT = struct.Struct(">I4s I4sII I4s I4sII I4sIQ I4sIIi")
_MOVIE_HEAD_BYTES = 8 + 16
_TRACK_HEAD_BYTES = 8 + 16 + 20
_RUN_HEAD_BYTES = 20
_RUN_ROW_BYTES = 16
_DEFAULT_BASE_IS_MOOF = 0x02_0000
# Data offset, then of each sample: duration, size, flags, composition offset.
_RUN_VERSION_AND_FLAGS = 1 << 24 | 0x0F01


def fragment_header(
    samples: Sequence[Sample], *, sequence: int, base_dts: int, start_us: int, digests: Sequence[bytes]
) -> bytes:
    """Everything that stands before the samples' data, which the caller writes right behind, sample by sample.

    `sequence` counts the file's fragments from 1. `base_dts` is the decoding time of the file's first sample, so each
    file's `tfdt` begins at 0. `start_us` is the UTC of the first sample's presentation; `digests` hold the SHA-256 of
    each sample's data.

    Raises:
        ValueError: there is no sample, or the digests do not fit.
    """
    count = len(samples)
    joined_digests = b"".join(digests)
    if not count or len(digests) != count or len(joined_digests) != count * DIGEST_BYTES:
        raise ValueError("A fragment has at least one sample, and a digest of 32 bytes for each")
    media_time = samples[0].pts - base_dts
    if media_time < 0:
        # Media time is unsigned: the reference is then the moment at which the file's time line begins.
        start_us -= media_time * 1_000_000 // TIMESCALE
        media_time = 0
    data_header = mdat_header(sum(len(sample.data) for sample in samples))
    return b"".join(
        (
            REFERENCE_AND_DIGESTS.pack(*reference_and_digests_fields(ntp_from_us(start_us), media_time, count)),
            joined_digests,
            MOVIE_FRAGMENT.pack(*movie_fragment_fields(sequence, samples[0].dts - base_dts, count, len(data_header))),
            run_table(count).pack(
                *chain.from_iterable(
                    (
                        sample.duration,
                        len(sample.data),
                        _SYNC_FLAGS if sample.sync else _NON_SYNC_FLAGS,
                        sample.pts - sample.dts,
                    )
                    for sample in samples
                )
            ),
            data_header,
        )
    )


def reference_and_digests_fields(ntp: int, media_time: int, count: int) -> tuple[int | bytes, ...]:
    """The fields of `REFERENCE_AND_DIGESTS`; what the reader takes from a file must give the same again."""
    return (
        _REFERENCE_BYTES,
        b"prft",
        _REFERENCE_VERSION_AND_FLAGS,
        1,
        ntp,
        media_time,
        _DIGESTS_HEAD_BYTES + count * DIGEST_BYTES,
        b"uuid",
        DIGESTS_UUID,
        0,
        count,
    )


def movie_fragment_fields(sequence: int, base_dts: int, count: int, data_header_bytes: int) -> tuple[int | bytes, ...]:
    """The fields of `MOVIE_FRAGMENT`; what the reader takes from a file must give the same again."""
    run_bytes = _RUN_HEAD_BYTES + _RUN_ROW_BYTES * count
    track_bytes = _TRACK_HEAD_BYTES + run_bytes
    fragment_bytes = _MOVIE_HEAD_BYTES + track_bytes
    return (
        fragment_bytes,
        b"moof",
        16,
        b"mfhd",
        0,
        sequence,
        track_bytes,
        b"traf",
        16,
        b"tfhd",
        _DEFAULT_BASE_IS_MOOF,
        1,
        20,
        b"tfdt",
        1 << 24,
        base_dts,
        run_bytes,
        b"trun",
        _RUN_VERSION_AND_FLAGS,
        count,
        fragment_bytes + data_header_bytes,
    )


def ntp_from_us(time_us: int) -> int:
    """A UTC in microseconds since 1970 as 64-bit NTP time (RFC 5905 section 6), which starts anew in 2036."""
    seconds, fraction_us = divmod(time_us, 1_000_000)
    fraction = ((fraction_us << 32) + 500_000) // 1_000_000
    return ((seconds + NTP_EPOCH_TO_1970_S) & 0xFFFF_FFFF) << 32 | fraction


def us_from_ntp(ntp: int) -> int:
    """The UTC in microseconds since 1970 of a 64-bit NTP time between 1968 and 2104 (RFC 4330 section 3)."""
    seconds, fraction = ntp >> 32, ntp & 0xFFFF_FFFF
    if not seconds & 0x8000_0000:
        seconds += 1 << 32
    return (seconds - NTP_EPOCH_TO_1970_S) * 1_000_000 + (fraction * 1_000_000 + (1 << 31) >> 32)


@lru_cache(maxsize=256)
def run_table(count: int) -> struct.Struct:
    """The rows of a `trun`: duration, size, flags, composition offset of each sample."""
    return struct.Struct(">" + "IIIi" * count)
