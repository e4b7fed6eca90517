"""Interleaved RTP packets of one video track to access units: the recorder's hottest loop.

It reads packets where they lie in the receive buffer. Two things make it quick: one `unpack_from` covers the
interleaved header, the RTP header and the first payload bytes; and of the packets of a fragmented NAL unit, which are
nine of ten, a whole train is cut at once (`trains`).

Formats: RFC 2326 section 10.12 (interleaving), RFC 3550 (RTP), RFC 6184 (H.264), RFC 7798 (H.265).
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from recorder_core.media import AccessUnit

from .nal import is_recovery_point
from .trains import FRAMING, RTP_HEADER, Trains

if TYPE_CHECKING:
    from .nal import NalSyntax

_PACKET = struct.Struct(">HHBBHIIBBB")
"""Dollar and channel, length | flags, marker and type, sequence, timestamp, SSRC | the payload's first three bytes."""

_MAGIC = 0x2400
_VERSION_2 = 0x80
_MARKER = 0x80
_FU_START = 0x80
_FU_END = 0x40
_FIRST_SLICE = 0x80
"""`first_mb_in_slice` = 0 in H.264 and `first_slice_segment_in_pic_flag` in H.265: the first bit behind the header."""

_SEQUENCE_RESTART = 8
"""So many packets from the past in a row are a camera that began to count anew."""

_MAX_UNIT = 32 << 20
_MAX_PARTS = 1 << 18
"""No picture is larger or in more pieces; a stream that never changes its timestamp must not fill the memory."""

_MAX_PARAMETER_SET = 0xFFFF
_MAX_PARAMETER_SET_ID = 255
"""What a sample entry can hold, and the highest id of a picture parameter set (ITU-T H.264 section 7.4.2.2)."""

_MAX_PARAMETER_SETS = 16
"""No camera refers to more at a time; one that counts their ids up must not fill the sample entry."""


