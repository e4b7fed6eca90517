"""What the decoder's process and its caller agree on."""

import struct

MOST_INPUT_BYTES = 64 << 20
MOST_MEMORY_BYTES = 2 << 30

MOST_ENCODED_BYTES = 128 << 20
"""What the caller takes of pictures that were encoded anew; it keeps them in memory."""

FIRST = "first"
"""In place of a presentation time: whichever picture comes first."""

ANEW = "h264"
"""In place of a picture's format: all pictures of an interval, `<first>-<end>`, as H.264.

Each comes as `PICTURE`, its composition time, whether it is a sync sample and its size, and then its NAL units with
start codes (H.264 annex B), in the order of presentation, which is that of decoding.
"""

PICTURE = struct.Struct(">q?I")

EXIT_FAILED = 1
EXIT_NO_LIBRARY = 3
EXIT_NO_ENCODER = 4
