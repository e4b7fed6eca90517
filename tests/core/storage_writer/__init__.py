"""Tests of what writes segments."""
