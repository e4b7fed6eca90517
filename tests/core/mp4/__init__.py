"""Tests of the MP4 writer and reader."""
