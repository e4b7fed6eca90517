"""What the decoder's process and its caller agree on."""

MOST_INPUT_BYTES = 64 << 20
MOST_MEMORY_BYTES = 2 << 30

FIRST = "first"
"""In place of a presentation time: whichever picture comes first."""

EXIT_FAILED = 1
EXIT_NO_LIBRARY = 3
