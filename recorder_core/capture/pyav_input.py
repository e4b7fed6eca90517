"""Opens a camera's address through libavformat, in the capturing child process, and says what it met in our words.

Over RTSP nothing but the video is set up; in a container the rest is discarded at the demuxer (invariant 5).
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit, urlunsplit

import av
import av.error
from av.stream import Discard

from recorder_core.errors import CameraError, ErrorCode
from recorder_core.media import Codec

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.stream import VideoStream

    from .pyav_protocol import Orders

_CODECS = {"h264": Codec.H264, "hevc": Codec.H265, "mjpeg": Codec.MJPEG}
_ONE_PICTURE = frozenset({"image2", "jpeg_pipe"})
"""What libavformat calls a file that is a picture and nothing more, by its name or by what is in it."""

_SECURE = frozenset({"rtsps", "https", "rtmps"})

_OPEN_TIMEOUT_S = 20.0
"""For connecting and for looking at the stream each; in between libavformat may go from UDP to TCP."""

_QUIET_S = 10.0
"""The least time without a byte after which libavformat gives up, or goes from UDP to TCP."""

_STALL_MARGIN_S = 5.0
"""libavformat waits that much longer than the recorder, which is to be the one that calls a stall a stall."""

_RTSP = {
    "allowed_media_types": "video",
    # Parsers hold each picture until the next one begins and lose the first one's time; pictures are gathered here.
    "fflags": "noparse",
    # The session description says all there is to know. What libavformat reads to find out more would arrive late.
    "probesize": "32",
    "analyzeduration": "1",
    "buffer_size": str(4 << 20),
    # A camera's answer must not make this process read files or speak other protocols.
    "protocol_whitelist": "rtp,udp,tcp,tls",
}
_OTHER = {
    # Long enough to find the streams, and short enough that pictures that waited meanwhile do not set the run's clock.
    "analyzeduration": "500000",
    "protocol_whitelist": "http,https,httpproxy,rtmp,rtmps,tcp,tls,crypto",
}

# Errors of libavformat, the specific ones first; their own texts name the address, so they are not handed on.
_ERRORS: tuple[tuple[type[Exception], ErrorCode, str], ...] = (
    (av.error.HTTPUnauthorizedError, ErrorCode.AUTH_FAILED, "The camera refuses this user name and password."),
    (av.error.HTTPForbiddenError, ErrorCode.AUTH_FAILED, "The camera forbids this user to see the stream."),
    (av.error.HTTPNotFoundError, ErrorCode.NOT_FOUND, "The camera knows no stream at this address."),
    (av.error.HTTPClientError, ErrorCode.REJECTED, "The camera refused to send video."),
    (av.error.HTTPError, ErrorCode.REJECTED, "The camera cannot send video at the moment."),
    (av.error.ConnectionRefusedError, ErrorCode.CONNECTION_REFUSED, "The camera refuses connections."),
    (av.error.TimeoutError, ErrorCode.TIMEOUT, "The camera did not answer in time."),
    (av.error.ExitError, ErrorCode.TIMEOUT, "The camera did not answer in time."),
    (av.error.EOFError, ErrorCode.CONNECTION_LOST, "The camera closed the connection."),
    (av.error.InvalidDataError, ErrorCode.PROTOCOL, "What answers at this address sends no video."),
    (av.error.FFmpegError, ErrorCode.UNREACHABLE, "The camera cannot be reached."),
)


def open_input(orders: Orders) -> InputContainer:
    """Open the address with the credentials in it; together they exist in this process's memory only.

    Raises:
        CameraError: why it cannot be opened.
    """
    url = orders.url
    if orders.username is not None:
        parts = urlsplit(url)
        user = f"{quote(orders.username, safe='')}:{quote(orders.password or '', safe='')}"
        url = urlunsplit(parts._replace(netloc=f"{user}@{parts.netloc}"))
    quiet_us = str(int(max(orders.stall_timeout_s + _STALL_MARGIN_S, _QUIET_S) * 1_000_000))
    options = {**_RTSP, "timeout": quiet_us} if orders.is_rtsp else {**_OTHER, "rw_timeout": quiet_us}
    if orders.scheme in _SECURE:
        options["tls_verify"] = str(int(orders.verify_tls))
    try:
        return av.open(url, options=options, timeout=(_OPEN_TIMEOUT_S, None))
    except av.error.FFmpegError as error:
        raise _refusal(error, orders) from None  # its text names the address with the credentials in it


def find_video(container: InputContainer) -> tuple[VideoStream, Codec]:
    """Return the stream to record, and have all others discarded.

    Raises:
        CameraError: `NO_VIDEO` or `UNSUPPORTED_CODEC`.
    """
    found: tuple[VideoStream, Codec] | None = None
    names = []
    for stream in container.streams.video:
        # What libavformat cannot name has no codec context, which the library's types do not say.
        context = getattr(stream, "codec_context", None)
        name = "an unknown format" if context is None else str(context.name)
        names.append(name)
        if found is None and name in _CODECS:
            found = stream, _CODECS[name]
    if not names or container.format.name in _ONE_PICTURE:
        raise CameraError(ErrorCode.NO_VIDEO, "The camera offers no video at this address.")
    if found is None:
        codecs = ", ".join(names)
        sentence = f"The camera sends {codecs}; H.264, H.265 or Motion JPEG is needed."
        raise CameraError(ErrorCode.UNSUPPORTED_CODEC, sentence, codec=codecs)
    for other in container.streams:
        if other.index != found[0].index:
            other.discard = Discard.all
    return found


def explain(error: av.error.FFmpegError) -> CameraError:
    """Say what libavformat met, without the address that its own words hold."""
    code, text = next((code, text) for kind, code, text in _ERRORS if isinstance(error, kind))
    return CameraError(code, text)


def _refusal(error: av.error.FFmpegError, orders: Orders) -> CameraError:
    if isinstance(error, av.error.HTTPUnauthorizedError) and orders.username is None:
        return CameraError(ErrorCode.AUTH_REQUIRED, "The camera asks for a user name and a password.")
    if isinstance(error, av.error.OSError) and error.errno == errno.EIO and orders.scheme in _SECURE:
        return CameraError(ErrorCode.TLS_FAILED, "No encrypted connection to the camera could be made.")
    return explain(error)
