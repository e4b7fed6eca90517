"""Tests of the depacketizers: what cameras send, and what they must never be able to do."""
