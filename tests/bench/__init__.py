"""Benchmarks: conversions compared with plain FFmpeg (`make bench-conversion`)."""
