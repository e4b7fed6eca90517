"""Tests of the recorder core, which needs no Home Assistant."""
