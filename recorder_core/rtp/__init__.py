"""RTP payloads to access units (RFC 3550, 6184, 7798). Bytes in, values out; nothing here does I/O."""

from .depacketizer import Depacketizer
from .nal import H264, H265, NalSyntax, syntax_of
from .rtcp import SenderReport, parse_sender_report

__all__ = ["H264", "H265", "Depacketizer", "NalSyntax", "SenderReport", "parse_sender_report", "syntax_of"]
