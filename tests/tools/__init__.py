"""Tests of the programs in `script/`."""
