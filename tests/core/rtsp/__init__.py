"""Tests of the RTSP client."""