class Depacketizer:
    """Collects the access units of one track into `ready`, in decoding order.

    `buffer` is where the packets lie. It must extend at least 32 bytes past whatever `stop` is given, so that a header
    may be unpacked before its length is known to be there.
    """

    def __init__(
        self,
        syntax: NalSyntax,
        *,
        buffer: bytearray,
        channel: int,
        payload_type: int,
        parameter_sets: tuple[bytes, ...] = (),
    ) -> None:
        """Listen to `payload_type` on the interleaved `channel`; `parameter_sets` are those of the SDP."""
        self.ready: list[AccessUnit] = []
        self.channel = channel
        self.payload_type = payload_type
        self.packets_lost = 0
        self.packets_late = 0
        self.ssrc: int | None = None
        self.timestamp: int | None = None
        self.pts = 0
        self._buffer = buffer
        self._view = memoryview(buffer)
        self._syntax = syntax
        self._sets = {syntax.parameter_set_key(one): one for one in parameter_sets if len(one) > syntax.header}
        self._sets_sent: dict[tuple[int, int], bytes] = {}
        self._sets_changed = False
        self._expected: int | None = None
        self._late_in_a_row = 0
        self._late_behind: int | None = None
        self._arrival_us = 0
        self._former_arrival_us = 0
        self._expected_before: int | None = None
        self._suspect_before: int | None = None
        self._marked = False
        self._discontinuity = False
        self._lost = 0
        self.trains = Trains(buffer, syntax.header)
        self._clear()

    def _clear(self) -> None:
        """Begin an access unit."""
        self._parts: list[bytes] = []
        self._size = 0
        self._sync = False
        self._slices = 0
        self._whole = True
        self._first_seen = False
        self._fu_at = -1
        self._fu_type = 0

    @property
    def parameter_sets(self) -> tuple[bytes, ...]:
        """The parameter sets in force, in the order that an init segment wants."""
        return tuple(nal for _, nal in sorted(self._sets.items()))

    def consume(self, at: int, stop: int) -> int:  # noqa: C901, PLR0912, PLR0915 - a call costs more than a branch
        """Take the packets of this track from `at` on; return where the first other or incomplete thing begins."""
        unpack = _PACKET.unpack_from
        buffer = self._buffer
        view = self._view
        lead_of_ours = _MAGIC | self.channel
        types = self._syntax.types
        fragmentation = self._syntax.fragmentation
        header = self._syntax.header
        trains = self.trains
        trains.begin(at)
        while stop - at >= FRAMING + RTP_HEADER:
            lead, length, flags, kind, sequence, timestamp, ssrc, first, second, third = unpack(buffer, at)
            end = at + FRAMING + length
            if lead != lead_of_ours or end > stop:
                break
            payload = at + FRAMING + RTP_HEADER
            if flags != _VERSION_2:
                bounds = self._payload_bounds(at, end, flags)
                if bounds is None:
                    at = end
                    continue
                payload, payload_end = bounds
                first, second, third = buffer[payload], buffer[payload + 1], buffer[payload + 2]
            else:
                payload_end = end
            if kind & 0x7F != self.payload_type:
                if ssrc == self.ssrc and sequence == self._expected:  # one sequence numbers all that a source sends
                    self._expected = (sequence + 1) & 0xFFFF
                at = end
                continue
            if sequence != self._expected and not self._resequence(sequence, timestamp, ssrc):
                at = end
                continue
            self._expected = (sequence + 1) & 0xFFFF
            if payload_end - payload <= header:  # nothing but padding
                at = end
                continue
            if timestamp != self.timestamp or ssrc != self.ssrc:
                self._next_unit(timestamp, ssrc)
            nal_type = types[first]
            if nal_type == fragmentation:
                fu = second if header == 1 else third
                body = payload + header + 1
                self._marked = kind >= _MARKER
                if fu & _FU_START:
                    self._begin_fragment(body, payload_end, fu, (first, second))
                elif self._fu_at < 0:  # its beginning is missing
                    self._whole = False
                    at = end
                    continue
                if flags == _VERSION_2 and not fu & _FU_END and (payloads := trains.cut(at, stop, length, sequence)):
                    count = len(payloads)
                    self._parts += payloads
                    self._size += count * (payload_end - body)
                    self._expected = (sequence + count) & 0xFFFF
                    end = at + count * (length + FRAMING)
                else:
                    self._parts.append(bytes(view[body:payload_end]))
                    self._size += payload_end - body
                if fu & _FU_END:
                    self._end_fragment()
                elif self._size > _MAX_UNIT or len(self._parts) > _MAX_PARTS:
                    self._drop_fragment()
                at = end
                continue
            if nal_type <= self._syntax.single_max:
                self._nal(bytes(view[payload:payload_end]), nal_type)
            elif nal_type == self._syntax.aggregation:
                self._aggregate(payload + header, payload_end)
            self._marked = kind >= _MARKER
            at = end
        return at

    def flush(self) -> None:
        """Hand out what has come of the last access unit, as far as it is whole."""
        self._finish(whole=self._marked)

    def arrived(self, now_us: int) -> None:
        """Note that what is consumed from now on has arrived by `now_us`, on the monotonic clock."""
        if self._expected != self._expected_before:  # something was taken of what came before
            self._expected_before = self._expected
            self._former_arrival_us = self._arrival_us
        self._arrival_us = now_us

    def suspect(self) -> None:
        """Note that bytes which belong to nothing follow the last packet.

        If the next one turns out to be missing, the last one may have been cut short and hold a part of it.
        """
        self._suspect_before = self._expected

    # Packets

    def _payload_bounds(self, at: int, end: int, flags: int) -> tuple[int, int] | None:
        """Find the payload of a packet with padding, extension or contributing sources (RFC 3550 section 5.1)."""
        if flags >> 6 != 2:
            return None
        start = at + FRAMING + RTP_HEADER + 4 * (flags & 0x0F)
        if flags & 0x10:
            if start + 4 > end:
                return None
            start += 4 + 4 * int.from_bytes(self._buffer[start + 2 : start + 4])
        if flags & 0x20 and end > start:
            end -= self._buffer[end - 1]
        return (start, end) if start <= end else None

    def _resequence(self, sequence: int, timestamp: int, ssrc: int) -> bool:
        """Judge a sequence number that was not expected; False if its packet is to be ignored."""
        if self._expected is None or ssrc != self.ssrc:
            return True  # the first of a source, which may count from anywhere
        missing = (sequence - self._expected) & 0xFFFF
        if missing >= 0x8000:
            if self._late_behind != self._expected:  # others came in between
                self._late_behind = self._expected
                self._late_in_a_row = 0
            self._late_in_a_row += 1
            if self._late_in_a_row < _SEQUENCE_RESTART:
                self.packets_late += 1
                return False
            missing = self._late_in_a_row - 1  # those before it were no late ones
        self._late_behind = None
        self._drop_fragment()
        if timestamp == self.timestamp:
            self._whole = False
        else:
            # They are missing behind this unit, or at its end where no marker says that it had come.
            self._finish(whole=self._marked and self._suspect_before != self._expected)
        self.packets_lost += missing
        self._lost += missing
        return True

    # NAL units

    def _nal(self, nal: bytes, nal_type: int) -> None:
        """Take one whole NAL unit."""
        syntax = self._syntax
        if self._fu_at >= 0:  # it came amid the fragments of another
            self._drop_fragment()
        if nal_type in syntax.slices:
            first = len(nal) > syntax.header and bool(nal[syntax.header] & _FIRST_SLICE)
            self._slice(nal_type, first=first)
        elif nal_type in syntax.parameter_sets:
            self._parameter_set(nal)
            return
        elif nal_type == syntax.messages and is_recovery_point(nal):
            self._sync = True
        elif nal_type in syntax.dropped:
            return
        self._parts.append(len(nal).to_bytes(4))
        self._parts.append(nal)
        self._size += len(nal) + 4
        if self._size > _MAX_UNIT or len(self._parts) > _MAX_PARTS:
            self._finish(whole=False)

    def _slice(self, nal_type: int, *, first: bool) -> None:
        """Account for a slice; a second first slice begins another picture under the same timestamp."""
        if first and self._slices:
            self._finish(whole=True)
        if self._slices == 0:
            self._first_seen = first
        self._slices += 1
        if nal_type in self._syntax.syncs:
            self._sync = True

    def _parameter_set(self, nal: bytes) -> None:
        key = self._syntax.parameter_set_key(nal)
        if not self._syntax.header + 1 < len(nal) <= _MAX_PARAMETER_SET or not 0 <= key[1] <= _MAX_PARAMETER_SET_ID:
            return
        self._sets_sent[key] = nal

    def _put_sets_in_force(self) -> None:
        """Take over the parameter sets that came with a unit.

        Where a camera sends one of each kind, and not only the last kind is new, it began to encode anew: those
        of before are not referred to any more, and would only make a picture's size ambiguous.
        """
        sent, self._sets_sent = self._sets_sent, {}
        *upper, last = self._syntax.parameter_sets
        anew = any(self._sets.get(key) != nal for key, nal in sent.items() if key[0] in upper)
        if anew and {kind for kind, _ in sent} == {*upper, last}:
            sets = sent
        else:
            sets = {**{key: nal for key, nal in self._sets.items() if key not in sent}, **sent}
            for key in list(sets)[: max(len(sets) - _MAX_PARAMETER_SETS, 0)]:  # those not sent for longest
                del sets[key]
        if sets != self._sets:
            self._sets_changed = True
        self._sets = sets

    def _aggregate(self, at: int, end: int) -> None:
        """Take the NAL units of an aggregation packet: each behind its 16-bit length."""
        types = self._syntax.types
        while at + 2 < end:
            size = int.from_bytes(self._buffer[at : at + 2])
            at += 2
            if size <= self._syntax.header or at + size > end:
                self._whole = False
                return
            self._nal(bytes(self._view[at : at + size]), types[self._buffer[at]])
            at += size

    def _begin_fragment(self, body: int, end: int, fu: int, payload_header: tuple[int, int]) -> None:
        """Begin a NAL unit that comes in fragments: a place for its length, then its header as it was before."""
        syntax = self._syntax
        if self._fu_at >= 0:
            self._drop_fragment()
        nal_type = fu & syntax.type_mask if syntax.header == 1 else fu & 0x3F
        if nal_type in syntax.slices:
            self._slice(nal_type, first=body < end and self._buffer[body] >= _FIRST_SLICE)
        first, second = payload_header
        lead = (first & syntax.kept_bits) | (nal_type << syntax.type_shift)
        self._fu_type = nal_type
        self._fu_at = len(self._parts)
        self._fu_size = self._size
        self._parts += (b"", bytes((lead,)) if syntax.header == 1 else bytes((lead, second)))
        self._size += syntax.header + 4

    def _end_fragment(self) -> None:
        at, self._fu_at = self._fu_at, -1
        nal_type = self._fu_type
        if nal_type in self._syntax.parameter_sets or nal_type in self._syntax.dropped:
            nal = b"".join(self._parts[at + 1 :])
            del self._parts[at:]
            self._size = self._fu_size
            self._nal(nal, nal_type)
            return
        self._parts[at] = (self._size - self._fu_size - 4).to_bytes(4)

    def _drop_fragment(self) -> None:
        """Throw away a NAL unit of which a piece is missing: what is left of it cannot be decoded."""
        if self._fu_at < 0:
            return
        del self._parts[self._fu_at :]
        self._size = self._fu_size
        self._fu_at = -1
        self._whole = False
        if self._fu_type in self._syntax.slices:
            self._slices -= 1

    # Access units

    def _next_unit(self, timestamp: int, ssrc: int) -> None:
        # A unit of which nothing came with this reading had arrived by the last one.
        before = self._expected_before
        alone = before is not None and self._expected == (before + 1) & 0xFFFF
        arrival_us = self._former_arrival_us if alone else self._arrival_us
        self._drop_fragment()
        if not self._whole and not self._slices and not self._lost:
            self._lost = 1  # a picture of which nothing can be used is missing, whatever the sequence numbers say
        self._finish(whole=self._marked or ssrc == self.ssrc, arrival_us=arrival_us)
        if self.ssrc is not None and ssrc != self.ssrc:
            self._discontinuity = True
        if self.timestamp is None or ssrc != self.ssrc:
            self.pts = timestamp
        else:
            step = (timestamp - self.timestamp) & 0xFFFFFFFF
            self.pts += step - (1 << 32) if step >= 1 << 31 else step
        self.timestamp = timestamp
        self.ssrc = ssrc

    def _finish(self, *, whole: bool, arrival_us: int | None = None) -> None:
        """Hand out the unit, if a slice of it came through."""
        if self._fu_at >= 0:
            self._drop_fragment()
        if self._slices > 0:
            if self._sets_sent:
                self._put_sets_in_force()
            self.ready.append(
                AccessUnit(
                    b"".join(self._parts),
                    self.pts,
                    # A sync sample that lacks a slice is no place to start from.
                    self._sync and whole and self._whole and self._first_seen,
                    self._arrival_us if arrival_us is None else arrival_us,
                    self._lost,
                    self.parameter_sets if self._sets_changed else None,
                    self._discontinuity,
                )
            )
            self._sets_changed = False
            self._lost = 0
            self._discontinuity = False
        self._marked = False
        self._clear()
