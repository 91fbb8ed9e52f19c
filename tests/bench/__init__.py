"""Compare conversions with plain FFmpeg: `make bench-conversion`."""
