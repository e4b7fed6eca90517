"""Tests of files and index together."""
