"""What can go wrong, as a closed set of codes: each error carries one, a sentence for people, and values to fill in.

A code is stable: the API hands it on, Home Assistant translates it. A message never holds a credential.
"""

from __future__ import annotations

from enum import StrEnum


class ErrorCode(StrEnum):
    """Every code that the recorder's API may answer with."""

    # A camera or its address
    BAD_URL = "bad_url"
    UNREACHABLE = "unreachable"
    CONNECTION_REFUSED = "connection_refused"
    TIMEOUT = "timeout"
    TLS_FAILED = "tls_failed"
    AUTH_FAILED = "auth_failed"
    AUTH_REQUIRED = "auth_required"
    NOT_FOUND = "stream_not_found"
    PROTOCOL = "protocol_error"
    REJECTED = "camera_rejected"
    NO_VIDEO = "no_video"
    UNSUPPORTED_CODEC = "unsupported_codec"
    CONNECTION_LOST = "connection_lost"
    STALLED = "stalled"
    NO_SYNC_SAMPLE = "no_sync_sample"
    FORMAT_UNREADABLE = "format_unreadable"
    # Storage
    VOLUME_MISSING = "volume_missing"
    VOLUME_FOREIGN = "volume_foreign"
    VOLUME_READ_ONLY = "volume_read_only"
    VOLUME_FULL = "volume_full"
    VOLUME_OVERLAY = "volume_overlay"
    VOLUME_NETWORK = "volume_network"
    VOLUME_FORBIDDEN = "volume_forbidden"
    STORAGE_STALLED = "storage_stalled"
    STORAGE_FAILED = "storage_failed"
    STORE_LOCKED = "store_locked"
    INDEX_DAMAGED = "index_damaged"
    SETTINGS_DAMAGED = "settings_damaged"
    SOCKET_UNUSABLE = "socket_unusable"
    # Requests
    BAD_REQUEST = "bad_request"
    UNKNOWN_CAMERA = "unknown_camera"
    UNKNOWN_EXPORT = "unknown_export"
    UNKNOWN_HOLD = "unknown_hold"
    HOLD_OVER = "hold_over"
    HELD = "held"
    KEY_TAKEN = "key_taken"
    INTERVAL_INVERTED = "interval_inverted"
    INTERVAL_TOO_LONG = "interval_too_long"
    INTERVAL_FUTURE = "interval_future"
    NO_FOOTAGE = "no_footage"
    EXPORT_FAILED = "export_failed"
    EXPORT_CANCELLED = "export_cancelled"
    EXPORT_NOT_DONE = "export_not_done"
    EXPORT_DAMAGED = "export_damaged"
    UNKNOWN_DELIVERY = "unknown_delivery"
    UNKNOWN_DELIVERY_FOLDER = "unknown_delivery_folder"
    DELIVERY_FOLDER_MISSING = "delivery_folder_missing"
    DELIVERY_FOLDER_FULL = "delivery_folder_full"
    DELIVERY_FOLDER_IN_USE = "delivery_folder_in_use"
    DELIVERY_FAILED = "delivery_failed"
    FOOTAGE_DAMAGED = "footage_damaged"
    DECODER_FAILED = "decoder_failed"
    VERSION_MISMATCH = "version_mismatch"
    RECORDER_UNREACHABLE = "recorder_unreachable"
    UNAUTHORIZED = "unauthorized"
    INTERNAL = "internal_error"


class RecorderError(Exception):
    """Base of every error that the recorder raises on purpose."""

    def __init__(self, code: ErrorCode, message: str, **placeholders: str | float) -> None:
        """Keep the code, the English sentence and the values that a translation fills in."""
        super().__init__(message)
        self.code = code
        self.message = message
        self.placeholders = placeholders


class CameraError(RecorderError):
    """A camera, its address or what it sends is at fault."""


class StorageError(RecorderError):
    """A volume, a file or the index is at fault."""


class RequestError(RecorderError):
    """The caller asked for something that cannot be done; nothing was changed."""
