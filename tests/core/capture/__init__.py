"""Tests of what becomes of a camera: runs, segments and gaps."""
