"""What the decoder's process and its caller agree on."""

MOST_INPUT_BYTES = 64 << 20
MOST_MEMORY_BYTES = 2 << 30
MOST_CPU_S = 10

EXIT_FAILED = 1
EXIT_NO_LIBRARY = 3
