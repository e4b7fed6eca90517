"""Every way in which a simulated camera can misbehave, as values.

A fault is in force from `Simulator.apply` (or from the start) until `Simulator.clear`; an event happens once.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .camera import VideoSettings


class Quirk(Enum):
    """Faults that need no parameters."""

    # The connection
    REFUSE = auto()
    """The port is closed: connections are refused, open ones are ended."""
    CLOSE_AT_ONCE = auto()
    """Connections are accepted and ended at once."""
    NEVER_ANSWER = auto()
    """Requests are read and not answered."""
    # Answers
    REJECT_PASSWORD = auto()
    """Every credential is wrong."""
    NOT_FOUND = auto()
    """404 to every request but OPTIONS."""
    UNAVAILABLE = auto()
    """503 to every request."""
    CHATTER = auto()
    """Between frames the camera sends responses that nobody asked for and requests of its own."""
    # The session description
    ABSOLUTE_CONTROL = auto()
    """Control attributes are whole URLs instead of relative ones."""
    NO_CONTENT_BASE = auto()
    """No `Content-Base` header."""
    WRONG_CONTENT_TYPE = auto()
    """The description is said to be `text/plain`."""
    NO_PARAMETER_SETS = auto()
    """No `sprop-*` parameters; they come in the stream only, before each sync sample."""
    NO_VIDEO = auto()
    """Only sound is offered."""
    UNKNOWN_CODEC = auto()
    """The video media names an encoding that nobody knows."""
    # The stream
    STALL = auto()
    """The connection stays, requests are answered, no media comes."""
    NO_MARKERS = auto()
    """No packet has the marker bit that ends a picture."""
    SHARED_TIMESTAMPS = auto()
    """Pictures come in pairs with one timestamp."""
    WRONG_CHANNEL = auto()
    """Video is sent on an interleaved channel that was not negotiated."""


@dataclass(frozen=True, slots=True)
class SlowAnswers:
    """Each answer comes that many seconds late."""

    seconds: float


@dataclass(frozen=True, slots=True)
class LosePackets:
    """Of every `every` video packets the last one is not sent."""

    every: int


@dataclass(frozen=True, slots=True)
class ReorderPackets:
    """Of every `every` packets of one picture the last one is sent before the one it should follow."""

    every: int


@dataclass(frozen=True, slots=True)
class Garbage:
    """That many bytes that belong to nothing precede each picture (never a `$`, and never the start of a message)."""

    size: int


@dataclass(frozen=True, slots=True)
class ChangeVideo:
    """Another encoding from the next picture on: resolution, parameter sets, codec, GOP length, B-frames."""

    video: VideoSettings


@dataclass(frozen=True, slots=True)
class Disconnect:
    """Event: all connections end."""


@dataclass(frozen=True, slots=True)
class ChangeSsrc:
    """Event: every session goes on with another SSRC."""


@dataclass(frozen=True, slots=True)
class JumpSequence:
    """Event: sequence numbers go on `by` further (negative: back)."""

    by: int


@dataclass(frozen=True, slots=True)
class JumpTimestamp:
    """Event: RTP timestamps go on `by` ticks of 1/90 000 s further (negative: back)."""

    by: int


type Event = Disconnect | ChangeSsrc | JumpSequence | JumpTimestamp
type Lasting = Quirk | SlowAnswers | LosePackets | ReorderPackets | Garbage | ChangeVideo
type Fault = Lasting | Event


class FaultBox:
    """The faults of one camera that are in force."""

    def __init__(self) -> None:
        """Start without any."""
        self._faults: dict[type | Quirk, Lasting] = {}

    def add(self, fault: Lasting) -> None:
        """Put a fault in force, in place of one of its kind with other parameters."""
        self._faults[fault if isinstance(fault, Quirk) else type(fault)] = fault

    def clear(self) -> None:
        """Behave again."""
        self._faults.clear()

    def __contains__(self, quirk: Quirk) -> bool:
        """Whether that quirk is in force."""
        return quirk in self._faults

    def get[F: (SlowAnswers, LosePackets, ReorderPackets, Garbage, ChangeVideo)](self, kind: type[F]) -> F | None:
        """The fault of that kind that is in force."""
        fault = self._faults.get(kind)
        return fault if isinstance(fault, kind) else None
