"""Tests of the Home Assistant integration, in a real Home Assistant core, with the real recorder process."""
