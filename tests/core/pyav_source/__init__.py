"""The source that captures through PyAV in a child process: every way to it, and every way in which it ends."""
