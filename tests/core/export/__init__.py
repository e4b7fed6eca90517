"""Tests of cutting clips."""
