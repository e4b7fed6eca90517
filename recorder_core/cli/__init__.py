"""The recorder's command line: `python -m recorder_core`."""
