"""Tests of the recorder's api."""
