"""Tests of the recorder's service."""
