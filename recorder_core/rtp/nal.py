"""How H.264 and H.265 name and pack their NAL units: the differences between the two codecs, as data."""

from __future__ import annotations

from dataclasses import dataclass, field

from recorder_core.media import Codec


@dataclass(frozen=True, slots=True)
class NalSyntax:
    """What a depacketizer must know of a codec.

    `header` is the length of a NAL unit's header in bytes; its type is `(first byte >> type_shift) & type_mask`.
    `kept_bits` are the bits of the first header byte that a fragmentation unit hands on to the NAL unit it carries.
    `messages` is the type of the SEI that may say of a picture that decoding can begin there; None if its type does.
    """

    codec: Codec
    header: int
    type_shift: int
    type_mask: int
    kept_bits: int
    aggregation: int
    fragmentation: int
    single_max: int
    slices: frozenset[int]
    syncs: frozenset[int]
    messages: int | None
    parameter_sets: tuple[int, ...]
    parameter_set_id_at: dict[int, int]
    dropped: frozenset[int]
    types: bytes = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Tabulate the type of every possible first byte: a look-up is cheaper than two operations."""
        table = bytes((first >> self.type_shift) & self.type_mask for first in range(256))
        object.__setattr__(self, "types", table)

    def parameter_set_key(self, nal: bytes) -> tuple[int, int]:
        """Return the type and the id of a parameter set: one that comes with the same key replaces the former.

        An H.265 SPS has its id behind a structure of variable length; streams have one, so it counts as id 0.
        """
        kind = self.types[nal[0]]
        at = self.parameter_set_id_at.get(kind)
        return (kind, _exp_golomb(nal, at) if at is not None else 0)


_RECOVERY_POINT = 6
_RECOVERED_AT_ONCE = 0x80
"""The first bit of a recovery point's payload: `recovery_frame_cnt` = 0 as ue(v)."""


def is_recovery_point(nal: bytes) -> bool:
    """Whether an H.264 SEI says that decoding may begin at its picture (ITU-T H.264 sections 7.3.2.3.1, D.1.8, D.2.8).

    Cameras with an open GOP mark so what others begin with an IDR picture. One that refreshes its picture piece by
    piece gives a number of pictures after which all is well: no single picture of it is a beginning.
    """
    at = 1
    while at + 2 < len(nal):
        values = [0, 0]  # type and size of a message, each a sum of bytes that ends with one below 255
        for which in range(2):
            while at < len(nal) and nal[at] == 0xFF:
                values[which] += 0xFF
                at += 1
            if at >= len(nal):
                return False
            values[which] += nal[at]
            at += 1
        kind, size = values
        if kind == _RECOVERY_POINT:
            return size > 0 and at < len(nal) and nal[at] >= _RECOVERED_AT_ONCE
        at += size
    return False


def _exp_golomb(data: bytes, at: int) -> int:
    """Read the ue(v) that begins at a byte (ITU-T H.264 section 9.1); ids are small, so four bytes hold it."""
    word = int.from_bytes(data[at : at + 4].ljust(4, b"\x80"))
    zeros = 32 - word.bit_length()
    return (word >> max(31 - 2 * zeros, 0)) - 1


H264 = NalSyntax(
    codec=Codec.H264,
    header=1,
    type_shift=0,
    type_mask=31,
    kept_bits=0xE0,
    aggregation=24,  # STAP-A, RFC 6184 section 5.7.1
    fragmentation=28,  # FU-A, section 5.8
    single_max=23,
    slices=frozenset({1, 2, 5}),
    syncs=frozenset({5}),
    messages=6,
    parameter_sets=(7, 8),
    parameter_set_id_at={7: 4, 8: 1},  # sections 7.3.2.1.1 and 7.3.2.2: behind profile and level, and at once
    # Delimiter, end of sequence, end of stream, filler: they say nothing that the container does not.
    dropped=frozenset({9, 10, 11, 12}),
)

H265 = NalSyntax(
    codec=Codec.H265,
    header=2,
    type_shift=1,
    type_mask=63,
    kept_bits=0x81,
    aggregation=48,  # AP, RFC 7798 section 4.4.2
    fragmentation=49,  # FU, section 4.4.3
    single_max=47,
    slices=frozenset(range(22)),
    syncs=frozenset(range(16, 22)),
    messages=None,
    parameter_sets=(32, 33, 34),
    parameter_set_id_at={34: 2},  # section 7.3.2.3
    dropped=frozenset({35, 36, 37, 38}),
)

_BY_CODEC = {Codec.H264: H264, Codec.H265: H265}


def syntax_of(codec: Codec) -> NalSyntax:
    """Return the syntax of a codec."""
    return _BY_CODEC[codec]
