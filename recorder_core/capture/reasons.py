"""What keeps a camera from being recorded, in the words of a gap."""

from __future__ import annotations

from recorder_core.errors import ErrorCode, RecorderError, StorageError
from recorder_core.storage.records import GapReason

_GAP_REASONS: dict[ErrorCode, GapReason] = {
    ErrorCode.AUTH_FAILED: GapReason.AUTH_FAILED,
    ErrorCode.AUTH_REQUIRED: GapReason.AUTH_FAILED,
    ErrorCode.NO_VIDEO: GapReason.NO_VIDEO,
    ErrorCode.UNSUPPORTED_CODEC: GapReason.UNSUPPORTED,
    ErrorCode.CONNECTION_LOST: GapReason.CONNECTION_LOST,
    ErrorCode.PROTOCOL: GapReason.CONNECTION_LOST,
    ErrorCode.STALLED: GapReason.STALLED,
    ErrorCode.NO_SYNC_SAMPLE: GapReason.NO_SYNC_SAMPLE,
    ErrorCode.FORMAT_UNREADABLE: GapReason.UNSUPPORTED,
    ErrorCode.STORAGE_STALLED: GapReason.STORAGE_STALLED,
    ErrorCode.VOLUME_FULL: GapReason.STORAGE_FULL,
}


def gap_reason(error: Exception) -> GapReason:
    """Say in a gap's words why nothing is recorded."""
    if not isinstance(error, RecorderError):
        return GapReason.CONNECTION_LOST
    fallback = GapReason.STORAGE_FAILED if isinstance(error, StorageError) else GapReason.CONNECT_FAILED
    return _GAP_REASONS.get(error.code, fallback)
